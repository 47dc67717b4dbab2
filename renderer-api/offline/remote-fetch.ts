import { type Plan, planOf } from '../../protocol/strategy.ts';
import type { OfflineClient } from './offline-client.ts';

/** As `fetch` takes it, with the strategy for this once; without one that of the route counts. */
export type RemoteFetchInit = RequestInit & Partial<Plan>;

/** `fetch` by way of the main process; see `DiskCache.fetch`. */
export async function remoteFetch(
  client: OfflineClient,
  input: RequestInfo | URL,
  { strategy, timeout, ...init }: RemoteFetchInit,
): Promise<Response> {
  // Without `duplex` a page takes no stream for a body.
  const request = new Request(input, { duplex: 'half', ...init } as RequestInit);
  if (request.integrity !== '') throw new TypeError(`The integrity of ${request.url} can't be checked here`);
  return client.fetch(request, planOf({ strategy, timeout }));
}
