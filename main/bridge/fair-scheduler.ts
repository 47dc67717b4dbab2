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
  enqueue(queue: TaskQueue, task: Task, owner: object = queue): void {
    while (queue.length === 0 && this.#ready.length === 0 && this.#usedMs < TIME_SLICE_MS) {
      const more = this.#run(task);
      if (more === false) return;
      if (more === true) continue;
      queue.push(task);
      this.#resumeAfter(this.#getQueues(owner), queue, more);
      return;
    }
    if (queue.push(task) === 1) this.#makeReady(this.#getQueues(owner), queue);
  }

  #getQueues(owner: object): TaskQueue[] {
    const queues = this.#queuesByOwner.get(owner) ?? [];
    this.#queuesByOwner.set(owner, queues);
    return queues;
  }

  #makeReady(queues: TaskQueue[], queue: TaskQueue): void {
    if (queues.push(queue) === 1) this.#ready.push(queues);
  }

  /** Runs after everything else has had a turn. */
  readonly #runSlice = (): void => {
    this.#nextSlice = undefined;
    this.#usedMs = 0;
    while (this.#usedMs < TIME_SLICE_MS) {
      const queues = this.#ready.shift();
      if (queues === undefined) return;
      const queue = queues.shift()!;
      if (queues.length > 0) this.#ready.push(queues);
      // The task stays in its queue while it runs, so that tasks added in the meantime wait behind it. A closed queue is empty.
      const [task] = queue;
      const more = task !== undefined && this.#run(task);
      if (more === false) queue.shift();
      if (queue.length === 0) continue;
      if (typeof more === 'number') this.#resumeAfter(queues, queue, more);
      else this.#makeReady(queues, queue);
    }
  };

  /** Takes a queue out of the rotation for some milliseconds: its task waits for something other than its turn. */
  #resumeAfter(queues: TaskQueue[], queue: TaskQueue, ms: number): void {
    setTimeout(() => {
      if (queue.length === 0) return;
      this.#makeReady(queues, queue);
      this.#nextSlice ??= setImmediate(this.#runSlice);
    }, ms);
  }

  /** Runs a task; returns whether it has more to do. */
  #run(task: Task): boolean | number {
    const startedAt = performance.now();
    try {
      return task();
    } finally {
      this.#usedMs += performance.now() - startedAt;
      if (this.#usedMs > MIN_TRACKED_MS) this.#nextSlice ??= setImmediate(this.#runSlice);
    }
  }
}
