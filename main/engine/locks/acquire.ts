import { formatValue } from '../../../protocol/describe-value.ts';
import { DiskCacheError } from '../../../protocol/error.ts';
import type { ProcessIdentity } from '../process-identity.ts';
import { sleepBlocking } from '../sqlite/busy-retry.ts';
import { assertOptions } from '../validate.ts';
import { renewDueLeases } from './lock-handle.ts';
import type { TicketSemaphore, TicketStatus } from './ticket-semaphore.ts';
import { notify, sleep } from './waiters.ts';

export interface AcquireOptions {
  /** Milliseconds to wait; 0 tries once. Default: without end. */
  readonly timeout?: number;
}

export interface AcquireAsyncOptions extends AcquireOptions {
  /** Ends the waiting with its reason. */
  readonly signal?: AbortSignal;
}

const ACQUIRE_OPTIONS: ReadonlySet<string> = new Set(['timeout']);
const ACQUIRE_ASYNC_OPTIONS: ReadonlySet<string> = new Set(['timeout', 'signal']);

/**
 * Milliseconds between two looks at the row: few when the line has just moved, more the longer it stands still and the more
 * have to go first. Whether those in front live is a question to the system and asked less often.
 */
const MIN_POLL_MS = 2;
const MAX_POLL_MS = 25;
const PROCESS_CHECK_INTERVAL_MS = 50;

/** One owner's wait in line, by monotonic time. */
class PendingAcquire {
  readonly #semaphore: TicketSemaphore;
  readonly #owner: ProcessIdentity;
  readonly timeoutMs: number;
  readonly #startedAt = performance.now();
  #movedAt = this.#startedAt;
  #checkedAt = this.#startedAt;
  #ahead = 0;
  #status: TicketStatus;

  constructor(turnstile: TicketSemaphore, owner: ProcessIdentity, timeout = Number.POSITIVE_INFINITY) {
    if (!(typeof timeout === 'number' && timeout >= 0)) {
      const hint = 'give a number of milliseconds, 0 to try once';
      throw new DiskCacheError('BAD_OPTION', `timeout is ${formatValue(timeout, "'")}; ${hint}`);
    }
    turnstile.assertNoTransaction();
    this.#semaphore = turnstile;
    this.#owner = owner;
    this.timeoutMs = timeout;
    this.#status = turnstile.tryAcquire(owner, undefined, { join: timeout > 0, thorough: timeout === 0 });
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

  /** Looks at the row, and asks to be let in when it may be worth it. */
  poll(): void {
    const now = performance.now();
    const thorough = now - this.#checkedAt >= PROCESS_CHECK_INTERVAL_MS;
    if (thorough) this.#checkedAt = now;
    const { ticket } = this.#status;
    const toGo = this.#semaphore.countAhead(this.#owner, ticket, thorough);
    if (toGo === undefined) this.#status = this.#semaphore.tryAcquire(this.#owner, ticket, { join: true, thorough });
    if (toGo !== this.#ahead) this.#movedAt = now;
    this.#ahead = toGo ?? 0;
  }

  /** How long to pause until the next look. Scattered, so that several waiters don't look in step. */
  get pollDelayMs(): number {
    const still = performance.now() - this.#movedAt;
    const pause = Math.min(MAX_POLL_MS, Math.max(MIN_POLL_MS * this.#ahead, MIN_POLL_MS, still / 4));
    return Math.min(pause * (0.75 + Math.random() / 2), this.timeoutMs - this.waitedMs);
  }

  /** Leaves the line. */
  abandon(): void {
    try {
      this.#semaphore.abandon(this.#owner, this.#status.ticket);
      notify(this.#semaphore.name);
    } catch {
      // Another failure is being told already; the ticket ends with its lease.
    }
  }
}

/** Blocks this thread until the owner is inside; answers its ticket. */
export function acquireBlocking(semaphore: TicketSemaphore, owner: ProcessIdentity, options?: AcquireOptions): number {
  const { timeout } = assertOptions(options, ACQUIRE_OPTIONS);
  const pending = new PendingAcquire(semaphore, owner, timeout);
  try {
    if (!pending.status.inside && semaphore.isHeldByThisThread())
      throw semaphore.toTimeoutError(pending.timeoutMs, true);
    while (!pending.status.inside) {
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

/** Waits until the owner is inside, while the event loop turns; answers its ticket. */
export async function acquireAsync(
  semaphore: TicketSemaphore,
  owner: ProcessIdentity,
  options?: AcquireAsyncOptions,
): Promise<number> {
  const { timeout, signal } = assertOptions(options, ACQUIRE_ASYNC_OPTIONS);
  if (signal !== undefined && !(signal instanceof AbortSignal)) {
    throw new DiskCacheError('BAD_OPTION', 'signal has to be an AbortSignal');
  }
  signal?.throwIfAborted();
  const pending = new PendingAcquire(semaphore, owner, timeout);
  try {
    while (!pending.status.inside) {
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
