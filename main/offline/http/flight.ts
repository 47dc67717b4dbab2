/** How a flight ended for those who waited: look into the store again, or go yourself. */
export type Landing = 'look' | 'go';

/**
 * One request under way to the origin, and who waits for what it brings. The request is given up when nobody is left who wants
 * it: the one who began it and every waiter can leave alone. A waiter who was sent away has left, too.
 */
export class Flight {
  /** Without fragment. */
  readonly url: string;
  readonly isBehind: boolean;
  readonly #abort = new AbortController();
  readonly #landed: Promise<Landing>;
  /** Waiters, and the one who began it. */
  #interested = 1;
  #isLed = true;
  #hasArrived = false;
  #land: (how: Landing) => void = () => {};
  #fail: (error: unknown) => void = () => {};
  /** Whether what it brings may still be stored: not after an unsafe request to its URL, nor when a later one was begun. */
  isWanted = true;

  /** `isBehind`: nobody waits for its answer, so nothing need stand in for it. */
  constructor(url: string, isBehind: boolean) {
    this.url = url;
    this.isBehind = isBehind;
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
      this.#leave(signal.reason);
    }
  }

  /** The one who began it wants it no more. */
  abandon(reason?: unknown): void {
    if (this.#isLed) this.#leave(reason);
    this.#isLed = false;
  }

  /** Sends the waiters away; who began it still has its answer to read. */
  land(how: Landing): void {
    this.#land(how);
  }

  /** All of its answer is stored: there is nothing left to give up. */
  arrive(): void {
    this.#hasArrived = true;
    this.#land('look');
  }

  fail(error: unknown): void {
    this.#hasArrived = true;
    this.#fail(error);
  }

  #leave(reason: unknown): void {
    if (--this.#interested === 0 && !this.#hasArrived) this.#abort.abort(reason);
  }
}

/** What the promise brings or, as soon as the signal is aborted, its reason. `tooLate` is given what comes after that. */
export function orAborted<T>(promise: Promise<T>, signal: AbortSignal, tooLate = (_: T) => {}): Promise<T> {
  return new Promise((resolve, reject) => {
    const aborted = () => reject(signal.reason);
    if (signal.aborted) aborted();
    signal.addEventListener('abort', aborted, { once: true });
    promise
      .then((value) => (signal.aborted ? tooLate(value) : resolve(value)), reject)
      .finally(() => signal.removeEventListener('abort', aborted));
  });
}

/** A response that comes too late for who asked: nobody reads it, so its file or its connection is let go. */
export function unread(response: Response | undefined): void {
  response?.body?.cancel().catch(() => undefined);
}
