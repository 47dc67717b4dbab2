import type { QueryOptions, WireRequest } from '../../protocol/offline.ts';

/** A request as it travels, but for its body. */
export function toWireRequest({ url, method, headers, credentials, redirect, cache }: Request): WireRequest {
  return { url, method, headers: [...headers], credentials, redirect, cache };
}

/** A request as it is, for copying it would use its body up. What is left out is a mistake, not a request for "undefined". */
export function toRequest(input: RequestInfo | URL | undefined): Request {
  if (input === undefined) throw new TypeError('A request is missing');
  return input instanceof Request ? input : new Request(input);
}

/** As a method of CacheStorage sends the request it was given. */
export const toWireRequests = (request: RequestInfo | URL): readonly WireRequest[] => [
  toWireRequest(toRequest(request)),
];

export const toQueryFlags = ({ ignoreSearch, ignoreMethod, ignoreVary }: QueryOptions): QueryOptions => ({
  ignoreSearch: Boolean(ignoreSearch),
  ignoreMethod: Boolean(ignoreMethod),
  ignoreVary: Boolean(ignoreVary),
});
