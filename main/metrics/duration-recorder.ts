/** How long something took, by buckets. */
export interface DurationHistogram {
  /** The upper bounds of the buckets in milliseconds, inclusive; always the same. */
  readonly boundsMs: readonly number[];
  /** Durations in each bucket, and those above the last bound: one more than `boundsMs`. */
  readonly counts: readonly number[];
  readonly count: number;
  readonly sumMs: number;
  readonly maxMs: number;
}

/** Near 0.3 ms are single writes, near 16.7 ms is a frame of a window, above are checkpoints and network. */
export const DURATION_BOUNDS_MS: readonly number[] = [
  0.1, 0.25, 0.5, 1, 2.5, 5, 10, 16.7, 25, 50, 100, 250, 500, 1000, 2500, 10_000,
];

/** Counts durations in buckets with fixed bounds. */
export class DurationRecorder {
  readonly #counts = new Array<number>(DURATION_BOUNDS_MS.length + 1).fill(0);
  #count = 0;
  #sumMs = 0;
  #maxMs = 0;

  record(ms: number): void {
    const bucket = DURATION_BOUNDS_MS.findIndex((bound) => ms <= bound);
    this.#counts[bucket === -1 ? DURATION_BOUNDS_MS.length : bucket]!++;
    this.#count++;
    this.#sumMs += ms;
    this.#maxMs = Math.max(this.#maxMs, ms);
  }

  read(): DurationHistogram {
    return {
      boundsMs: DURATION_BOUNDS_MS,
      counts: [...this.#counts],
      count: this.#count,
      sumMs: this.#sumMs,
      maxMs: this.#maxMs,
    };
  }
}
