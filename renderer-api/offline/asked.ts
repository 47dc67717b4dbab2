import type { QueryOptions, WireRequest } from '../../protocol/offline.ts';
import { requestOf } from './http.ts';

/** A request as it travels, but for its body. */
export function sayRequest({ url, method, headers, credentials, redirect, cache }: Request): WireRequest {
  return { url, method, headers: [...headers], credentials, redirect, cache };
}

/** As a method of CacheStorage sends the request it was given. */
export const sayRequests = (request: RequestInfo | URL): readonly WireRequest[] => [sayRequest(requestOf(request))];

export const flags = ({ ignoreSearch, ignoreMethod, ignoreVary }: QueryOptions): QueryOptions => ({
  ignoreSearch: Boolean(ignoreSearch),
  ignoreMethod: Boolean(ignoreMethod),
  ignoreVary: Boolean(ignoreVary),
});
