import type { QueryOptions, WireRequest } from '../../protocol/offline.ts';

/** Returns a request as it is sent to the main process, without its body. */
export function toWireRequest({ url, method, headers, credentials, redirect, cache }: Request): WireRequest {
  return { url, method, headers: [...headers], credentials, redirect, cache };
}

/** Returns a Request as it is: copying it would use up its body. @throws {TypeError} if it is missing, instead of requesting "undefined". */
export function toRequest(input: RequestInfo | URL | undefined): Request {
  if (input === undefined) throw new TypeError('A request is missing');
  return input instanceof Request ? input : new Request(input);
}

/** Returns the request of a CacheStorage method as the list in which it is sent. */
export const toWireRequests = (request: RequestInfo | URL): readonly WireRequest[] => [
  toWireRequest(toRequest(request)),
];

export const toQueryFlags = ({ ignoreSearch, ignoreMethod, ignoreVary }: QueryOptions): QueryOptions => ({
  ignoreSearch: Boolean(ignoreSearch),
  ignoreMethod: Boolean(ignoreMethod),
  ignoreVary: Boolean(ignoreVary),
});
