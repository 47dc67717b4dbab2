import { DiskCacheError } from '../../../protocol/error.ts';
import { mayPass } from '../damage.ts';
import type { Owner } from '../owner.ts';
import type { Turnstile } from './turnstile.ts';
import { wake } from './waking.ts';

/** A lease is renewed so many times before it would end. */
const RENEWALS = 3;

/** The holds of this thread, which it renews while it waits on the spot for another. */
const holds = new Set<Hold>();

/** For a thread whose timers can't fire because it waits. */
export function renewDueHolds(): void {
  const now = performance.now();
  for (const hold of holds) if (now >= hold.dueAt) hold.renewQuietly();
}

/**
 * The right to be inside, until `release`; `using` releases it at the end of its block. The lease is renewed as long as the
 * event loop turns.
 */
export class Hold implements Disposable {
  /**
   * Greater than that of every earlier hold of the key, as long as its row is there: a resource that remembers the greatest
   * one it has seen can turn away a holder who has lost its hold without noticing.
   */
  readonly ticket: number;
  /** When it is to be renewed next, by `performance.now()`. */
  dueAt = 0;
  readonly #turnstile: Turnstile;
  readonly #owner: Owner;
  readonly #onEnd: (hold: Hold) => void;
  readonly #timer: NodeJS.Timeout;
  readonly #lost = new AbortController();
  #ended = false;

  constructor(turnstile: Turnstile, owner: Owner, ticket: number, onEnd: (hold: Hold) => void) {
    this.ticket = ticket;
    this.#turnstile = turnstile;
    this.#owner = owner;
    this.#onEnd = onEnd;
    const period = turnstile.lease / RENEWALS;
    this.#timer = setInterval(() => this.renewQuietly(), period).unref();
    this.dueAt = performance.now() + period;
    holds.add(this);
  }

  /** Whose hold it is. */
  get ownerId(): string {
    return this.#owner.id;
  }

  /** Whether it is held still, as the disk says. One look-up. */
  get held(): boolean {
    return !this.#ended && this.#turnstile.isInside(this.#owner, this.ticket);
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
    if (this.#ended || !this.#turnstile.renew(this.#owner, this.ticket)) throw this.#end();
    this.dueAt = performance.now() + this.#turnstile.lease / RENEWALS;
  }

  /**
   * Lets the next one in.
   *
   * @throws {DiskCacheError} `NOT_ALLOWED` when it was released before, or lost: somebody else may have been inside meanwhile.
   */
  release(): void {
    if (this.#ended || !this.#turnstile.leave(this.#owner, this.ticket)) throw this.#end();
    this.#stop();
    wake(this.#turnstile.name);
  }

  /** `release`, unless that was done. */
  [Symbol.dispose](): void {
    if (!this.#ended) this.release();
  }

  /** For timers, which have no caller: what may pass is tried again, everything else is a loss and told by `signal`. */
  renewQuietly(): void {
    try {
      this.renew();
    } catch (error) {
      if (!mayPass(error)) this.#end(error);
    }
  }

  /** It is lost, unless it was released. */
  #end(cause?: unknown): DiskCacheError {
    const lost = !this.#ended || this.signal.aborted;
    const error = new DiskCacheError(
      'NOT_ALLOWED',
      `The hold with ticket ${this.ticket} of ${this.#turnstile} ${lost ? LOST : 'was released already'}`,
      cause === undefined ? undefined : { cause },
    );
    if (lost) this.#lost.abort(error);
    this.#stop();
    return error;
  }

  #stop(): void {
    clearInterval(this.#timer);
    holds.delete(this);
    if (!this.#ended) this.#onEnd(this);
    this.#ended = true;
  }
}

const LOST = 'was lost: its lease ran out while the thread was blocked, its row was deleted, or the store was closed';
