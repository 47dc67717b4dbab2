import type { Key } from '../../../protocol/key.ts';
import { Guard } from './guard.ts';
import type { RecipeStore } from './recipe-store.ts';
import type { LeaseOptions } from './turnstile.ts';

/**
 * Lets one owner at a time inside, across processes and threads, in the order in which they came. Who holds it and acquires
 * again waits for itself; see `RLock`. A holder that dies is passed over, see `LeaseOptions`.
 *
 * Its state is the row of `key`. Acquiring and releasing is a transaction each, O(log n + owners that wait).
 *
 * @throws {DiskCacheError} `BAD_OPTION`, `BAD_KEY`; `BAD_VALUE` from its methods when the row holds something else.
 */
export class Lock extends Guard {
  constructor(store: RecipeStore, key: Key, options?: LeaseOptions) {
    super(store, key, 'Lock', 1, options);
  }
}
