import { type ClientRequest, type IncomingMessage, request as sendHttp } from 'node:http';
import { request as sendHttps } from 'node:https';
import { PassThrough, pipeline, type Readable } from 'node:stream';
import { createBrotliDecompress, createGunzip, createInflate, createZstdDecompress } from 'node:zlib';

/** One request to a server. */
export interface OutgoingRequest {
  readonly url: URL;
  readonly method: string;
  readonly headers: Readonly<Record<string, string>>;
  /** A stream goes in chunks, and once only. */
  readonly body: Uint8Array | Readable | undefined;
  readonly signal: AbortSignal;
}

/** A response as Chromium's network service passes it on: with any status, and the bytes of fields read as UTF-8. */
export interface IncomingResponse {
  readonly status: number;
  readonly statusText: string;
  /** In the server's order and letters. */
  readonly rawHeaders: readonly (readonly [name: string, value: string])[];
  readonly body: Readable;
}

const LOCALHOST: ReadonlySet<string> = new Set(['localhost', '127.0.0.1', '[::1]']);
const NET_ERRORS: Readonly<Record<string, string>> = {
  ECONNREFUSED: 'ERR_CONNECTION_REFUSED',
  ECONNRESET: 'ERR_EMPTY_RESPONSE',
  EPIPE: 'ERR_CONNECTION_RESET',
};
const DECODERS = {
  gzip: createGunzip,
  'x-gzip': createGunzip,
  deflate: createInflate,
  br: createBrotliDecompress,
  zstd: createZstdDecompress,
} as const;

/** Sends a request to a server on this machine. Rejects with an `Error` in the words of Chromium's net errors. */
export async function sendHttpRequest(outgoing: OutgoingRequest): Promise<IncomingResponse> {
  const { url, method, headers, body, signal } = outgoing;
  if (!LOCALHOST.has(url.hostname)) throw new Error('net::ERR_NAME_NOT_RESOLVED');
  const fields = { 'accept-encoding': 'gzip, deflate, br, zstd', ...headers };
  const send = url.protocol === 'https:' ? sendHttps : sendHttp;
  const sent = send(url, { method, headers: fields, signal });
  const message = await waitForResponse(sent, body);
  return {
    status: message.statusCode ?? 0,
    statusText: message.statusMessage ?? '',
    rawHeaders: toFieldPairs(message.rawHeaders),
    body: decodeBody(message, method),
  };
}

function waitForResponse(sent: ClientRequest, body: OutgoingRequest['body']): Promise<IncomingMessage> {
  return new Promise((resolve, reject) => {
    sent.once('response', resolve);
    sent.on('error', (error) => reject(toNetError(error)));
    if (body === undefined || body instanceof Uint8Array) sent.end(body);
    else pipeline(body, sent, () => {});
  });
}

/** Returns a net error for one of Node's; an abort stays as it is. */
function toNetError(error: Error & { code?: string }): Error {
  if (error.name === 'AbortError') return error;
  return new Error(`net::${NET_ERRORS[error.code ?? ''] ?? 'ERR_FAILED'}`, { cause: error });
}

/** Node reads the bytes of fields as Latin-1, Electron (StringToV8) as UTF-8. */
function toFieldPairs(raw: readonly string[]): [string, string][] {
  const fields: [string, string][] = [];
  for (let at = 0; at < raw.length; at += 2) {
    fields.push([raw[at]!, Buffer.from(raw[at + 1]!, 'latin1').toString('utf8')]);
  }
  return fields;
}

/** The body without what the way over the network put around it; the fields still tell of that. */
function decodeBody(message: IncomingMessage, method: string): Readable {
  const encoding = message.headers['content-encoding']?.trim().toLowerCase() ?? '';
  const hasBody = method !== 'HEAD' && message.statusCode !== 204 && message.statusCode !== 304;
  const stages = hasBody && encoding in DECODERS ? [DECODERS[encoding as keyof typeof DECODERS]()] : [];
  const body = new PassThrough();
  pipeline([message, ...stages, body], (error) => {
    if (error && !body.destroyed) body.destroy(error.name === 'AbortError' ? error : watchAbort(message, error));
  });
  return body;
}

/** What Chromium calls a body that ended too early. */
function watchAbort({ headers, complete }: IncomingMessage, cause: Error): Error {
  if (complete) return new Error('net::ERR_CONTENT_DECODING_FAILED', { cause });
  const how = headers['content-length'] === undefined ? 'INCOMPLETE_CHUNKED_ENCODING' : 'CONTENT_LENGTH_MISMATCH';
  return new Error(`net::ERR_${how}`, { cause });
}
