import { AsyncLocalStorage } from 'node:async_hooks';
import { randomUUID } from 'node:crypto';
import type { Key } from '../../../protocol/key.ts';
import { newOwner, type Owner } from '../owner.ts';
import { Guard } from './guard.ts';
import type { Hold } from './hold.ts';
import type { RecipeStore } from './recipe-store.ts';
import type { LeaseOptions } from './turnstile.ts';
import type { AcquireAsyncOptions } from './waiting.ts';

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
export class RLock extends Guard {
  readonly #self = randomUUID();

  constructor(store: RecipeStore, key: Key, options?: LeaseOptions) {
    super(store, key, 'RLock', 1, options);
  }

  /** Runs `work` inside, as one flow: what it calls may acquire again. */
  override run<T>(work: () => T | PromiseLike<T>, options?: AcquireAsyncOptions): Promise<T> {
    return flows.run(flows.getStore() ?? randomUUID(), () => super.run(work, options));
  }

  protected override ownerOnTheSpot(): Owner {
    return newOwner(flows.getStore() ?? this.#self);
  }

  protected override ownerInTurn(): Owner {
    return newOwner(flows.getStore());
  }

  protected override mayRelease(hold: Hold): boolean {
    const flow = flows.getStore();
    return flow === undefined || hold.ownerId === flow;
  }
}
