import { DiskCacheError } from '../../../protocol/error.ts';
import type { Key } from '../../../protocol/key.ts';
import type { Core } from './core.ts';

/* For functions that take a store of any kind, such as `reseal(store)`, and for what looks into stores from outside. */

interface StoreCores {
  readonly getAll: () => readonly Core[];
  readonly find: (key: Key) => Core;
}

const known = new WeakMap<object, StoreCores>();

/**
 * Called by the constructor of each public store. The functions throw `CLOSED` after `close`; `find` returns the core that has a key, where there
 * are several.
 */
export function registerStore(
  store: object,
  getAll: () => readonly Core[],
  find: (key: Key) => Core = () => getAll()[0]!,
): void {
  known.set(store, { getAll, find });
}

/** Returns the core that has a key of a store; undefined for anything but a store of this process. @throws {DiskCacheError} `CLOSED` */
export const findCore = (store: object, key: Key): Core | undefined => known.get(store)?.find(key);

/**
 * Returns what a store works on: one core, or those of its shards.
 *
 * @throws {DiskCacheError} `BAD_OPTION` for anything but a store of this process, `CLOSED`.
 */
export function getCores(by: string, store: object): readonly Core[] {
  const cores = known.get(store);
  if (cores === undefined) {
    throw new DiskCacheError('BAD_OPTION', `${by} takes an open Cache, FanoutCache, Index, Deque, Settings or Queue`);
  }
  return cores.getAll();
}
