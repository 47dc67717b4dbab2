/** So long, in milliseconds, sessions may keep the main thread busy before everything else gets a turn. */
const SLICE = 2;
/** Jobs that together took less than this since the last turn of the loop need not be remembered for longer. */
const NOTABLE = 0.5;

/**
 * Does its work, or a part of it. Returns whether there is more to do, before which others may have a turn; a number: only after that
 * number of milliseconds.
 */
export type Job = () => boolean | number;

/** What one session has waiting, first come first served. */
export type Lane = Job[];

/**
 * Whose turn it is: jobs of many owners, one of each in turn, and of an owner's sessions one of each, in slices of a few
 * milliseconds: more connections bring no more turns. While no job waits and the slice isn't used up a job runs at once, so that
 * a page alone waits for nothing.
 *
 * Invariant: the jobs of a lane run in their order, each to its end before the next one.
 */
export class Rota {
  /** Of each owner with something to do the lanes with something in them, whose turn is next first. */
  readonly #line: Lane[][] = [];
  readonly #owned = new WeakMap<object, Lane[]>();
  /** Milliseconds used of this turn of the loop. */
  #used = 0;
  #next: NodeJS.Immediate | undefined;

  /** `owner`: whose turn is used, by default the lane's own. */
  enter(lane: Lane, job: Job, owner: object = lane): void {
    while (lane.length === 0 && this.#line.length === 0 && this.#used < SLICE) {
      const more = this.#run(job);
      if (more === false) return;
      if (more === true) continue;
      lane.push(job);
      this.#rest(this.#lanesOf(owner), lane, more);
      return;
    }
    if (lane.push(job) === 1) this.#queue(this.#lanesOf(owner), lane);
  }

  #lanesOf(owner: object): Lane[] {
    const lanes = this.#owned.get(owner) ?? [];
    this.#owned.set(owner, lanes);
    return lanes;
  }

  #queue(lanes: Lane[], lane: Lane): void {
    if (lanes.push(lane) === 1) this.#line.push(lanes);
  }

  /** Everything else has had a turn. */
  readonly #slice = (): void => {
    this.#next = undefined;
    this.#used = 0;
    while (this.#used < SLICE) {
      const lanes = this.#line.shift();
      if (lanes === undefined) return;
      const lane = lanes.shift()!;
      if (lanes.length > 0) this.#line.push(lanes);
      // It stays in its lane while it runs, so that what comes meanwhile waits behind it. A lane that was closed is empty.
      const [job] = lane;
      const more = job !== undefined && this.#run(job);
      if (more === false) lane.shift();
      if (lane.length === 0) continue;
      if (typeof more === 'number') this.#rest(lanes, lane, more);
      else this.#queue(lanes, lane);
    }
  };

  /** A lane out of the line for some milliseconds: what is in it waits for something else than its turn. */
  #rest(lanes: Lane[], lane: Lane, ms: number): void {
    setTimeout(() => {
      if (lane.length === 0) return;
      this.#queue(lanes, lane);
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
