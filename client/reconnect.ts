/** Milliseconds. A page that is being replaced by another loses its connection first and shouldn't reconnect in vain. */
const RECONNECT_DELAY_MS = 250;

interface ReconnectTarget {
  connect(): Promise<unknown>;
  /** Whether there are listeners but no connection. */
  isWanted(): boolean;
  /** Called with the reason why no listener will be called again. */
  onFailure(error: unknown): void;
}

/**
 * Reconnects on behalf of subscriptions: they make no calls, so nothing else would reopen the connection.
 *
 * Invariant: after `cancel`, attempts before it neither reconnect nor report a failure.
 */
export class Reconnector {
  readonly #target: ReconnectTarget;
  #cancelCount = 0;
  #timer: ReturnType<typeof setTimeout> | undefined;

  constructor(target: ReconnectTarget) {
    this.#target = target;
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

  /** Called when the connection has ended or isn't wanted any more. */
  cancel(): void {
    this.#cancelCount++;
    clearTimeout(this.#timer);
  }
}
