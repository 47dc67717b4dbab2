/** Milliseconds for which sessions may keep the main thread busy before everything else gets a turn. */
const TIME_SLICE_MS = 2;
/** Below this much work per event-loop turn, no `setImmediate` is scheduled to reset the slice. Milliseconds. */
const MIN_TRACKED_MS = 0.5;

/**
 * Does its work, or a part of it. Returns whether there is more to do, before which others may have a turn; a number means only after that
 * many milliseconds.
 */
export type Task = () => boolean | number;

/** The pending tasks of one session, first in, first out. */
export type TaskQueue = Task[];

/**
 * Schedules the tasks of many owners round-robin: one task per owner in turn, and within an owner one per session, in slices of a few
 * milliseconds. More connections bring an owner no more turns. While nothing is queued and the slice isn't used up, a task runs
 * immediately, so that a page alone waits for nothing.
 *
 * Invariant: the tasks of a queue run in their order, each to its end before the next one.
 */
export class FairScheduler {
  /** The non-empty queues of each owner that has any, next turn first. */
  readonly #ready: TaskQueue[][] = [];
  readonly #queuesByOwner = new WeakMap<object, TaskQueue[]>();
  /** Milliseconds used in this turn of the event loop. */
  #usedMs = 0;
  #nextSlice: NodeJS.Immediate | undefined;

  /** `owner`: whose turns the task uses, by default the queue's own. */
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

  /** Runs after everything else has had a turn. */
  readonly #runSlice = (): void => {
    this.#nextSlice = undefined;
    this.#usedMs = 0;
    while (this.#usedMs < TIME_SLICE_MS) {
      const lanes = this.#ready.shift();
      if (lanes === undefined) return;
      const lane = lanes.shift()!;
      if (lanes.length > 0) this.#ready.push(lanes);
      // The task stays in its queue while it runs, so that tasks added in the meantime wait behind it. A closed queue is empty.
      const [job] = lane;
      const more = job !== undefined && this.#run(job);
      if (more === false) lane.shift();
      if (lane.length === 0) continue;
      if (typeof more === 'number') this.#resumeAfter(lanes, lane, more);
      else this.#makeReady(lanes, lane);
    }
  };

  /** Takes a queue out of the rotation for some milliseconds: its task waits for something other than its turn. */
  #resumeAfter(lanes: TaskQueue[], lane: TaskQueue, ms: number): void {
    setTimeout(() => {
      if (lane.length === 0) return;
      this.#makeReady(lanes, lane);
      this.#nextSlice ??= setImmediate(this.#runSlice);
    }, ms);
  }

  /** Runs a task; returns whether it has more to do. */
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
