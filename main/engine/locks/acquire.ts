import { formatValue } from '../../../protocol/describe-value.ts';
import { DiskCacheError } from '../../../protocol/error.ts';
import type { ProcessIdentity } from '../process-identity.ts';
import { sleepBlocking } from '../sqlite/busy-retry.ts';
import { assertOptions } from '../validate.ts';
import { notify, renewDueLeases, sleep } from './lock-handle.ts';
import type { TicketSemaphore, TicketStatus } from './ticket-semaphore.ts';

export interface AcquireOptions {
  /** Milliseconds to wait; 0 tries once. Default: no limit. */
  readonly timeout?: number;
}

export interface AcquireAsyncOptions extends AcquireOptions {
  /** Ends the wait; the promise rejects with the signal's reason. */
  readonly signal?: AbortSignal;
}

const ACQUIRE_OPTIONS: ReadonlySet<string> = new Set(['timeout']);
const ACQUIRE_ASYNC_OPTIONS: ReadonlySet<string> = new Set(['timeout', 'signal']);

/**
 * Bounds of the pause between two polls of the row: it is short if the queue has just moved, and longer the longer the queue has
 * not moved and the more participants are ahead. Whether their processes are alive needs system calls, so it is checked less often.
 */
const MIN_POLL_MS = 2;
const MAX_POLL_MS = 25;
const PROCESS_CHECK_INTERVAL_MS = 50;

/** The wait of one owner. Its times are monotonic, in milliseconds. */
class PendingAcquire {
  readonly #semaphore: TicketSemaphore;
  readonly #owner: ProcessIdentity;
  readonly timeoutMs: number;
  readonly #startedAt = performance.now();
  #movedAt = this.#startedAt;
  #checkedAt = this.#startedAt;
  #ahead = 0;
  #status: TicketStatus;

  constructor(semaphore: TicketSemaphore, owner: ProcessIdentity, timeout = Number.POSITIVE_INFINITY) {
    if (!(typeof timeout === 'number' && timeout >= 0)) {
      const hint = 'give a number of milliseconds, 0 to try once';
      throw new DiskCacheError('BAD_OPTION', `timeout is ${formatValue(timeout, "'")}; ${hint}`);
    }
    semaphore.assertNoTransaction();
    this.#semaphore = semaphore;
    this.#owner = owner;
    this.timeoutMs = timeout;
    this.#status = semaphore.tryAcquire(owner, undefined, { join: timeout > 0, checkProcesses: timeout === 0 });
  }

  get status(): TicketStatus {
    return this.#status;
  }

  get waitedMs(): number {
    return performance.now() - this.#startedAt;
  }

  get isTimedOut(): boolean {
    return this.waitedMs >= this.timeoutMs;
  }

  /** Reads the row and, if the lock may be free, tries to acquire it. */
  poll(): void {
    const now = performance.now();
    const checkProcesses = now - this.#checkedAt >= PROCESS_CHECK_INTERVAL_MS;
    if (checkProcesses) this.#checkedAt = now;
    const { ticket } = this.#status;
    const ahead = this.#semaphore.countAhead(this.#owner, ticket, checkProcesses);
    if (ahead === undefined)
      this.#status = this.#semaphore.tryAcquire(this.#owner, ticket, { join: true, checkProcesses });
    if (ahead !== this.#ahead) this.#movedAt = now;
    this.#ahead = ahead ?? 0;
  }

  /** Milliseconds until the next poll. Random, so that several waiters don't poll in step. */
  get pollDelayMs(): number {
    const unmovedMs = performance.now() - this.#movedAt;
    const pause = Math.min(MAX_POLL_MS, Math.max(MIN_POLL_MS * this.#ahead, MIN_POLL_MS, unmovedMs / 4));
    return Math.min(pause * (0.75 + Math.random() / 2), this.timeoutMs - this.waitedMs);
  }

  /** Leaves the queue. */
  abandon(): void {
    try {
      this.#semaphore.abandon(this.#owner, this.#status.ticket);
      notify(this.#semaphore.name);
    } catch {
      // The error that ended the wait is the one to report; the ticket expires with its lease.
    }
  }
}

/** Blocks this thread until the owner holds the lock. Returns its ticket. @throws {DiskCacheError} `TIMEOUT`, `BAD_OPTION` */
export function acquireBlocking(semaphore: TicketSemaphore, owner: ProcessIdentity, options?: AcquireOptions): number {
  const { timeout } = assertOptions(options, ACQUIRE_OPTIONS);
  const pending = new PendingAcquire(semaphore, owner, timeout);
  try {
    if (!pending.status.isHeld && semaphore.isHeldByThisThread())
      throw semaphore.toTimeoutError(pending.timeoutMs, true);
    while (!pending.status.isHeld) {
      if (pending.isTimedOut) throw semaphore.toTimeoutError(pending.timeoutMs, true);
      sleepBlocking(pending.pollDelayMs);
      renewDueLeases();
      pending.poll();
    }
    return pending.status.ticket;
  } catch (error) {
    pending.abandon();
    throw error;
  }
}

/** Waits without blocking until the owner holds the lock. Resolves with its ticket. @throws {DiskCacheError} `TIMEOUT`, `BAD_OPTION` */
export async function acquireAsync(
  semaphore: TicketSemaphore,
  owner: ProcessIdentity,
  options?: AcquireAsyncOptions,
): Promise<number> {
  const { timeout, signal } = assertOptions(options, ACQUIRE_ASYNC_OPTIONS);
  if (signal !== undefined && !(signal instanceof AbortSignal)) {
    throw new DiskCacheError('BAD_OPTION', 'signal must be an AbortSignal');
  }
  signal?.throwIfAborted();
  const pending = new PendingAcquire(semaphore, owner, timeout);
  try {
    while (!pending.status.isHeld) {
      if (pending.isTimedOut) throw semaphore.toTimeoutError(pending.timeoutMs, false);
      await sleep(pending.pollDelayMs, signal, semaphore.name);
      pending.poll();
    }
    return pending.status.ticket;
  } catch (error) {
    pending.abandon();
    throw error;
  }
}
