import { loadPart } from '../client/on-demand.ts';
import type { RemoteCache, RemoteIndex } from '../client/remote.ts';
import type { RemoteSettings } from '../client/remote-settings.ts';
import { DiskCacheError } from '../protocol/error.ts';
import type { AdoptOptions, AdoptResult } from './adoption.ts';

// biome-ignore-start lint/suspicious/noExplicitAny: stores of any key and value type
/** A store that a page's own storage can be copied into. */
export type AdoptTarget = RemoteCache<any, any> | RemoteIndex<any, any> | RemoteSettings<any>;
// biome-ignore-end lint/suspicious/noExplicitAny: see above

/**
 * Copies the entries of `localStorage`, of `sessionStorage`, or of an open IndexedDB database into a store. Entries that the store already has
 * stay, so calling it again continues where it was stopped. The source is not changed, unless `remove` is set. The code is loaded with the first
 * call. O(entries and their bytes).
 *
 * @throws {DiskCacheError} (as a rejection) `BAD_OPTION`; `NOT_ALLOWED` without read and write access to the store; what writing to the store
 * rejects with, except for values that can't be stored, which are in `skipped`. Also rejects with the reason of the signal.
 */
export async function adopt(
  source: Storage | IDBDatabase,
  store: AdoptTarget,
  options: AdoptOptions = {},
): Promise<AdoptResult> {
  const { adoptInto } = await loadPart('adopt', () => import('./adoption.ts'));
  return adoptInto(source, store, options, (why) => new DiskCacheError('BAD_OPTION', `adopt: ${why}`));
}
