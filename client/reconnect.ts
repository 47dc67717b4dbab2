/** Milliseconds. A page that is being replaced by another loses its line first; it shouldn't come back for nothing. */
const RECONNECT_DELAY_MS = 250;

interface ReconnectTarget {
  connect(): Promise<unknown>;
  /** Whether there are listeners but no connection. */
  isWanted(): boolean;
  /** Why no listener will be called again. */
  onFailure(error: unknown): void;
}

/**
 * Gets those who only listen a line: at once, and by itself a moment after theirs was cut, for they call nothing that would.
 *
 * Invariant: nothing comes back, and no failure is told, of what was cancelled.
 */
export class Reconnector {
  readonly #target: ReconnectTarget;
  #cancelCount = 0;
  #timer: ReturnType<typeof setTimeout> | undefined;

  constructor(listening: ReconnectTarget) {
    this.#target = listening;
  }

  connectNow(): void {
    const before = this.#cancelCount;
    this.#target.connect().catch((error: unknown) => {
      if (this.#cancelCount === before) this.#target.onFailure(error);
    });
  }

  connectLater(): void {
    this.#timer = setTimeout(() => {
      if (this.#target.isWanted()) this.connectNow();
    }, RECONNECT_DELAY_MS);
  }

  /** The line, or the wish for one, was given up. */
  cancel(): void {
    this.#cancelCount++;
    clearTimeout(this.#timer);
  }
}
