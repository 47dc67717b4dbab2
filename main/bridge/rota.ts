/** So long, in milliseconds, sessions may keep the main thread busy before everything else gets a turn. */
const SLICE = 2;
/** Jobs that together took less than this since the last turn of the loop need not be remembered for longer. */
const NOTABLE = 0.5;

/** Does its work, or a part of it, and then answers true: others may have a turn before the rest. */
export type Job = () => boolean;

/** What one session has waiting, first come first served. */
export type Lane = Job[];

/**
 * Whose turn it is: jobs of many sessions, one of each in turn, in slices of a few milliseconds. While nobody waits and the slice
 * isn't used up a job runs at once, so that a page alone waits for nothing.
 *
 * Invariant: the jobs of a lane run in their order, each to its end before the next one.
 */
export class Rota {
  /** Lanes with something in them, the one whose turn is next first. */
  readonly #line: Lane[] = [];
  /** Milliseconds used of this turn of the loop. */
  #used = 0;
  #next: NodeJS.Immediate | undefined;

  enter(lane: Lane, job: Job): void {
    while (this.#line.length === 0 && this.#used < SLICE) if (!this.#run(job)) return;
    if (lane.length === 0) this.#line.push(lane);
    lane.push(job);
  }

  /** Everything else has had a turn. */
  readonly #slice = (): void => {
    this.#next = undefined;
    this.#used = 0;
    while (this.#used < SLICE) {
      const lane = this.#line.shift();
      if (lane === undefined) return;
      const job = lane.shift();
      if (lane.length > 0) this.#line.push(lane);
      if (job !== undefined && this.#run(job) && lane.unshift(job) === 1) this.#line.push(lane);
    }
  };

  /** Whether there is more to do. */
  #run(job: Job): boolean {
    const startedAt = performance.now();
    try {
      return job();
    } finally {
      this.#used += performance.now() - startedAt;
      if (this.#used > NOTABLE) this.#next ??= setImmediate(this.#slice);
    }
  }
}
