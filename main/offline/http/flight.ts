/** How a flight ended for those who waited: look into the store again, or go yourself. */
export type Landing = 'look' | 'go';

/**
 * One request under way to the origin, and who waits for what it brings. The request is given up when nobody is left who wants
 * it: the one who began it and every waiter can leave alone.
 */
export class Flight {
  readonly #abort = new AbortController();
  readonly #landed: Promise<Landing>;
  /** Waiters, and the one who began it. */
  #interested = 1;
  #isLed = true;
  #hasLanded = false;
  #land: (how: Landing) => void = () => {};
  #fail: (error: unknown) => void = () => {};
  /** Whether what it brings may still be stored: not after an unsafe request to its URL. */
  isWanted = true;

  constructor() {
    this.#landed = new Promise((resolve, reject) => {
      this.#land = resolve;
      this.#fail = reject;
    });
    this.#landed.catch(() => undefined); // often nobody waits
  }

  get signal(): AbortSignal {
    return this.#abort.signal;
  }

  /** Waits for its end, or for one's own. */
  async join(signal: AbortSignal): Promise<Landing> {
    this.#interested++;
    try {
      return await orAborted(this.#landed, signal);
    } finally {
      this.#leave();
    }
  }

  /** The one who began it wants it no more. */
  abandon(): void {
    if (this.#isLed) this.#leave();
    this.#isLed = false;
  }

  land(how: Landing): void {
    this.#hasLanded = true;
    this.#land(how);
  }

  fail(error: unknown): void {
    this.#hasLanded = true;
    this.#fail(error);
  }

  #leave(): void {
    if (--this.#interested === 0 && !this.#hasLanded) this.#abort.abort();
  }
}

/** The promise's outcome, or the signal's reason as soon as it is aborted. */
export function orAborted<T>(promise: Promise<T>, signal: AbortSignal): Promise<T> {
  if (signal.aborted) return Promise.reject(signal.reason);
  return new Promise((resolve, reject) => {
    const aborted = () => reject(signal.reason);
    signal.addEventListener('abort', aborted, { once: true });
    promise.then(resolve, reject).finally(() => signal.removeEventListener('abort', aborted));
  });
}
