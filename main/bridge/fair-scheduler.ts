/** So long, in milliseconds, sessions may keep the main thread busy before everything else gets a turn. */
const TIME_SLICE_MS = 2;
/** Jobs that together took less than this since the last turn of the loop need not be remembered for longer. */
const MIN_TRACKED_MS = 0.5;

/**
 * Does its work, or a part of it. Returns whether there is more to do, before which others may have a turn; a number: only after that
 * number of milliseconds.
 */
export type Task = () => boolean | number;

/** What one session has waiting, first come first served. */
export type TaskQueue = Task[];

/**
 * Whose turn it is: jobs of many owners, one of each in turn, and of an owner's sessions one of each, in slices of a few
 * milliseconds: more connections bring no more turns. While no job waits and the slice isn't used up a job runs at once, so that
 * a page alone waits for nothing.
 *
 * Invariant: the jobs of a lane run in their order, each to its end before the next one.
 */
export class FairScheduler {
  /** Of each owner with something to do the lanes with something in them, whose turn is next first. */
  readonly #ready: TaskQueue[][] = [];
  readonly #queuesByOwner = new WeakMap<object, TaskQueue[]>();
  /** Milliseconds used of this turn of the loop. */
  #usedMs = 0;
  #nextSlice: NodeJS.Immediate | undefined;

  /** `owner`: whose turn is used, by default the lane's own. */
  enqueue(lane: TaskQueue, job: Task, owner: object = lane): void {
    while (lane.length === 0 && this.#ready.length === 0 && this.#usedMs < TIME_SLICE_MS) {
      const more = this.#run(job);
      if (more === false) return;
      if (more === true) continue;
      lane.push(job);
      this.#resumeAfter(this.#getQueues(owner), lane, more);
      return;
    }
    if (lane.push(job) === 1) this.#makeReady(this.#getQueues(owner), lane);
  }

  #getQueues(owner: object): TaskQueue[] {
    const lanes = this.#queuesByOwner.get(owner) ?? [];
    this.#queuesByOwner.set(owner, lanes);
    return lanes;
  }

  #makeReady(lanes: TaskQueue[], lane: TaskQueue): void {
    if (lanes.push(lane) === 1) this.#ready.push(lanes);
  }

  /** Everything else has had a turn. */
  readonly #runSlice = (): void => {
    this.#nextSlice = undefined;
    this.#usedMs = 0;
    while (this.#usedMs < TIME_SLICE_MS) {
      const lanes = this.#ready.shift();
      if (lanes === undefined) return;
      const lane = lanes.shift()!;
      if (lanes.length > 0) this.#ready.push(lanes);
      // It stays in its lane while it runs, so that what comes meanwhile waits behind it. A lane that was closed is empty.
      const [job] = lane;
      const more = job !== undefined && this.#run(job);
      if (more === false) lane.shift();
      if (lane.length === 0) continue;
      if (typeof more === 'number') this.#resumeAfter(lanes, lane, more);
      else this.#makeReady(lanes, lane);
    }
  };

  /** A lane out of the line for some milliseconds: what is in it waits for something else than its turn. */
  #resumeAfter(lanes: TaskQueue[], lane: TaskQueue, ms: number): void {
    setTimeout(() => {
      if (lane.length === 0) return;
      this.#makeReady(lanes, lane);
      this.#nextSlice ??= setImmediate(this.#runSlice);
    }, ms);
  }

  /** Whether there is more to do, as the job says. */
  #run(job: Task): boolean | number {
    const startedAt = performance.now();
    try {
      return job();
    } finally {
      this.#usedMs += performance.now() - startedAt;
      if (this.#usedMs > MIN_TRACKED_MS) this.#nextSlice ??= setImmediate(this.#runSlice);
    }
  }
}
