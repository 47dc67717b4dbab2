/** Milliseconds. A page that is being replaced by another loses its line first; it shouldn't come back for nothing. */
const AFTER = 250;

interface Listening {
  connect(): Promise<unknown>;
  /** Whether somebody listens and there is no line. */
  isWanted(): boolean;
  /** Why nobody will hear anything. */
  onFailure(error: unknown): void;
}

/**
 * Gets those who only listen a line: at once, and by itself a moment after theirs was cut, for they call nothing that would.
 *
 * Invariant: nothing comes back, and no failure is told, of what was cancelled.
 */
export class Comeback {
  readonly #listening: Listening;
  #cancelled = 0;
  #timer: ReturnType<typeof setTimeout> | undefined;

  constructor(listening: Listening) {
    this.#listening = listening;
  }

  now(): void {
    const before = this.#cancelled;
    this.#listening.connect().catch((error: unknown) => {
      if (this.#cancelled === before) this.#listening.onFailure(error);
    });
  }

  later(): void {
    this.#timer = setTimeout(() => {
      if (this.#listening.isWanted()) this.now();
    }, AFTER);
  }

  /** The line, or the wish for one, was given up. */
  cancel(): void {
    this.#cancelled++;
    clearTimeout(this.#timer);
  }
}
