import { DiskCacheError } from '../../../protocol/error.ts';
import type { ProcessIdentity } from '../process-identity.ts';
import { isTransient } from '../sqlite/errors.ts';
import type { TicketSemaphore } from './ticket-semaphore.ts';

/** Renewals during one lease. */
const RENEWALS_PER_LEASE = 3;

/** The handles of this thread, which are renewed even while it is blocked waiting for another lock. */
const heldHandles = new Set<LockHandle>();

/** Renews the leases that are due, for a thread whose timers can't fire because it is blocked. */
export function renewDueLeases(): void {
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
    this.#timer = setInterval(() => this.renewOrMarkLost(), intervalMs).unref();
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
export function notify(name: string): void {
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
