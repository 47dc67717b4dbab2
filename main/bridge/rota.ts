/** So long, in milliseconds, sessions may keep the main thread busy before everything else gets a turn. */
const SLICE = 4;
/** Who has done nothing for so long has let everything else have a turn. */
const REST = 1;

/** What one session has waiting, first come first served. */
export type Lane = (() => void)[];

/**
 * Whose turn it is: jobs of many sessions, one of each in turn, in slices of a few milliseconds. While nobody waits and the slice
 * isn't used up a job runs at once, so that a page alone waits for nothing.
 *
 * Invariant: a job runs to its end (it is a transaction), the jobs of a lane in their order.
 */
export class Rota {
  /** Lanes with something in them, the one whose turn is next first. */
  readonly #line: Lane[] = [];
  #used = 0;
  #endedAt = Number.NEGATIVE_INFINITY;

  enter(lane: Lane, job: () => void): void {
    if (this.#line.length === 0) {
      const now = performance.now();
      if (now - this.#endedAt > REST) this.#used = 0;
      if (this.#used < SLICE) {
        this.#run(job, now);
        return;
      }
      setImmediate(this.#slice);
    }
    if (lane.length === 0) this.#line.push(lane);
    lane.push(job);
  }

  readonly #slice = (): void => {
    this.#used = 0;
    while (this.#used < SLICE) {
      const lane = this.#line.shift();
      if (lane === undefined) return;
      const job = lane.shift();
      if (lane.length > 0) this.#line.push(lane);
      if (job !== undefined) this.#run(job, performance.now());
    }
    if (this.#line.length > 0) setImmediate(this.#slice);
  };

  #run(job: () => void, startedAt: number): void {
    try {
      job();
    } finally {
      this.#endedAt = performance.now();
      this.#used += this.#endedAt - startedAt;
    }
  }
}
