import { AsyncLocalStorage } from 'node:async_hooks';
import { randomUUID } from 'node:crypto';
import { formatValue } from '../../../protocol/describe-value.ts';
import { DiskCacheError } from '../../../protocol/error.ts';
import type { Key } from '../../../protocol/key.ts';
import { createIdentity, type ProcessIdentity } from '../process-identity.ts';
import { assertFunction } from '../validate.ts';
import { type AcquireAsyncOptions, type AcquireOptions, acquireAsync, acquireBlocking } from './acquire.ts';
import { LockHandle } from './lock-handle.ts';
import type { RecipeStore } from './recipe-store.ts';
import { type LeaseOptions, TicketSemaphore } from './ticket-semaphore.ts';

/** What locks and semaphores have in common: holds, handed out in order. */
export abstract class LockBase {
  readonly #semaphore: TicketSemaphore;
  /** Taken through this object, the latest last. */
  readonly #handles: LockHandle[] = [];

  constructor(store: RecipeStore, key: Key, recipe: string, bound: number, options?: LeaseOptions) {
    this.#semaphore = new TicketSemaphore(store, key, recipe, bound, options);
  }

  /**
   * Waits on the spot, which blocks the thread: for worker threads, command lines and short waits.
   *
   * @throws {DiskCacheError} `TIMEOUT`, with who holds it; at once when that is this thread itself, which can't let go while
   * it waits. `BAD_OPTION` inside `transact`, where nobody else could leave.
   */
  acquire(options?: AcquireOptions): LockHandle {
    const owner = this.getBlockingOwner();
    return this.#addHandle(owner, acquireBlocking(this.#semaphore, owner, options));
  }

  /**
   * Waits while the event loop turns.
   *
   * @throws {DiskCacheError} `TIMEOUT`, with who holds it; `BAD_OPTION` inside `transact`. Rejects with the signal's reason
   * when that is aborted.
   */
  async acquireAsync(options?: AcquireAsyncOptions): Promise<LockHandle> {
    const owner = this.getAsyncOwner();
    return this.#addHandle(owner, await acquireAsync(this.#semaphore, owner, options));
  }

  /** Runs `work` inside: waits for its turn, lets the next one in when `work` is done or has failed. */
  async run<T>(work: () => T | PromiseLike<T>, options?: AcquireAsyncOptions): Promise<T> {
    assertFunction(work, 'what run calls');
    const hold = await this.acquireAsync(options);
    try {
      return await work();
    } finally {
      hold.release();
    }
  }

  /**
   * Releases the latest hold taken through this object.
   *
   * @throws {DiskCacheError} `NOT_ALLOWED` when there is none, or when it was lost.
   */
  release(): void {
    const hold = this.#handles.findLast((candidate) => this.canRelease(candidate));
    if (hold === undefined) {
      const why = 'is not held through this object; who acquires, releases';
      throw new DiskCacheError('NOT_ALLOWED', `${this.#semaphore} ${why}`);
    }
    hold.release();
  }

  /** Whether every place is taken by somebody who lives. One look-up. */
  locked(): boolean {
    return this.#semaphore.isFull();
  }

  protected getBlockingOwner(): ProcessIdentity {
    return createIdentity();
  }

  protected getAsyncOwner(): ProcessIdentity {
    return createIdentity();
  }

  protected canRelease(_hold: LockHandle): boolean {
    return true;
  }

  #addHandle(owner: ProcessIdentity, ticket: number): LockHandle {
    const hold = new LockHandle(this.#semaphore, owner, ticket, (ended) =>
      this.#handles.splice(this.#handles.indexOf(ended), 1),
    );
    this.#handles.push(hold);
    return hold;
  }
}

/**
 * Lets one owner at a time inside, across processes and threads, in the order in which they came. Who holds it and acquires
 * again waits for itself; see `RLock`. A holder that dies is passed over, see `LeaseOptions`.
 *
 * Its state is the row of `key`. Acquiring and releasing is a transaction each, O(log n + owners that wait).
 *
 * @throws {DiskCacheError} `BAD_OPTION`, `BAD_KEY`; `BAD_VALUE` from its methods when the row holds something else.
 */
export class Lock extends LockBase {
  constructor(store: RecipeStore, key: Key, options?: LeaseOptions) {
    super(store, key, 'Lock', 1, options);
  }
}

/** The id of the flow that runs. */
const flows = new AsyncLocalStorage<string>();

/**
 * A lock that its owner may acquire again; it is free when it has been released as often.
 *
 * An owner is a flow: `run` begins one, and everything that is called inside, over any number of awaits and RLock objects,
 * belongs to it. Outside of `run`, `acquire` makes this object the owner (synchronous code that nests), and each
 * `acquireAsync` is an owner of its own, so that two flows that share the object never get inside together.
 *
 * Its state is the row of `key`. Every acquire and release is a transaction, O(log n + owners that wait).
 *
 * @throws {DiskCacheError} `BAD_OPTION`, `BAD_KEY`; `BAD_VALUE` from its methods when the row holds something else.
 */
export class RLock extends LockBase {
  readonly #self = randomUUID();

  constructor(store: RecipeStore, key: Key, options?: LeaseOptions) {
    super(store, key, 'RLock', 1, options);
  }

  /** Runs `work` inside, as one flow: what it calls may acquire again. */
  override run<T>(work: () => T | PromiseLike<T>, options?: AcquireAsyncOptions): Promise<T> {
    return flows.run(flows.getStore() ?? randomUUID(), () => super.run(work, options));
  }

  protected override getBlockingOwner(): ProcessIdentity {
    return createIdentity(flows.getStore() ?? this.#self);
  }

  protected override getAsyncOwner(): ProcessIdentity {
    return createIdentity(flows.getStore());
  }

  protected override canRelease(hold: LockHandle): boolean {
    const flow = flows.getStore();
    return flow === undefined || hold.ownerId === flow;
  }
}

/**
 * Lets at most `bound` owners inside at a time, across processes and threads, in the order in which they came. A holder that
 * dies is passed over, see `LeaseOptions`. All who share a key give the same bound; another one is admitted when nobody is there.
 *
 * Its state is the row of `key`. Acquiring and releasing is a transaction each, O(log n + owners inside and waiting).
 *
 * @throws {DiskCacheError} `BAD_OPTION` for a bound that is no whole number above 0, and from its methods while others use
 * another one; `BAD_KEY`; `BAD_VALUE` from its methods when the row holds something else.
 */
export class BoundedSemaphore extends LockBase {
  constructor(store: RecipeStore, key: Key, bound = 1, options?: LeaseOptions) {
    if (!(Number.isSafeInteger(bound) && bound > 0)) {
      throw new DiskCacheError('BAD_OPTION', `bound is ${formatValue(bound, "'")}; give a whole number above 0`);
    }
    super(store, key, 'BoundedSemaphore', bound, options);
  }
}
