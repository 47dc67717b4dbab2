import type { QueryOptions, WireRequest } from '../../protocol/offline.ts';
import { type RequestInput, requestOf } from './http.ts';

/** Returns a request as it is sent to the main process, without its body. */
export function toWireRequest({ url, method, headers, credentials, redirect, cache }: Request): WireRequest {
  return { url, method, headers: [...headers], credentials, redirect, cache };
}

/** Returns the request of a CacheStorage method as the list in which it is sent. */
export const toWireRequests = (request: RequestInput): readonly WireRequest[] => [toWireRequest(requestOf(request))];

export const toQueryFlags = ({ ignoreSearch, ignoreMethod, ignoreVary }: QueryOptions): QueryOptions => ({
  ignoreSearch: Boolean(ignoreSearch),
  ignoreMethod: Boolean(ignoreMethod),
  ignoreVary: Boolean(ignoreVary),
});
