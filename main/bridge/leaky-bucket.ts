/** What is added leaks away with time: short bursts pass, what goes on does not (Turner, "New Directions in Communications", 1986). */
export class LeakyBucket {
  readonly #capacity: number;
  readonly #leakPerMs: number;
  #level = 0;
  #at = performance.now();

  constructor(capacity: number, leakPerSecond: number) {
    this.#capacity = capacity;
    this.#leakPerMs = leakPerSecond / 1000;
  }

  /** Returns whether it is still within the capacity. */
  add(amount: number): boolean {
    this.#level = this.level + amount;
    return this.#level <= this.#capacity;
  }

  /** What has not leaked away yet. */
  get level(): number {
    const now = performance.now();
    this.#level = Math.max(0, this.#level - (now - this.#at) * this.#leakPerMs);
    this.#at = now;
    return this.#level;
  }
}
