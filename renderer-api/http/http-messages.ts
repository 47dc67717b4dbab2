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

/** Returns the response of a message; a large body is read over `connection`. */
export function createResponse(connection: HttpConnection, wire: WireResponse, signal: AbortSignal): Response {
  const { body, status, statusText, headers, url, redirected, type } = wire;
  if (type === 'error') return Response.error();
  const stream =
    typeof body === 'number' ? openBody(connection, body, signal) : (body as Uint8Array<ArrayBuffer> | null);
  const fields = headers.map(([name, value]): [string, string] => [name, value]);
  return defineResponseFields(new Response(stream, { status, statusText, headers: fields }), { url, redirected, type });
}

/** Returns a body that fails when `signal` is aborted, as that of a `fetch` does, or when the connection ends. */
const openBody = (
  connection: HttpConnection,
  body: number,
  signal: AbortSignal,
): ReadableStream<Uint8Array<ArrayBuffer>> =>
  createChunkStream(
    { next: () => connection.request('pull', body), cancel: () => connection.notify('cancel', body) },
    AbortSignal.any([signal, connection.ended]),
  );

/** Sets what the constructor of `Response` leaves out, on a response and its clones. */
function defineResponseFields(response: Response, fields: Pick<WireResponse, 'url' | 'redirected' | 'type'>): Response {
  const clone = () => defineResponseFields(Response.prototype.clone.call(response), fields);
  return Object.defineProperties(response, {
    url: { value: fields.url },
    redirected: { value: fields.redirected },
    type: { value: fields.type },
    clone: { value: clone },
  });
}

export const createRequest = ({ url, method, headers }: WireRequest): Request =>
  new Request(url, { method, headers: headers.map(([name, value]): [string, string] => [name, value]) });
