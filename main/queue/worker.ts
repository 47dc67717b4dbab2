import { setImmediate } from 'node:timers/promises';
import { inspect } from 'node:util';
import { DiskCacheError } from '../../protocol/error.ts';
import { createIdentity, isTransient, type ProcessIdentity } from '../engine/internal.ts';
import {
  type AttemptOutcome,
  type Claim,
  claim,
  hasLostJobs,
  isClaimCurrent,
  reclaimLost,
  settle,
} from './attempts.ts';
import { getClockSetbackMs, getCounters, inTransaction, type OpenQueue } from './transaction.ts';
import { getRetryDelayMs, type Handler, type JobContext, type WorkerOptions } from './worker-options.ts';

/** Wakes a sleeping worker. */
class WakeSignal {
  #isNotified = false;
  #wake: (() => void) | undefined;

  notify(): void {
    this.#isNotified = true;
    this.#wake?.();
  }

  /** Sleeps for some milliseconds or until `notify`, then to the end of that turn of the event loop. */
  async sleep(ms: number): Promise<void> {
    if (!this.#isNotified) {
      await new Promise<void>((resolve) => {
        const timer = setTimeout(resolve, ms);
        this.#wake = () => {
          clearTimeout(timer);
          resolve();
        };
      });
      this.#wake = undefined;
    }
    await setImmediate();
    this.#isNotified = false;
  }
}

/** How often to check for jobs of other processes, and for `online`. */
const POLL_INTERVAL_MS = 100;
/** How often to check whether other workers are alive, which needs system calls. */
const WORKER_CHECK_INTERVAL_MS = 500;
/** Pause after a transient error, such as a full disk or a busy store. */
const RETRY_AFTER_FAILURE_MS = 1000;
/** A lease is renewed when less than this share of it is left. */
const RENEW_BELOW_SHARE = 2 / 3;

/** A job that is being handled. */
interface Attempt {
  claim: Claim;
  readonly abortController: AbortController;
  outcome: AttemptOutcome | undefined;
}

/**
 * Runs a handler for jobs, a limited number at a time. One transaction settles finished jobs and claims the next ones, so that they
 * share the cost of a durable commit.
 */
export class Worker {
  readonly #core: OpenQueue;
  readonly #handler: Handler<unknown>;
  readonly #options: WorkerOptions;
  readonly #owner: ProcessIdentity = createIdentity();
  readonly #wakeSignal = new WakeSignal();
  /** Attempts by ticket. Invariant: every attempt leaves this map once, and nothing of it is written afterwards. */
  readonly #attempts = new Map<number, Attempt>();
  /** Set when no more jobs are started. */
  #stopped: { readonly reason: unknown } | undefined;
  #isReleased = false;
  #leaseEndsAt = Number.NEGATIVE_INFINITY;
  #nextWorkerCheckAt = 0;

  constructor(core: OpenQueue, handler: Handler<unknown>, options: WorkerOptions) {
    this.#core = core;
    this.#handler = handler;
    this.#options = options;
  }

  /** Runs until it is stopped and its running jobs have ended. @throws {DiskCacheError} errors of the queue that aren't transient */
  async run(): Promise<void> {
    const { signal } = this.#options;
    const onAbort = () => this.stop(signal?.reason);
    if (signal?.aborted) return;
    signal?.addEventListener('abort', onAbort);
    try {
      while (!this.#isReleased && (this.#stopped === undefined || this.#attempts.size > 0)) {
        await this.#wakeSignal.sleep(retryLaterIfTransient(() => this.#runOnce()));
      }
    } finally {
      signal?.removeEventListener('abort', onAbort);
      this.release(this.#stopped?.reason);
    }
  }

  /** Makes the worker check the queue now. */
  wake(): void {
    this.#wakeSignal.notify();
  }

  /** Starts no more jobs, and aborts the signals of running handlers. */
  stop(reason: unknown): void {
    this.#stopped ??= { reason };
    for (const { abortController } of this.#attempts.values()) abortController.abort(reason);
    this.#wakeSignal.notify();
  }

  /** Stops, and returns unfinished jobs, so that other workers needn't wait for the end of the lease. */
  release(reason: unknown): void {
    this.stop(reason);
    if (this.#isReleased) return;
    this.#isReleased = true;
    const attempts = [...this.#attempts.values()];
    this.#attempts.clear();
    try {
      inTransaction(this.#core, (transaction) => {
        for (const { claim, outcome = 'returned' } of attempts) settle(transaction, claim, outcome);
        transaction.tables.workers.delete(this.#owner.id);
      });
    } catch (error) {
      // Closing must not fail; other workers take over when the lease ends.
      if (!(error instanceof DiskCacheError)) throw error;
    }
  }

  /** Settles finished jobs, starts new ones, renews the lease. Returns the milliseconds to sleep. */
  #runOnce(): number {
    const ended = [...this.#attempts.values()].filter(({ outcome }) => outcome !== undefined);
    const capacity = this.#mayStart() ? this.#options.concurrency - this.#attempts.size + ended.length : 0;
    if (ended.length === 0 && !this.#shouldRenewLease(this.#attempts.size)) {
      const wait = capacity > 0 ? this.#getMsUntilNext() : POLL_INTERVAL_MS;
      if (wait > 0) return wait;
    }
    const { lost, claimed, leaseEnd } = this.#commit(ended, capacity);
    this.#leaseEndsAt = leaseEnd;
    for (const { claim } of ended) this.#attempts.delete(claim.ticket);
    for (const attempt of lost) this.#abortLost(attempt);
    for (const claim of claimed) void this.#startAttempt(claim);
    return claimed.length < capacity && this.#mayStart() ? Math.max(1, this.#getMsUntilNext()) : POLL_INTERVAL_MS;
  }

  #commit(ended: readonly Attempt[], capacity: number) {
    return inTransaction(this.#core, (transaction) => {
      const { tables, now } = transaction;
      const lost = ended.filter(({ claim, outcome }) => !settle(transaction, claim, outcome!));
      const count = tables.paused.has() ? 0 : capacity;
      if (count > 0 && performance.now() >= this.#nextWorkerCheckAt) {
        this.#nextWorkerCheckAt = performance.now() + WORKER_CHECK_INTERVAL_MS;
        reclaimLost(transaction, this.#owner.id, this.#options.retryPolicy);
      }
      const claimed = count > 0 ? claim(transaction, this.#owner.id, count) : [];
      if (!this.#shouldRenewLease(this.#attempts.size - ended.length + claimed.length)) {
        return { lost, claimed, leaseEnd: this.#leaseEndsAt };
      }
      for (const attempt of this.#attempts.values()) {
        if (attempt.outcome === undefined && !isClaimCurrent(tables, attempt.claim)) lost.push(attempt);
      }
      const leaseEnd = now + this.#options.leaseMs;
      tables.workers.put([this.#owner.id], { ...this.#owner, until: leaseEnd, lease: this.#options.leaseMs });
      return { lost, claimed, leaseEnd };
    });
  }

  /** Whether to renew the lease. A worker without jobs needs none. */
  #shouldRenewLease(jobs: number): boolean {
    const { leaseMs } = this.#options;
    const remainingMs = this.#leaseEndsAt - this.#core.clock();
    // More than a whole lease is left: the clock was set back.
    return jobs > 0 && (remainingMs <= leaseMs * RENEW_BELOW_SHARE || remainingMs > leaseMs);
  }

  #mayStart(): boolean {
    return this.#stopped === undefined && this.#options.online();
  }

  /** Returns the milliseconds until a job may be started, as far as known. One or two lookups, no lock. */
  #getMsUntilNext(): number {
    const { tables, clock } = this.#core;
    const counters = getCounters(this.#core);
    if (getClockSetbackMs(counters, clock()) > 0) return 0;
    const { ready, delayed, running } = counters;
    const [due] = delayed > 0 ? tables.due.firstKeys(1) : [];
    const wait = due === undefined ? POLL_INTERVAL_MS : Math.min(POLL_INTERVAL_MS, due[0] - clock());
    const isDue = ready > 0 || wait <= 0 || (running > 0 && this.#checkForLostWorkers());
    return isDue && !tables.paused.has() ? 0 : Math.max(1, wait);
  }

  #checkForLostWorkers(): boolean {
    if (performance.now() < this.#nextWorkerCheckAt) return false;
    if (hasLostJobs(this.#core.tables, this.#owner.id, this.#core.clock())) return true;
    this.#nextWorkerCheckAt = performance.now() + WORKER_CHECK_INTERVAL_MS;
    return false;
  }

  async #startAttempt(claim: Claim): Promise<void> {
    const attempt: Attempt = { claim, abortController: new AbortController(), outcome: undefined };
    // A listener may have stopped the worker or closed the queue right after the commit.
    if (this.#isReleased) return;
    if (this.#stopped !== undefined) attempt.abortController.abort(this.#stopped.reason);
    this.#attempts.set(claim.ticket, attempt);
    try {
      // After `#runOnce` has finished: the handler may close the queue.
      await undefined;
      attempt.abortController.signal.throwIfAborted();
      await this.#handler(this.#toJobContext(attempt));
      attempt.outcome = 'done';
    } catch (error) {
      attempt.outcome = this.#toOutcome(claim, error);
    }
    this.#wakeSignal.notify();
  }

  #toOutcome({ attempt }: Claim, error: unknown): AttemptOutcome {
    if (this.#stopped !== undefined) return 'returned';
    const retryDelayMs =
      error instanceof PermanentFailure ? undefined : getRetryDelayMs(this.#options.retryPolicy, attempt);
    return { attempt, error: formatError(error), retryDelayMs };
  }

  #toJobContext(attempt: Attempt): JobContext<unknown> {
    const { id, job, attempt: attemptNumber, startedAt, progress } = attempt.claim;
    const { payload, priority, group, enqueuedAt } = job;
    const report = (reported: unknown) => this.#report(attempt, reported);
    const { signal } = attempt.abortController;
    return {
      id,
      payload,
      attempt: attemptNumber,
      priority,
      group,
      enqueuedAt,
      startedAt,
      progress,
      signal,
      report,
      bury,
    };
  }

  #report(attempt: Attempt, progress: unknown): void {
    const { claim } = attempt;
    if (this.#attempts.get(claim.ticket) !== attempt) throw this.#lostError(claim);
    const isCurrent = inTransaction(this.#core, (transaction) => {
      if (!isClaimCurrent(transaction.tables, claim)) return false;
      if (progress === undefined) transaction.tables.progress.delete(claim.id);
      else transaction.tables.progress.put([claim.id], progress);
      return true;
    });
    if (!isCurrent) throw this.#abortLost(attempt);
    attempt.claim = { ...claim, progress };
  }

  /** Aborts the handler of a job that no longer belongs to this worker; its result is ignored. */
  #abortLost({ claim, abortController }: Attempt): DiskCacheError {
    const error = this.#lostError(claim);
    this.#attempts.delete(claim.ticket);
    abortController.abort(error);
    this.#wakeSignal.notify();
    return error;
  }

  #lostError({ id, attempt }: Claim): DiskCacheError {
    return new DiskCacheError(
      'NOT_ALLOWED',
      `Attempt ${attempt} of job ${id} in ${this.#core.index.directory} is over: its lease was lost, or it was removed; stop the handler when its signal is aborted`,
    );
  }
}

/** Thrown by `bury`. */
class PermanentFailure extends Error {
  override readonly name = 'Buried';
}

function bury(reason: string): never {
  throw new PermanentFailure(reason);
}

/** Returns an error as text. Reading what a handler has thrown may throw itself. */
function formatError(error: unknown): string {
  try {
    return error instanceof Error ? `${error.name}: ${error.message}` : inspect(error, { depth: 2 });
  } catch {
    return 'The handler failed with an error that can not be read';
  }
}

/** Runs one turn. After a transient error, returns the pause before the next attempt. */
function retryLaterIfTransient(turn: () => number): number {
  try {
    return turn();
  } catch (error) {
    if (isTransient(error)) return RETRY_AFTER_FAILURE_MS;
    throw error;
  }
}
