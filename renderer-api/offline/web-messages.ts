import type { WireRequest, WireResponse } from '../../protocol/offline.ts';
import { pulledStream } from '../client/pulled-stream.ts';
import type { OfflineLine } from './offline-line.ts';

/** The response that the main process speaks of, its body behind `line` where it is large. */
export function responseFrom(line: OfflineLine, said: WireResponse, signal: AbortSignal): Response {
  const { body, status, statusText, headers, url, redirected, type } = said;
  if (type === 'error') return Response.error();
  const stream = typeof body === 'number' ? bodyFrom(line, body, signal) : (body as Uint8Array<ArrayBuffer> | null);
  const fields = headers.map(([name, value]): [string, string] => [name, value]);
  return telling(new Response(stream, { status, statusText, headers: fields }), { url, redirected, type });
}

/** A body that breaks off with `signal`, as that of a `fetch` does, and with the line. */
const bodyFrom = (line: OfflineLine, body: number, signal: AbortSignal): ReadableStream<Uint8Array<ArrayBuffer>> =>
  pulledStream({ next: () => line.ask('pull', body), leave: () => line.tell('cancel', body) }, [signal, line.ended]);

/** What the constructor leaves out, on a response and its clones. */
function telling(response: Response, told: Pick<WireResponse, 'url' | 'redirected' | 'type'>): Response {
  const clone = () => telling(Response.prototype.clone.call(response), told);
  return Object.defineProperties(response, {
    url: { value: told.url },
    redirected: { value: told.redirected },
    type: { value: told.type },
    clone: { value: clone },
  });
}

export const requestFrom = ({ url, method, headers }: WireRequest): Request =>
  new Request(url, { method, headers: headers.map(([name, value]): [string, string] => [name, value]) });
