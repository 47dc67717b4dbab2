// Imported, for a test's fake timers replace the globals and would stop the pages' calls.
import { setImmediate, setTimeout } from 'node:timers';
import { estimateBytes } from '../../protocol/clone.ts';
import { DiskCacheError, type ErrorCode } from '../../protocol/error.ts';
import { toPageErrorData } from '../../protocol/redaction.ts';
import {
  MAX_IN_FLIGHT,
  MAX_OPERATIONS,
  MAX_RESPONSE_BYTES,
  MAX_SINGLE_RESPONSE_BYTES,
  type OperationFailure,
  RESPONSE_PART_BYTES,
  type ResponseMessage,
  type ResponsePart,
  takesParts,
} from '../../protocol/wire.ts';
import { isExpansionBomb } from './gate.ts';
import type { RunResults } from './run-operations.ts';

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
  /** The non-empty queues by owner, the next turn first. */
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

const EXPANSION_BOMB_MESSAGE =
  'The main process refused calls whose arrays have more than 10000 holes, or that refer to the same parts over and over; fill the holes, or write less at a time';

/** Codes of operations that were refused without running. */
const REFUSAL_CODES: ReadonlySet<ErrorCode> = new Set([
  'NOT_ALLOWED',
  'TOO_LARGE',
  'BAD_OPTION',
  'BAD_KEY',
  'BAD_VALUE',
  'NO_SUCH_STORE',
]);

/** Milliseconds between two checks whether a request may start. */
const START_RETRY_MS = 10;

const isRefusal = ([, { code }]: OperationFailure): boolean => REFUSAL_CODES.has(code);

/**
 * The requests of one page, from the port to their responses: each is validated, queued and answered, in order.
 *
 * Invariant: the queue is bounded, whatever the page sends; every request with a numeric id gets exactly one response.
 */
export class RequestQueue {
  readonly #run: (operations: readonly unknown[], maxWeight: number) => Iterator<number | undefined, RunResults>;
  readonly #afterRun: (result: RunResults) => Promise<unknown> | undefined;
  readonly #respond: (response: ResponseMessage | ResponsePart, result?: RunResults) => void;
  readonly #onRefused: (request: readonly unknown[], why: 'malformed' | 'refused') => void;
  readonly #scheduler: FairScheduler;
  readonly #tasks: TaskQueue = [];
  readonly #owner: object;
  readonly #mayStart: () => boolean;
  #queuedOperations = 0;
  #queuedBytes = 0;

  /**
   * `afterRun` returns what a response must wait for after its operations have run. `onRefused` is called for malformed requests, and for
   * those whose operations were all refused. `owner`: whose turns the requests use. `mayStart` returns whether a request may start; if
   * not, it is called again a little later.
   */
  constructor(
    scheduler: FairScheduler,
    run: (operations: readonly unknown[], maxWeight: number) => Iterator<number | undefined, RunResults>,
    afterRun: (result: RunResults) => Promise<unknown> | undefined,
    respond: (response: ResponseMessage | ResponsePart, result?: RunResults) => void,
    onRefused: (request: readonly unknown[], why: 'malformed' | 'refused') => void = () => {},
    owner?: object,
    mayStart: () => boolean = () => true,
  ) {
    this.#mayStart = mayStart;
    this.#owner = owner ?? this.#tasks;
    this.#scheduler = scheduler;
    this.#run = run;
    this.#afterRun = afterRun;
    this.#respond = respond;
    this.#onRefused = onRefused;
  }

  receive(request: readonly unknown[]): void {
    const [id, operations] = request;
    if (typeof id !== 'number') {
      this.#onRefused(request, 'malformed');
      return;
    }
    if (request.length !== 2 || !Array.isArray(operations) || operations.length > MAX_OPERATIONS) {
      this.#refuse(id, 'NOT_ALLOWED', `The main process refused a message that is not a request: [id, operations]`);
      this.#onRefused(request, 'malformed');
      return;
    }
    if (isExpansionBomb(operations)) {
      this.#refuse(id, 'TOO_LARGE', EXPANSION_BOMB_MESSAGE);
      this.#onRefused(request, 'malformed');
      return;
    }
    // Only requests that have to wait are measured.
    let weight = 0;
    const work = this.#run(operations, takesParts(id) ? MAX_RESPONSE_BYTES : MAX_SINGLE_RESPONSE_BYTES);
    let hasStarted = false;
    const task = () => {
      if (!hasStarted && !this.#mayStart()) return START_RETRY_MS;
      hasStarted = true;
      const step = work.next();
      if (step.done !== true) return step.value ?? true;
      const { failures, settled } = step.value;
      const respond = () => {
        this.#queuedOperations -= operations.length;
        this.#queuedBytes -= weight;
        this.#post(id, step.value);
        const isRefused = failures.length > 0 && failures.length === operations.length && failures.every(isRefusal);
        if (isRefused) this.#onRefused(request, 'refused');
      };
      const finish = () => {
        const wait = this.#afterRun(step.value);
        if (wait === undefined) respond();
        else void wait.then(respond);
      };
      if (settled === undefined) finish();
      else void settled.then(finish);
      return false;
    };
    this.#queuedOperations += operations.length;
    const waiting = this.#tasks.length;
    this.#scheduler.enqueue(this.#tasks, task, this.#owner);
    if (this.#tasks.length === waiting) return;
    weight = estimateBytes(operations);
    this.#queuedBytes += weight;
    if (
      this.#queuedOperations <= MAX_IN_FLIGHT.operations &&
      (this.#queuedBytes <= MAX_IN_FLIGHT.bytes || this.#tasks.length === 1)
    )
      return;
    this.#tasks.pop();
    this.#queuedOperations -= operations.length;
    this.#queuedBytes -= weight;
    this.#refuse(id, 'BUSY', 'This page has more calls in flight than the main process accepts; wait for responses');
    this.#onRefused(request, 'refused');
  }

  /** Posts a response; a large one in parts, between which others have a turn. */
  #post(id: number, result: RunResults): void {
    if (!takesParts(id) || (result.bytes ?? 0) <= 2 * RESPONSE_PART_BYTES) {
      this.#respond([id, result.values, result.failures], result);
      return;
    }
    const parts = splitValues(result.values);
    let part = parts.next().value ?? [];
    const task = () => {
      const next = parts.next();
      this.#respond(next.done ? [id, part, result.failures] : [id, part], result);
      if (next.done) return false;
      part = next.value;
      return true;
    };
    this.#scheduler.enqueue(this.#tasks, task, this.#owner);
  }

  /** Drops the pending requests. */
  close(): void {
    this.#tasks.length = 0;
  }

  #refuse(id: number, code: ErrorCode, message: string): void {
    this.#respond([id, { refused: toPageErrorData(new DiskCacheError(code, message)) }]);
  }
}

/** Groups values into parts of about `RESPONSE_PART_BYTES` bytes; a larger value is a part of its own. */
function* splitValues(values: readonly unknown[]): Generator<unknown[], undefined> {
  let part: unknown[] = [];
  let weight = 0;
  for (const value of values) {
    const more = estimateBytes(value);
    if (part.length > 0 && weight + more > RESPONSE_PART_BYTES) {
      yield part;
      part = [];
      weight = 0;
    }
    part.push(value);
    weight += more;
  }
  yield part;
}
