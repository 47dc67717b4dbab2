/** A millisecond holds this many stamps; epoch milliseconds plus twelve binary digits are exact in a double until 2248. */
const PER_MILLISECOND = 4096;

/**
 * Times that are stored: the clock's, with a fraction that orders what happens within one millisecond, so that "least
 * recently" has an answer even when the clock stands still.
 */
export class Stamps {
  #last = Number.NEGATIVE_INFINITY;

  /** The next one after the last, without asking the clock: order is exact, time as fresh as the last `at`. */
  next(): number {
    this.#last += 1 / PER_MILLISECOND;
    return this.#last;
  }

  /** One for the clock's now. */
  at(now: number): number {
    this.#last = Math.floor(this.#last) === Math.floor(now) ? Math.max(now, this.#last + 1 / PER_MILLISECOND) : now;
    return this.#last;
  }
}
