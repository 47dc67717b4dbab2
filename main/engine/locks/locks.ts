import { AsyncLocalStorage } from 'node:async_hooks';
import { randomUUID } from 'node:crypto';
import { formatValue } from '../../../protocol/describe-value.ts';
import { DiskCacheError } from '../../../protocol/error.ts';
import type { Key } from '../../../protocol/key.ts';
import { createIdentity, type ProcessIdentity } from '../process-identity.ts';
import { assertFunction } from '../validate.ts';
import { type AcquireAsyncOptions, type AcquireOptions, acquireAsync, acquireBlocking, LockHandle } from './acquire.ts';
import type { RecipeStore } from './recipes.ts';
import { type LeaseOptions, TicketSemaphore } from './ticket-semaphore.ts';

/** The interface of `Lock`, `RLock` and `BoundedSemaphore`. */
export interface LockLike {
  /**
   * Acquires, blocking the thread: for worker threads, command-line tools and short waits.
   *
   * @throws {DiskCacheError} `TIMEOUT`, naming the holders; at once if this thread itself is the holder, because it can't release
   * while it is blocked. `BAD_OPTION` inside `transact`, where no other owner could release.
   */
  acquire(options?: AcquireOptions): LockHandle;

  /**
   * Acquires without blocking the event loop. Rejects with the signal's reason if the signal is aborted.
   *
   * @throws {DiskCacheError} `TIMEOUT`, naming the holders; `BAD_OPTION` inside `transact`.
   */
  acquireAsync(options?: AcquireAsyncOptions): Promise<LockHandle>;

  /** Acquires, runs `work`, and releases when `work` has finished or failed. @throws as `acquireAsync`, and anything `work` throws */
  run<T>(work: () => T | PromiseLike<T>, options?: AcquireAsyncOptions): Promise<T>;

  /**
   * Releases the latest handle acquired through this object.
   *
   * @throws {DiskCacheError} `NOT_ALLOWED` if there is no handle, or if the lock was lost.
   */
  release(): void;

  /** Whether every place is taken by a live holder. One lookup. */
  locked(): boolean;
}

/** The common part of locks and semaphores: handles, given out in order. */
abstract class LockBase implements LockLike {
  readonly #semaphore: TicketSemaphore;
  /** Handles acquired through this object, the latest last. */
  readonly #handles: LockHandle[] = [];

  constructor(store: RecipeStore, key: Key, recipe: string, bound: number, options?: LeaseOptions) {
    this.#semaphore = new TicketSemaphore(store, key, recipe, bound, options);
  }

  acquire(options?: AcquireOptions): LockHandle {
    const owner = this.getBlockingOwner();
    return this.#addHandle(owner, acquireBlocking(this.#semaphore, owner, options));
  }

  async acquireAsync(options?: AcquireAsyncOptions): Promise<LockHandle> {
    const owner = this.getAsyncOwner();
    return this.#addHandle(owner, await acquireAsync(this.#semaphore, owner, options));
  }

  async run<T>(work: () => T | PromiseLike<T>, options?: AcquireAsyncOptions): Promise<T> {
    assertFunction(work, 'the function of run');
    const handle = await this.acquireAsync(options);
    try {
      return await work();
    } finally {
      handle.release();
    }
  }

  release(): void {
    const handle = this.#handles.findLast((candidate) => this.canRelease(candidate));
    if (handle === undefined) {
      const why = 'is not held through this object; release it through the object that acquired it';
      throw new DiskCacheError('NOT_ALLOWED', `${this.#semaphore} ${why}`);
    }
    handle.release();
  }

  locked(): boolean {
    return this.#semaphore.isFull();
  }

  protected getBlockingOwner(): ProcessIdentity {
    return createIdentity();
  }

  protected getAsyncOwner(): ProcessIdentity {
    return createIdentity();
  }

  protected canRelease(_handle: LockHandle): boolean {
    return true;
  }

  #addHandle(owner: ProcessIdentity, ticket: number): LockHandle {
    const handle = new LockHandle(this.#semaphore, owner, ticket, (ended) =>
      this.#handles.splice(this.#handles.indexOf(ended), 1),
    );
    this.#handles.push(handle);
    return handle;
  }
}

/**
 * A mutual exclusion lock across processes and threads, first come, first served. An owner that acquires it twice waits for itself;
 * see `RLock`. The lock of a holder that died is released, see `LeaseOptions`.
 *
 * Its state is the row of `key`. Acquire and release are one transaction each, O(log n + waiting owners).
 *
 * @throws {DiskCacheError} `BAD_OPTION`, `BAD_KEY`; its methods throw `BAD_VALUE` if the row holds something else.
 */
export class Lock extends LockBase {
  constructor(store: RecipeStore, key: Key, options?: LeaseOptions) {
    super(store, key, 'Lock', 1, options);
  }
}

/** The id of the current flow. */
const flows = new AsyncLocalStorage<string>();

/**
 * A lock that its owner may acquire again; it is free when it has been released as often as acquired.
 *
 * The owner is a flow: `run` begins one, and everything called inside it, across any number of awaits and RLock objects, belongs to
 * it. Outside of `run`, the object itself is the owner for `acquire` (nested synchronous code), and each `acquireAsync` has a new
 * owner, so that two flows that share the object never hold the lock together.
 *
 * Its state is the row of `key`. Acquire and release are one transaction each, O(log n + waiting owners).
 *
 * @throws {DiskCacheError} `BAD_OPTION`, `BAD_KEY`; its methods throw `BAD_VALUE` if the row holds something else.
 */
export class RLock extends LockBase {
  readonly #self = randomUUID();

  constructor(store: RecipeStore, key: Key, options?: LeaseOptions) {
    super(store, key, 'RLock', 1, options);
  }

  /** Runs `work` holding the lock, as one flow: functions it calls may acquire the lock again. */
  override run<T>(work: () => T | PromiseLike<T>, options?: AcquireAsyncOptions): Promise<T> {
    return flows.run(flows.getStore() ?? randomUUID(), () => super.run(work, options));
  }

  protected override getBlockingOwner(): ProcessIdentity {
    return createIdentity(flows.getStore() ?? this.#self);
  }

  protected override getAsyncOwner(): ProcessIdentity {
    return createIdentity(flows.getStore());
  }

  protected override canRelease(handle: LockHandle): boolean {
    const flow = flows.getStore();
    return flow === undefined || handle.ownerId === flow;
  }
}

/**
 * A semaphore with `bound` places across processes and threads, first come, first served. The place of a holder that died is
 * released, see `LeaseOptions`. All users of a key must give the same bound; it can change while there are no holders and no waiters.
 *
 * Its state is the row of `key`. Acquire and release are one transaction each, O(log n + holders and waiters).
 *
 * @throws {DiskCacheError} `BAD_OPTION` for a bound that is not a whole number above 0, and from its methods while the key is in use
 * with another bound; `BAD_KEY`; its methods throw `BAD_VALUE` if the row holds something else.
 */
export class BoundedSemaphore extends LockBase {
  constructor(store: RecipeStore, key: Key, bound = 1, options?: LeaseOptions) {
    if (!(Number.isSafeInteger(bound) && bound > 0)) {
      throw new DiskCacheError('BAD_OPTION', `bound is ${formatValue(bound, "'")}; give a whole number above 0`);
    }
    super(store, key, 'BoundedSemaphore', bound, options);
  }
}
