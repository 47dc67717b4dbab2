import { formatValue } from '../../protocol/describe-value.ts';
import { DiskCacheError } from '../../protocol/error.ts';
import type {
  EnqueueOptions,
  EnqueueResult,
  Job,
  JobCounts,
  JobState,
  NewJob,
  QueueEvent,
} from '../../protocol/job.ts';
import { MAX_TIMER_MS } from '../../protocol/options.ts';
import type { Cursor, ResultPage } from '../../protocol/results.ts';
import { type CheckOptions, type Finding, Index, type IndexOptions, type PlainResult } from '../engine/index.ts';
import { assertFlag, assertFunction, assertOptions, OpenStore } from '../engine/internal.ts';
import { DEFAULT_WORKER_LEASE_MS } from './attempts.ts';
import { getJob, getJobPage, listJobs, removeJob, retryJob, toChangeListener } from './jobs.ts';
import { checkQueue, rebuild } from './repair.ts';
import { enqueueMany, enqueueOne, parseEnqueueOptions } from './schedule.ts';
import { isTableName, openTables } from './tables.ts';
import { getCounters, inTransaction, type OpenQueue } from './transaction.ts';
import { Worker } from './worker.ts';
import type { Handler } from './worker-options.ts';
import { type ProcessOptions, parseProcessOptions } from './worker-options.ts';

type SharedIndexOption = 'clock' | 'codec' | 'compression' | 'durability' | 'fileThreshold' | 'timeout';

export interface OpenQueueOptions extends Pick<IndexOptions, SharedIndexOption> {
  /**
   * Milliseconds after which a worker that gives no sign of life has lost its jobs to others. While its event loop turns it
   * gives one three times as often, so a job may take as long as it likes. Default 30 000. All who share a directory need
   * clocks that agree.
   */
  readonly lease?: number;
}

const OPEN_OPTIONS: ReadonlySet<string> = new Set([
  'clock',
  'codec',
  'compression',
  'durability',
  'fileThreshold',
  'timeout',
  'lease',
] satisfies (keyof OpenQueueOptions)[]);

const CHECK_OPTIONS: ReadonlySet<string> = new Set(['repair']);

/** The version of what is in a queue's directory, docs/disk-format.md. */
const FORMAT_VERSION = 1;

/**
 * Jobs that outlive everything: a durable queue in one directory, shared by as many processes and threads as open it. What
 * `enqueue` has answered survives a kill and a power cut (`durability: 'power'`, unless chosen otherwise). Every job is
 * delivered at least once and acknowledged exactly once: a handler whose worker dies half-way leaves its job to another, so
 * handlers have to bear being run again; one that has come to its end never is.
 *
 * @throws {DiskCacheError} from every method: `CLOSED`, `BUSY`, `CORRUPT`, `DISK_FULL`, as `Index`.
 */
export class Queue<T = unknown> {
  readonly directory: string;
  readonly #leaseMs: number;
  readonly #workers = new Set<Worker>();
  readonly #store: OpenStore<OpenQueue>;

  /**
   * Opens a directory, or creates it.
   *
   * @throws {DiskCacheError} `BAD_OPTION`, also for a directory that holds something else; else what `Index` throws.
   */
  constructor(directory: string, options?: OpenQueueOptions) {
    const { lease = DEFAULT_WORKER_LEASE_MS, ...shared } = assertOptions(options, OPEN_OPTIONS);
    if (!(typeof lease === 'number' && lease > 0 && lease <= MAX_TIMER_MS)) {
      const hint = `give a number of milliseconds, above 0 and at most ${MAX_TIMER_MS}`;
      throw new DiskCacheError('BAD_OPTION', `lease is ${formatValue(lease, "'")}; ${hint}`);
    }
    // A row is seldom read twice, so the memory tier would cost more than it saves.
    const index = new Index(directory, { ...shared, memory: 0, version: FORMAT_VERSION });
    const core: OpenQueue = {
      index,
      tables: openTables(index),
      clock: shared.clock ?? Date.now,
      rebuild: rebuild,
      transaction: undefined,
    };
    this.#leaseMs = lease;
    this.directory = index.directory;
    this.#store = new OpenStore(core, `The queue at ${this.directory}`, () => {
      const closed = new DiskCacheError('CLOSED', `The queue at ${this.directory} was closed`);
      for (const worker of this.#workers) worker.release(closed);
      index.close();
    });
    try {
      claimQueueDirectory(core);
    } catch (error) {
      this.close();
      throw error;
    }
  }

  /**
   * Adds a job; it is on disk when this returns. O(log n + size of the payload).
   *
   * @throws {DiskCacheError} `BAD_VALUE` or `BAD_KEY` with the path of the part that can't be stored; `BAD_OPTION`.
   */
  enqueue(payload: T, options?: EnqueueOptions): EnqueueResult {
    const job = { payload, ...parseEnqueueOptions(options) };
    return this.#runAndWake((core) => inTransaction(core, (step) => enqueueOne(step, job)));
  }

  /** `enqueue` for many, all or none, in one transaction. */
  enqueueMany(jobs: Iterable<NewJob<T>>): EnqueueResult[] {
    return this.#runAndWake((core) => enqueueMany(core, jobs));
  }

  /**
   * Hands jobs to a handler until it is stopped by `signal` or `close`, and then resolves when the handlers at work have
   * ended. A handler that resolves has done its job; one that fails gets it again after a rest, until the job is dead. After
   * the stop, a job whose handler fails or has not ended goes back as if it had not been begun.
   *
   * Rejects with `CORRUPT` and the like when the queue can't be read; handlers at work are told by their signals. A disk that can't
   * be read for the moment (`IO`) is waited for, as a full one is.
   *
   * @throws {DiskCacheError} `BAD_OPTION`, at once.
   */
  process(handler: Handler<T>, options?: ProcessOptions): Promise<void> {
    assertFunction(handler, 'a handler');
    const worker = new Worker(
      this.#store.core,
      handler as Handler<unknown>,
      parseProcessOptions(options, this.#leaseMs),
    );
    this.#workers.add(worker);
    return worker.run().finally(() => this.#workers.delete(worker));
  }

  /** A job by its id, as it stands; undefined when it was done or removed. O(log n + size of the payload). */
  get(id: number): Job<T> | undefined {
    return getJob(this.#store.core, id) as Job<T> | undefined;
  }

  /** The jobs in a state, lazily: the ready ones in the order in which they will be begun, others by group or id. */
  jobs(state: JobState): Generator<Job<T>, void, undefined> {
    this.#store.assertOpen();
    return listJobs(() => this.#store.core, state) as Generator<Job<T>, void, undefined>;
  }

  /**
   * One bounded page of `jobs`, for who can't keep an iterator: `next` of the last page leads to the next one. A job that
   * changes its place in the meantime may be missed; none is returned twice. O(log n + page).
   *
   * @throws {DiskCacheError} `BAD_OPTION` or `BAD_KEY` for an unknown state or cursor.
   */
  page(state: JobState, after?: Cursor): ResultPage<Job<T>> {
    return getJobPage(this.#store.core, state, after) as ResultPage<Job<T>>;
  }

  /** How many jobs there are by state, and how many were done ever. One look-up. */
  counts(): JobCounts {
    const { id: _, ticket: __, at: ___, ...counts } = getCounters(this.#store.core);
    return counts;
  }

  /**
   * Gives a dead job all its attempts again; it comes before those of its group that were enqueued after it and have not begun.
   * Returns false when no dead job has this id.
   *
   * @throws {DiskCacheError} `NOT_ALLOWED` when another job with its dedupe key waits or runs.
   */
  retry(id: number): boolean {
    return this.#runAndWake((core) => retryJob(core, id));
  }

  /** Removes a job, whatever its state: a handler that has it can't acknowledge it. Returns whether there was one. */
  remove(id: number): boolean {
    return this.#runAndWake((core) => removeJob(core, id));
  }

  /** Stops all workers in all processes from starting jobs until `resume()`; running jobs finish. Survives restarts. */
  pause(): void {
    this.#store.core.tables.paused.put([], true);
  }

  resume(): void {
    this.#runAndWake(({ tables }) => tables.paused.delete());
  }

  get paused(): boolean {
    return this.#store.core.tables.paused.has();
  }

  /**
   * Runs a plain function whose calls on this queue are one transaction: whole or, when it throws, not at all. A call that fails
   * inside and is caught undoes only itself.
   *
   * @throws {DiskCacheError} `BAD_OPTION` for a function that returns a promise or a generator.
   */
  transact<R>(work: (() => R) & PlainResult<R>): R {
    assertFunction(work, 'what transact runs');
    return inTransaction(this.#store.core, () => work());
  }

  /**
   * Tells `listener` what happens from now on: what this queue does right after its commit, what other processes do about
   * 25 ms later, in commit order. Returns an unsubscribe function.
   */
  subscribe(listener: (event: QueueEvent) => void): () => void {
    assertFunction(listener, 'a listener');
    return this.#store.core.index.subscribe(toChangeListener(listener));
  }

  /** Bytes on disk. */
  volume(): number {
    return this.#store.core.index.volume();
  }

  /**
   * Looks for damage of every kind. `repair` deletes what is damaged, jobs that can't be read with it, and puts the rest in order
   * again. Reads everything: O(bytes).
   */
  check(options?: CheckOptions): Finding[] {
    const { repair = false } = assertOptions(options, CHECK_OPTIONS);
    assertFlag(repair, 'repair');
    return this.#runAndWake((core) => checkQueue(core, repair));
  }

  /** False once it was closed. */
  get isOpen(): boolean {
    return this.#store.isOpen;
  }

  /** Gives back what handlers have in hand, tells them, and lets go of the directory. Closing again does nothing. */
  close(): void {
    this.#store.close();
  }

  [Symbol.dispose](): void {
    this.close();
  }

  /** Does what workers of this process may want to know of at once. */
  #runAndWake<R>(work: (core: OpenQueue) => R): R {
    const result = work(this.#store.core);
    for (const worker of this.#workers) worker.wake();
    return result;
  }
}

/** An index becomes a queue by its tally; one that lost it to a repair is a queue still. */
function claimQueueDirectory(core: OpenQueue): void {
  const { index, tables } = core;
  if (tables.tally.has()) return;
  index.transact(() => {
    if (tables.tally.has()) return;
    const [first] = index.keys({ limit: 1 });
    const isQueue = first === undefined || (Array.isArray(first) && isTableName(first[0]));
    if (isQueue) inTransaction(core, () => {});
    else
      throw new DiskCacheError('BAD_OPTION', `${index.directory} holds an index, not a queue; give another directory`);
  });
}
