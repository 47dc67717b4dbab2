import { diskCache, type Provenance, provenanceOf } from 'deskcache/renderer';
import { reason } from './problems.ts';
import type { Resource } from './resources.ts';

/** Data, and where it came from. */
export interface Loaded<T> {
  readonly data: T;
  readonly provenance: Provenance;
  /** How long it took, milliseconds. */
  readonly took: number;
  /** When the server gave it or confirmed it; epoch milliseconds. */
  readonly at: number;
}

/** Where the server lives; the main process knows and says so in the page's address. */
const SERVER = new URLSearchParams(location.search).get('upstream') ?? '';

/** Asks the server for a path, by way of the cache in the main process. */
export const ask = (path: string, init?: Parameters<typeof diskCache.fetch>[1]): Promise<Response> =>
  diskCache.fetch(SERVER + path, init);

/**
 * Shows what is on disk at once; when that is stale, also what comes of the request that renews it. `show` is called at most
 * twice. Rejects only when neither disk nor server had an answer.
 */
export async function load<T>(resource: Resource<T>, show: (loaded: Loaded<T>) => void): Promise<void> {
  const first = await get(resource);
  show(first);
  if (first.provenance === 'stale') show(await get(resource, 'http'));
}

async function get<T>(resource: Resource<T>, strategy?: 'http'): Promise<Loaded<T>> {
  const began = performance.now();
  try {
    const response = await ask(resource.path, strategy && { strategy });
    if (!response.ok) throw new Error(`the server answered ${response.status}`);
    const data: unknown = await response.json();
    const took = performance.now() - began;
    if (!resource.accepts(data)) throw new Error('the server’s answer makes no sense');
    const age = Number(response.headers.get('age') ?? 0) * 1000;
    return { data, provenance: provenanceOf(response) ?? 'miss', took, at: Date.now() - age };
  } catch (error) {
    const why = error instanceof TypeError ? 'the server can’t be reached' : reason(error);
    throw new Error(`${resource.name} is not on disk yet, and ${why}.`, { cause: error });
  }
}
