import type { Plan } from '../../protocol/strategy.ts';
import type { Http, RequestInput } from './http.ts';

/** As `fetch` takes it, with the strategy for this once; without one that of the route counts. */
export type RemoteFetchInit = RequestInit & Partial<Plan>;

/** `fetch` by way of the main process; see `DiskCache.fetch`. */
export async function remoteFetch(
  http: Http,
  input: RequestInput,
  { strategy, timeout, ...init }: RemoteFetchInit,
): Promise<Response> {
  // Without `duplex` a page takes no stream for a body.
  const request = new Request(input, { duplex: 'half', ...init } as RequestInit);
  return http.use((client) => client.fetch(request, { strategy, timeout }), request.signal);
}
