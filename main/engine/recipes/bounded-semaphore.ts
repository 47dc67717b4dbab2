import { DiskCacheError } from '../../../protocol/error.ts';
import { shownValue } from '../../../protocol/fault.ts';
import type { Key } from '../../../protocol/key.ts';
import { Guard } from './guard.ts';
import type { RecipeStore } from './recipe-store.ts';
import type { LeaseOptions } from './turnstile.ts';

/**
 * Lets at most `bound` owners inside at a time, across processes and threads, in the order in which they came. A holder that
 * dies is passed over, see `LeaseOptions`. All who share a key give the same bound; another one is admitted when nobody is there.
 *
 * Its state is the row of `key`. Acquiring and releasing is a transaction each, O(log n + owners inside and waiting).
 *
 * @throws {DiskCacheError} `BAD_OPTION` for a bound that is no whole number above 0, and from its methods while others use
 * another one; `BAD_KEY`; `BAD_VALUE` from its methods when the row holds something else.
 */
export class BoundedSemaphore extends Guard {
  constructor(store: RecipeStore, key: Key, bound = 1, options?: LeaseOptions) {
    if (!(Number.isSafeInteger(bound) && bound > 0)) {
      throw new DiskCacheError('BAD_OPTION', `bound is ${shownValue(bound, "'")}; give a whole number above 0`);
    }
    super(store, key, 'BoundedSemaphore', bound, options);
  }
}
