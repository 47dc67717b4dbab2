import { createChunkStream } from '../../client/byte-channel.ts';
import type { QueryOptions, WireRequest, WireResponse } from '../../protocol/http.ts';
import type { HttpConnection } from './http-connection.ts';
import { type RequestInput, toRequest } from './request-input.ts';

/** Returns a request as it is sent to the main process, without its body. */
export function toWireRequest({ url, method, headers, credentials, redirect, cache }: Request): WireRequest {
  return { url, method, headers: [...headers], credentials, redirect, cache };
}

/** Returns the request of a CacheStorage method as the list in which it is sent. */
export const toWireRequests = (request: RequestInput): readonly WireRequest[] => [toWireRequest(toRequest(request))];

export const toQueryFlags = ({ ignoreSearch, ignoreMethod, ignoreVary }: QueryOptions): QueryOptions => ({
  ignoreSearch: Boolean(ignoreSearch),
  ignoreMethod: Boolean(ignoreMethod),
  ignoreVary: Boolean(ignoreVary),
});

/** The response that the main process speaks of, its body behind `line` where it is large. */
export function createResponse(line: HttpConnection, said: WireResponse, signal: AbortSignal): Response {
  const { body, status, statusText, headers, url, redirected, type } = said;
  if (type === 'error') return Response.error();
  const stream = typeof body === 'number' ? openBody(line, body, signal) : (body as Uint8Array<ArrayBuffer> | null);
  const fields = headers.map(([name, value]): [string, string] => [name, value]);
  return defineResponseFields(new Response(stream, { status, statusText, headers: fields }), { url, redirected, type });
}

/** A body that breaks off with `signal`, as that of a `fetch` does, and with the line. */
const openBody = (line: HttpConnection, body: number, signal: AbortSignal): ReadableStream<Uint8Array<ArrayBuffer>> =>
  createChunkStream(
    { next: () => line.request('pull', body), cancel: () => line.notify('cancel', body) },
    AbortSignal.any([signal, line.ended]),
  );

/** What the constructor leaves out, on a response and its clones. */
function defineResponseFields(response: Response, told: Pick<WireResponse, 'url' | 'redirected' | 'type'>): Response {
  const clone = () => defineResponseFields(Response.prototype.clone.call(response), told);
  return Object.defineProperties(response, {
    url: { value: told.url },
    redirected: { value: told.redirected },
    type: { value: told.type },
    clone: { value: clone },
  });
}

export const createRequest = ({ url, method, headers }: WireRequest): Request =>
  new Request(url, { method, headers: headers.map(([name, value]): [string, string] => [name, value]) });
