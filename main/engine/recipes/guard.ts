import { DiskCacheError } from '../../../protocol/error.ts';
import type { Key } from '../../../protocol/key.ts';
import { newOwner, type Owner } from '../owner.ts';
import { Hold } from './hold.ts';
import type { RecipeStore } from './recipe-store.ts';
import { type LeaseOptions, Turnstile } from './turnstile.ts';
import { type AcquireAsyncOptions, type AcquireOptions, enterInTurn, enterOnTheSpot } from './waiting.ts';

/** What locks and semaphores have in common: holds, handed out in order. */
export abstract class Guard {
  readonly #turnstile: Turnstile;
  /** Taken through this object, the latest last. */
  readonly #holds: Hold[] = [];

  constructor(store: RecipeStore, key: Key, recipe: string, bound: number, options?: LeaseOptions) {
    this.#turnstile = new Turnstile(store, key, recipe, bound, options);
  }

  /**
   * Waits on the spot, which blocks the thread: for worker threads, command lines and short waits.
   *
   * @throws {DiskCacheError} `TIMEOUT`, with who holds it; at once when that is this thread itself, which can't let go while
   * it waits. `BAD_OPTION` inside `transact`, where nobody else could leave.
   */
  acquire(options?: AcquireOptions): Hold {
    const owner = this.ownerOnTheSpot();
    return this.#keep(owner, enterOnTheSpot(this.#turnstile, owner, options));
  }

  /**
   * Waits while the event loop turns.
   *
   * @throws {DiskCacheError} `TIMEOUT`, with who holds it; `BAD_OPTION` inside `transact`. Rejects with the signal's reason
   * when that is aborted.
   */
  async acquireAsync(options?: AcquireAsyncOptions): Promise<Hold> {
    const owner = this.ownerInTurn();
    return this.#keep(owner, await enterInTurn(this.#turnstile, owner, options));
  }

  /** Runs `work` inside: waits for its turn, lets the next one in when `work` is done or has failed. */
  async run<T>(work: () => T | PromiseLike<T>, options?: AcquireAsyncOptions): Promise<T> {
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
    const hold = this.#holds.findLast((candidate) => this.mayRelease(candidate));
    if (hold === undefined) {
      const why = 'is not held through this object; who acquires, releases';
      throw new DiskCacheError('NOT_ALLOWED', `${this.#turnstile} ${why}`);
    }
    hold.release();
  }

  /** Whether every place is taken by somebody who lives. One look-up. */
  locked(): boolean {
    return this.#turnstile.isFull();
  }

  protected ownerOnTheSpot(): Owner {
    return newOwner();
  }

  protected ownerInTurn(): Owner {
    return newOwner();
  }

  protected mayRelease(_hold: Hold): boolean {
    return true;
  }

  #keep(owner: Owner, ticket: number): Hold {
    const hold = new Hold(this.#turnstile, owner, ticket, (ended) => this.#holds.splice(this.#holds.indexOf(ended), 1));
    this.#holds.push(hold);
    return hold;
  }
}
