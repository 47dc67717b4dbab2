import { formatValue } from '../../../protocol/describe-value.ts';
import { DiskCacheError } from '../../../protocol/error.ts';
import type { ProcessIdentity } from '../process-identity.ts';
import { unrefTimer } from '../realm.ts';
import { sleepBlocking } from '../sqlite/busy-retry.ts';
import { isTransient } from '../sqlite/errors.ts';
import { assertOptions, assertSignal } from '../validate.ts';
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
  assertSignal(signal);
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

/** Renewals during one lease. */
const RENEWALS_PER_LEASE = 3;

/** The handles of this thread, which are renewed even while it is blocked waiting for another lock. */
const heldHandles = new Set<LockHandle>();

/** Renews the leases that are due, for a thread whose timers can't fire because it is blocked. */
function renewDueLeases(): void {
  const now = performance.now();
  for (const handle of heldHandles) if (now >= handle.renewAt) handle.renewOrMarkLost();
}

/**
 * A held lock or semaphore place, until `release` or the end of a `using` block. The lease is renewed automatically as long as the
 * event loop turns.
 */
export class LockHandle implements Disposable {
  /**
   * A fencing token: greater than the ticket of every earlier holder of the key, as long as the row exists. A resource that remembers
   * the greatest ticket it has seen can refuse a holder that has lost the lock without noticing.
   */
  readonly ticket: number;
  /** Time of the next renewal, by `performance.now()`. */
  renewAt = 0;
  readonly #semaphore: TicketSemaphore;
  readonly #owner: ProcessIdentity;
  readonly #onEnd: (handle: LockHandle) => void;
  readonly #timer: NodeJS.Timeout;
  readonly #lost = new AbortController();
  #ended = false;

  constructor(semaphore: TicketSemaphore, owner: ProcessIdentity, ticket: number, onEnd: (handle: LockHandle) => void) {
    this.ticket = ticket;
    this.#semaphore = semaphore;
    this.#owner = owner;
    this.#onEnd = onEnd;
    const intervalMs = semaphore.leaseMs / RENEWALS_PER_LEASE;
    this.#timer = unrefTimer(setInterval(() => this.renewOrMarkLost(), intervalMs));
    this.renewAt = performance.now() + intervalMs;
    heldHandles.add(this);
  }

  /** The id of the owner. */
  get ownerId(): string {
    return this.#owner.id;
  }

  /** Whether the lock is still held, according to the disk. One lookup. */
  get held(): boolean {
    return !this.#ended && this.#semaphore.isHolder(this.#owner, this.ticket);
  }

  /** Aborted when a renewal finds that the lock was lost: the thread was blocked for longer than the lease, or the row was deleted. */
  get signal(): AbortSignal {
    return this.#lost.signal;
  }

  /**
   * Renews the lease now, for work that blocks the event loop.
   *
   * @throws {DiskCacheError} `NOT_ALLOWED` if the lock was released or lost.
   */
  renew(): void {
    if (this.#ended || !this.#semaphore.renew(this.#owner, this.ticket)) throw this.#markEnded();
    this.renewAt = performance.now() + this.#semaphore.leaseMs / RENEWALS_PER_LEASE;
  }

  /**
   * Releases the lock.
   *
   * @throws {DiskCacheError} `NOT_ALLOWED` if it was already released, or lost: another owner may have held it in the meantime.
   */
  release(): void {
    if (this.#ended || !this.#semaphore.release(this.#owner, this.ticket)) throw this.#markEnded();
    this.#stop();
    notify(this.#semaphore.name);
  }

  /** Releases the lock unless that was already done. */
  [Symbol.dispose](): void {
    if (!this.#ended) this.release();
  }

  /** Renews the lease from a timer, which has no caller: transient errors are retried, any other error aborts `signal`. */
  renewOrMarkLost(): void {
    try {
      this.renew();
    } catch (error) {
      if (!isTransient(error)) this.#markEnded(error);
    }
  }

  /** Ends the handle and returns the error for the caller. Unless it was released, the lock counts as lost. */
  #markEnded(cause?: unknown): DiskCacheError {
    const lost = !this.#ended || this.signal.aborted;
    const error = new DiskCacheError(
      'NOT_ALLOWED',
      `Ticket ${this.ticket} of ${this.#semaphore} ${lost ? LOST_REASON : 'was already released'}`,
      cause === undefined ? undefined : { cause },
    );
    if (lost) this.#lost.abort(error);
    this.#stop();
    return error;
  }

  #stop(): void {
    clearInterval(this.#timer);
    heldHandles.delete(this);
    if (!this.#ended) this.#onEnd(this);
    this.#ended = true;
  }
}

const LOST_REASON =
  'was lost: its lease ran out while the thread was blocked, its row was deleted, or the store was closed';

/** The asynchronous waiters of this thread, by lock name. They are notified on release, so that they needn't wait for the next poll. */
const waiters = new Map<string, Set<() => void>>();

/** Wakes all waiters of this thread that wait for `name`. */
function notify(name: string): void {
  for (const notifyOne of [...(waiters.get(name) ?? [])]) notifyOne();
}

/** Resolves after some milliseconds, or earlier on `notify(name)`. Rejects with the signal's reason. */
export function sleep(ms: number, signal?: AbortSignal, name?: string): Promise<void> {
  return new Promise((resolve, reject) => {
    const unregister = name === undefined ? () => {} : register(name, end);
    const timer = setTimeout(end, ms);
    signal?.addEventListener('abort', end);
    function end(): void {
      clearTimeout(timer);
      signal?.removeEventListener('abort', end);
      unregister();
      if (signal?.aborted) reject(signal.reason);
      else resolve();
    }
  });
}

function register(name: string, wakeUp: () => void): () => void {
  const callbacks = waiters.get(name) ?? new Set();
  waiters.set(name, callbacks.add(wakeUp));
  return () => {
    callbacks.delete(wakeUp);
    if (callbacks.size === 0 && waiters.get(name) === callbacks) waiters.delete(name);
  };
}
