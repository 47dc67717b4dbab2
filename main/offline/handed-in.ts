import { type CacheFace, DiskCacheError } from '../engine/index.ts';

interface HandedIn {
  readonly cache: CacheFace;
  readonly fetch: (request: Request) => Promise<Response>;
}

/**
 * What everything here works with: a store, synchronously, and a way to the network.
 *
 * @throws {DiskCacheError} `BAD_OPTION` for a cache that is not open in this process, such as one of a utility process, and for a
 * `fetch` that is no function.
 */
export function demandHandedIn(by: string, { cache, fetch }: HandedIn): void {
  if (typeof cache !== 'object' || cache === null || !('openBytes' in cache)) {
    throw new DiskCacheError(
      'BAD_OPTION',
      `${by} needs a cache that is open in this process, such as new Cache(directory) of deskcache/engine`,
    );
  }
  if (typeof fetch !== 'function') {
    throw new DiskCacheError('BAD_OPTION', `${by} needs a function fetch(request), such as networkFetch(session)`);
  }
}
