import { Cache, type CacheOptions } from '../../main/engine/index.ts';
import { freshDirectory } from '../engine/fresh-directory.ts';

/** Opens a store for recipes; the caller closes it. */
export const openLockStore = (options: CacheOptions = {}): Cache =>
  new Cache(freshDirectory(), { evictionPolicy: 'none', ...options });

export const sleep = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));

/** Returns the error that a call throws. */
export function catchError(call: () => unknown): unknown {
  try {
    call();
  } catch (error) {
    return error;
  }
  throw new Error('nothing was thrown');
}
