/** So long, in milliseconds, sessions may keep the main thread busy before everything else gets a turn. */
const SLICE = 2;
/** Jobs that together took less than this since the last turn of the loop need not be remembered for longer. */
const NOTABLE = 0.5;

/**
 * Does its work, or a part of it. Returns whether there is more to do, before which others may have a turn; a number: only after so many
 * milliseconds.
 */
export type Job = () => boolean | number;

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
    while (lane.length === 0 && this.#line.length === 0 && this.#used < SLICE) {
      const more = this.#run(job);
      if (more === false) return;
      if (more === true) continue;
      lane.unshift(job);
      this.#rest(lane, more);
      return;
    }
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
      const more = job !== undefined && this.#run(job);
      if (job !== undefined && more !== false) lane.unshift(job);
      if (typeof more === 'number') this.#rest(lane, more);
      else this.#queueUp(lane);
    }
  };

  #queueUp(lane: Lane): void {
    if (lane.length > 0 && !this.#line.includes(lane)) this.#line.push(lane);
  }

  /** A lane out of the line for some milliseconds: what is in it waits for something else than its turn. */
  #rest(lane: Lane, ms: number): void {
    const at = this.#line.indexOf(lane);
    if (at !== -1) this.#line.splice(at, 1);
    setTimeout(() => {
      this.#queueUp(lane);
      this.#next ??= setImmediate(this.#slice);
    }, ms);
  }

  /** Whether there is more to do, as the job says. */
  #run(job: Job): boolean | number {
    const startedAt = performance.now();
    try {
      return job();
    } finally {
      this.#used += performance.now() - startedAt;
      if (this.#used > NOTABLE) this.#next ??= setImmediate(this.#slice);
    }
  }
}
