import { loadPart } from '../client/on-demand.ts';
import type { RemoteCache, RemoteIndex } from '../client/remote.ts';
import type { RemoteSettings } from '../client/remote-settings.ts';
import { DiskCacheError } from '../protocol/error.ts';
import type { AdoptOptions, AdoptResult } from './adoption.ts';

// biome-ignore-start lint/suspicious/noExplicitAny: stores of any key and value type
/** A store that can adopt what a page has kept in its own storage. */
export type AdoptTarget = RemoteCache<any, any> | RemoteIndex<any, any> | RemoteSettings<any>;
// biome-ignore-end lint/suspicious/noExplicitAny: see above

/**
 * Copies what a page has kept in `localStorage` (or `sessionStorage`), or in an open IndexedDB database, into a store. What the store has
 * under a key stays, so calling it again goes on where it was stopped, and copies nothing twice. The source stays as it is, unless `remove`
 * says otherwise.
 *
 * @throws {DiskCacheError} (as a rejection) `BAD_OPTION`; `NOT_ALLOWED` without the right to read and write the store; what writing to the
 * store rejects with, but for values that can't be stored, which are listed. The reason of the signal.
 */
export async function adopt(
  source: Storage | IDBDatabase,
  store: AdoptTarget,
  options: AdoptOptions = {},
): Promise<AdoptResult> {
  const { adoptInto } = await loadPart('adopt', () => import('./adoption.ts'));
  return adoptInto(source, store, options, (why) => new DiskCacheError('BAD_OPTION', `adopt: ${why}`));
}
