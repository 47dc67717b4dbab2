import { DiskCacheError } from '../../../protocol/error.ts';
import type { Core } from './core.ts';

/* For functions that take a store of any kind, such as `reseal(store)`. */

const getters = new WeakMap<object, () => readonly Core[]>();

/** Called by the constructor of each public store. The function throws `CLOSED` after `close`. */
export const registerStore = (store: object, getCores: () => readonly Core[]): void => {
  getters.set(store, getCores);
};

/**
 * Returns what a store works on: one core, or those of its shards.
 *
 * @throws {DiskCacheError} `BAD_OPTION` for anything but a store of this process, `CLOSED`.
 */
export function getCores(by: string, store: object): readonly Core[] {
  const get = getters.get(store);
  if (get === undefined) {
    throw new DiskCacheError('BAD_OPTION', `${by} takes an open Cache, FanoutCache, Index, Deque, Settings or Queue`);
  }
  return get();
}
