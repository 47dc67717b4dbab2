import { type CacheStatus, diskCache, getCacheStatus } from 'deskcache/renderer';
import { getErrorMessage } from './errors.ts';
import type { Resource } from './resources.ts';

/** Data, and where it came from. */
export interface LoadedResource<T> {
  readonly data: T;
  readonly cacheStatus: CacheStatus;
  /** How long loading took, milliseconds. */
  readonly durationMs: number;
  /** When the server sent or revalidated it; epoch milliseconds. */
  readonly confirmedAt: number;
}

/** The server's origin, which the main process puts into the page's URL. */
const SERVER_URL = new URLSearchParams(location.search).get('upstream') ?? '';

/** Requests a path from the server, through the cache in the main process. */
export const fetchFromServer = (path: string, init?: Parameters<typeof diskCache.fetch>[1]): Promise<Response> =>
  diskCache.fetch(SERVER_URL + path, init);

/**
 * Shows stored data at once and, if it is stale, the renewed data later. `show` is called at most twice. Rejects only if neither disk nor
 * server has the data.
 */
export async function loadResource<T>(resource: Resource<T>, show: (loaded: LoadedResource<T>) => void): Promise<void> {
  const first = await fetchResource(resource);
  show(first);
  if (first.cacheStatus === 'stale') show(await fetchResource(resource, 'http'));
}

async function fetchResource<T>(resource: Resource<T>, strategy?: 'http'): Promise<LoadedResource<T>> {
  const startedAt = performance.now();
  try {
    const response = await fetchFromServer(resource.path, strategy && { strategy });
    if (!response.ok) throw new Error(`the server answered ${response.status}`);
    const data: unknown = await response.json();
    const durationMs = performance.now() - startedAt;
    if (!resource.accepts(data)) throw new Error('the server’s answer makes no sense');
    const age = Number(response.headers.get('age') ?? 0) * 1000;
    return { data, cacheStatus: getCacheStatus(response) ?? 'miss', durationMs, confirmedAt: Date.now() - age };
  } catch (error) {
    const why = error instanceof TypeError ? 'the server can’t be reached' : getErrorMessage(error);
    throw new Error(`${resource.name} is not on disk yet, and ${why}.`, { cause: error });
  }
}
