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
import type { StoredItems, StoredValue } from '../../protocol/plain-values.ts';
import type { Cursor, ResultPage } from '../../protocol/results.ts';
import type {
  BackupOptions,
  BackupResult,
  ExportLines,
  ImportLinesResult,
  IndexOptions,
  PlainResult,
} from '../engine/index.ts';
import { type CheckOptions, type Finding, Index } from '../engine/index.ts';
import { assertFlag, assertFunction, assertOptions, getCores, OpenHandle, registerStore } from '../engine/internal.ts';
import { DEFAULT_WORKER_LEASE_MS } from './attempts.ts';
import { exportJobs, type QueueExportOptions } from './export-jobs.ts';
import { importJobs, type QueueImportOptions } from './import-jobs.ts';
import { getJob, getJobPage, listJobs, removeJob, retryJob, toChangeListener } from './jobs.ts';
import { checkQueue, enqueueMany, enqueueOne, parseEnqueueOptions, rebuildSchedule } from './schedule.ts';
import { isTableName, openTables } from './tables.ts';
import { getCounters, inTransaction, type OpenQueue } from './transaction.ts';
import { Worker } from './worker.ts';
import type { Handler } from './worker-options.ts';
import { type ProcessOptions, parseProcessOptions } from './worker-options.ts';

type SharedIndexOption =
  | 'clock'
  | 'codec'
  | 'compression'
  | 'durability'
  | 'encryptExisting'
  | 'encryptionKey'
  | 'exclusive'
  | 'fileThreshold'
  | 'previousEncryptionKey'
  | 'timeout'
  | 'workerThread';

export interface OpenQueueOptions extends Pick<IndexOptions, SharedIndexOption> {
  /**
   * Milliseconds after which a worker that doesn't renew its lease loses its jobs to other workers. While its event loop turns, the
   * lease is renewed three times per lease, so a job may take any time. All users of a directory need clocks that agree. Default
   * 30 000.
   */
  readonly lease?: number;
}

const OPEN_OPTIONS: ReadonlySet<string> = new Set([
  'clock',
  'codec',
  'compression',
  'durability',
  'encryptExisting',
  'encryptionKey',
  'exclusive',
  'fileThreshold',
  'previousEncryptionKey',
  'timeout',
  'workerThread',
  'lease',
] satisfies (keyof OpenQueueOptions)[]);

const CHECK_OPTIONS: ReadonlySet<string> = new Set(['repair']);

/** The format version of a queue's directory, see docs/disk-format.md. */
const FORMAT_VERSION = 1;

/**
 * A durable job queue in one directory, shared by any number of processes and threads, or with `exclusive` for this process and thread
 * only, where a job takes about half of the processor time. A job survives a kill and a power cut once `enqueue` has returned
 * (`durability: 'power'`, the default). Every job is delivered at least once and acknowledged exactly once: if a worker dies, another one
 * runs its jobs again, so handlers must be idempotent; a job whose handler has resolved never runs again.
 *
 * @throws {DiskCacheError} from every method: `CLOSED`, `BUSY`, `CORRUPT`, `DISK_FULL`, as `Index`.
 */
export class Queue<T = unknown> {
  readonly directory: string;
  readonly #leaseMs: number;
  readonly #workers = new Set<Worker>();
  readonly #store: OpenHandle<OpenQueue>;

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
    // Rows are rarely read twice, so the memory cache would cost more than it saves.
    const index = new Index(directory, { ...shared, memory: 0, version: FORMAT_VERSION });
    const core: OpenQueue = {
      index,
      tables: openTables(index, shared.exclusive),
      clock: shared.clock ?? Date.now,
      rebuildSchedule,
      transaction: undefined,
    };
    registerStore(this, () => getCores('queue', this.#store.core.index));
    this.#leaseMs = lease;
    this.directory = index.directory;
    this.#store = new OpenHandle(core, `The queue at ${this.directory}`, () => {
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
  enqueue<W>(payload: StoredValue<T, W>, options?: EnqueueOptions): EnqueueResult {
    const job = { payload, ...parseEnqueueOptions(options) };
    return this.#runAndWake((core) => inTransaction(core, (transaction) => enqueueOne(transaction, job)));
  }

  /** Adds many jobs, all or none, in one transaction. */
  enqueueMany<W>(jobs: StoredItems<T, NewJob<T>, W>): EnqueueResult[] {
    return this.#runAndWake((core) => enqueueMany(core, jobs));
  }

  /**
   * Runs `handler` for jobs until `signal` is aborted or the queue is closed, then resolves when the running handlers have ended. A job
   * is done when its handler resolves; if it fails, it is retried after a delay, until it is dead. After the stop, a job whose handler
   * fails or has not ended is returned to the queue and not counted as an attempt.
   *
   * Rejects with `CORRUPT` and similar errors if the queue can't be read; running handlers are notified through their signals. After
   * transient errors (`IO`, `DISK_FULL`, `BUSY`) it tries again.
   *
   * @throws {DiskCacheError} `BAD_OPTION`, synchronously.
   */
  process(handler: Handler<T>, options?: ProcessOptions): Promise<void> {
    assertFunction(handler, 'the handler');
    const worker = new Worker(
      this.#store.core,
      handler as Handler<unknown>,
      parseProcessOptions(options, this.#leaseMs),
    );
    this.#workers.add(worker);
    return worker.run().finally(() => this.#workers.delete(worker));
  }

  /** Returns a job by its id; undefined if it was done or removed. O(log n + size of the payload). */
  get(id: number): Job<T> | undefined {
    return getJob(this.#store.core, id) as Job<T> | undefined;
  }

  /** Iterates lazily over the jobs in a state: ready jobs in the order in which they will start, others by group or id. */
  jobs(state: JobState): Generator<Job<T>, void, undefined> {
    this.#store.assertOpen();
    return listJobs(() => this.#store.core, state) as Generator<Job<T>, void, undefined>;
  }

  /**
   * Returns one bounded page of `jobs`, for callers that can't hold an iterator: pass `next` of a page as `after` for the next one. A job
   * that moves in the meantime may be missed; none is returned twice. O(log n + page).
   *
   * @throws {DiskCacheError} `BAD_OPTION` or `BAD_KEY` for an unknown state or cursor.
   */
  page(state: JobState, after?: Cursor): ResultPage<Job<T>> {
    return getJobPage(this.#store.core, state, after) as ResultPage<Job<T>>;
  }

  /** Returns the number of jobs by state, and of all jobs ever done. One lookup. */
  counts(): JobCounts {
    const { id: _, ticket: __, at: ___, imported: ____, ...counts } = getCounters(this.#store.core);
    return counts;
  }

  /**
   * Requeues a dead job with all its attempts, before jobs of its group that were enqueued after it and have not started. Returns false
   * if no dead job has this id.
   *
   * @throws {DiskCacheError} `NOT_ALLOWED` if another job with its dedupe key waits or runs.
   */
  retry(id: number): boolean {
    return this.#runAndWake((core) => retryJob(core, id));
  }

  /** Removes a job in any state; a handler that is running it can no longer complete it. Returns whether there was one. */
  remove(id: number): boolean {
    return this.#runAndWake((core) => removeJob(core, id));
  }

  /** Stops all workers in all processes from starting jobs until `resume()`; running jobs finish. Survives restarts. */
  pause(): void {
    this.#store.core.tables.paused.put([], true);
  }

  /** Ends a pause. */
  resume(): void {
    this.#runAndWake(({ tables }) => tables.paused.delete());
  }

  /** Whether the queue is paused, for all processes. */
  get paused(): boolean {
    return this.#store.core.tables.paused.has();
  }

  /**
   * Runs a synchronous function whose calls on this queue are one transaction, which is rolled back if it throws. A call that fails
   * inside and is caught is rolled back alone.
   *
   * @throws {DiskCacheError} `BAD_OPTION` for a function that returns a promise or a generator.
   */
  transact<R>(work: (() => R) & PlainResult<R>): R {
    assertFunction(work, 'the function of transact');
    return inTransaction(this.#store.core, () => work());
  }

  /**
   * Calls `listener` for every event from now on, in commit order: for changes through this object right after the commit, for those of
   * other processes about 25 ms later. Returns an unsubscribe function.
   */
  subscribe(listener: (event: QueueEvent) => void): () => void {
    assertFunction(listener, 'the listener');
    return this.#store.core.index.subscribe(toChangeListener(listener));
  }

  /** Returns the bytes on disk. */
  volume(): number {
    return this.#store.core.index.volume();
  }

  /**
   * Finds damage of every kind. `repair` deletes damaged rows, and jobs that can't be read because of them, and rebuilds the schedule
   * of the others. Reads everything: O(bytes).
   */
  check(options?: CheckOptions): Finding[] {
    const { repair = false } = assertOptions(options, CHECK_OPTIONS);
    assertFlag(repair, 'repair');
    return this.#runAndWake((core) => checkQueue(core, repair));
  }

  /**
   * Returns the queue as lines of JSON, one job a line, in the order of their ids; docs/export-format.md. Each job is read at one moment,
   * the queue as a whole isn't. Works in slices of about 8 ms. O(bytes).
   *
   * @throws {DiskCacheError} `BAD_OPTION`; the iteration rejects with what reading throws.
   */
  export(options?: QueueExportOptions): AsyncIterable<string> {
    return exportJobs(() => this.#store.core, options);
  }

  /**
   * Imports an export into a queue that never had a job; docs/guide-export.md. Works in transactions of about 8 ms, and each job is scheduled
   * in its own, so workers may start jobs meanwhile. Importing the same export again adds what an interrupted import has left out, and
   * no job that was done since. O(n log n + bytes).
   *
   * @throws {DiskCacheError} (as a rejection) `BAD_OPTION` for a queue that has or had other jobs; else as `Cache.import`.
   */
  import(lines: ExportLines, options?: QueueImportOptions): Promise<ImportLinesResult> {
    return importJobs(
      () => this.#store.core,
      lines,
      options,
      () => this.#runAndWake(() => {}),
    );
  }

  /** Backs the queue up into a new directory, while it is used; see `Cache.backup`. */
  backup(path: string, options?: BackupOptions): Promise<BackupResult> {
    return this.#store.core.index.backup(path, options);
  }

  /** False once it was closed. */
  get isOpen(): boolean {
    return this.#store.isOpen;
  }

  /** Returns the jobs of running handlers to the queue, aborts their signals, and closes the directory. Closing again does nothing. */
  close(): void {
    this.#store.close();
  }

  [Symbol.dispose](): void {
    this.close();
  }

  /** Runs work that may give this process's workers something to do, and wakes them. */
  #runAndWake<R>(work: (core: OpenQueue) => R): R {
    const result = work(this.#store.core);
    for (const worker of this.#workers) worker.wake();
    return result;
  }
}

/** Turns an empty index into a queue by writing its counters. An index of queue rows that has lost its counters is still a queue. */
function claimQueueDirectory(core: OpenQueue): void {
  const { index, tables } = core;
  if (tables.counters.has()) return;
  index.transact(() => {
    if (tables.counters.has()) return;
    const [first] = index.keys({ limit: 1 });
    const isQueue = first === undefined || (Array.isArray(first) && isTableName(first[0]));
    if (isQueue) inTransaction(core, () => {});
    else
      throw new DiskCacheError('BAD_OPTION', `${index.directory} holds an index, not a queue; give another directory`);
  });
}
