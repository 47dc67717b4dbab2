/** Milliseconds to wait before each start within a minute of others. */
const DELAYS = [0, 250, 500, 1000];
const MINUTE = 60_000;

/** When to start again what has ended by itself: soon, then later, and not for ever. */
export class Restarts {
  #at: number[] = [];

  /** Milliseconds to wait from `now` (of a monotonic clock); undefined when four starts of the last minute came to nothing. */
  next(now: number): number | undefined {
    this.#at = this.#at.filter((at) => now - at < MINUTE);
    const delay = DELAYS[this.#at.length];
    if (delay !== undefined) this.#at.push(now);
    return delay;
  }
}
