import { DiskCacheError } from '../../../protocol/error.ts';
import type { ProcessIdentity } from '../process-identity.ts';
import { isTransient } from '../sqlite/errors.ts';
import type { TicketSemaphore } from './ticket-semaphore.ts';
import { notify } from './waiters.ts';

/** A lease is renewed so many times before it would end. */
const RENEWALS_PER_LEASE = 3;

/** The holds of this thread, which it renews while it waits on the spot for another. */
const heldHandles = new Set<LockHandle>();

/** For a thread whose timers can't fire because it waits. */
export function renewDueLeases(): void {
  const now = performance.now();
  for (const handle of heldHandles) if (now >= handle.renewAt) handle.renewOrMarkLost();
}

/**
 * The right to be inside, until `release`; `commitWrite` releases it at the end of its block. The lease is renewed as long as the
 * event loop turns.
 */
export class LockHandle implements Disposable {
  /**
   * Greater than that of every earlier hold of the key, as long as its row is there: a resource that remembers the greatest
   * one it has seen can turn away a holder who has lost its hold without noticing.
   */
  readonly ticket: number;
  /** When it is to be renewed next, by `performance.now()`. */
  renewAt = 0;
  readonly #semaphore: TicketSemaphore;
  readonly #owner: ProcessIdentity;
  readonly #onEnd: (hold: LockHandle) => void;
  readonly #timer: NodeJS.Timeout;
  readonly #lost = new AbortController();
  #ended = false;

  constructor(turnstile: TicketSemaphore, owner: ProcessIdentity, ticket: number, onEnd: (hold: LockHandle) => void) {
    this.ticket = ticket;
    this.#semaphore = turnstile;
    this.#owner = owner;
    this.#onEnd = onEnd;
    const period = turnstile.leaseMs / RENEWALS_PER_LEASE;
    this.#timer = setInterval(() => this.renewOrMarkLost(), period).unref();
    this.renewAt = performance.now() + period;
    heldHandles.add(this);
  }

  /** Whose hold it is. */
  get ownerId(): string {
    return this.#owner.id;
  }

  /** Whether it is held still, as the disk says. One look-up. */
  get held(): boolean {
    return !this.#ended && this.#semaphore.isHolder(this.#owner, this.ticket);
  }

  /** Aborted when a renewal finds that the hold was lost: the thread was blocked for longer than the lease, or the row is gone. */
  get signal(): AbortSignal {
    return this.#lost.signal;
  }

  /**
   * Renews the lease now: for work that keeps the event loop from turning.
   *
   * @throws {DiskCacheError} `NOT_ALLOWED` when the hold was released or lost.
   */
  renew(): void {
    if (this.#ended || !this.#semaphore.renew(this.#owner, this.ticket)) throw this.#markEnded();
    this.renewAt = performance.now() + this.#semaphore.leaseMs / RENEWALS_PER_LEASE;
  }

  /**
   * Lets the next one in.
   *
   * @throws {DiskCacheError} `NOT_ALLOWED` when it was released before, or lost: somebody else may have been inside meanwhile.
   */
  release(): void {
    if (this.#ended || !this.#semaphore.release(this.#owner, this.ticket)) throw this.#markEnded();
    this.#stop();
    notify(this.#semaphore.name);
  }

  /** `release`, unless that was done. */
  [Symbol.dispose](): void {
    if (!this.#ended) this.release();
  }

  /** For timers, which have no caller: what may pass is tried again, everything else is a loss and told by `signal`. */
  renewOrMarkLost(): void {
    try {
      this.renew();
    } catch (error) {
      if (!isTransient(error)) this.#markEnded(error);
    }
  }

  /** It is lost, unless it was released. */
  #markEnded(cause?: unknown): DiskCacheError {
    const lost = !this.#ended || this.signal.aborted;
    const error = new DiskCacheError(
      'NOT_ALLOWED',
      `The hold with ticket ${this.ticket} of ${this.#semaphore} ${lost ? LOST_REASON : 'was released already'}`,
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
