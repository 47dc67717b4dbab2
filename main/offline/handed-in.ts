import { shownValue } from '../../protocol/fault.ts';
import { type CacheFace, DiskCacheError } from '../engine/index.ts';

/** A function such as the global `fetch`. */
export type Fetch = (request: Request) => Promise<Response>;

interface HandedIn {
  readonly cache: CacheFace;
  readonly fetch: Fetch;
}

/**
 * What everything here works with: a store, synchronously, and a way to the network.
 *
 * @throws {DiskCacheError} `BAD_OPTION` for a cache that is not open in this process, such as one of a utility process, for one whose
 * codec can't keep bytes, and for a `fetch` that is no function.
 */
export function demandHandedIn(by: string, { cache, fetch }: HandedIn): void {
  if (typeof cache !== 'object' || cache === null || !('openBytes' in cache)) {
    throw new DiskCacheError(
      'BAD_OPTION',
      `${by} needs a cache that is open in this process, such as new Cache(directory) of deskcache/engine`,
    );
  }
  if (getCodec(cache) === 'json') {
    throw new DiskCacheError(
      'BAD_OPTION',
      `${by} keeps bytes, which the codec "json" of ${cache.directory} can't; give it a store with the codec "structured"`,
    );
  }
  if (typeof fetch !== 'function') {
    throw new DiskCacheError('BAD_OPTION', `${by} needs a function fetch(request), such as networkFetch(session)`);
  }
}

/** Undefined for a store that was closed already: it keeps nothing, and the answers come from the network. */
function getCodec(cache: CacheFace): string | undefined {
  try {
    return cache.codec;
  } catch (error) {
    if (!(error instanceof DiskCacheError)) throw error;
    return undefined;
  }
}

/**
 * Returns the same function, which fails by name when it returns something else than a response.
 *
 * @throws {DiskCacheError} `BAD_OPTION` from the function.
 */
export function checkedFetch(by: string, fetch: Fetch): Fetch {
  return async (request) => {
    const response: unknown = await fetch(request);
    if (isResponse(response)) return response;
    throw new DiskCacheError(
      'BAD_OPTION',
      `The fetch given to ${by} returned ${shownValue(response)} for ${request.method} ${request.url}; it has to return a Response`,
    );
  };
}

/** Also one of another copy of the class, such as that of the package undici. */
const isResponse = (value: unknown): value is Response =>
  typeof value === 'object' && value !== null && 'status' in value && 'headers' in value && 'body' in value;
