import { pushChunks } from '../../client/byte-channel.ts';
import { type ByteSource, createByteSource } from '../../protocol/byte-channel.ts';
import type { WireBody } from '../../protocol/http.ts';
import { MAX_CHUNK_BYTES } from '../../protocol/value-stream.ts';
import type { HttpConnection } from './http-connection.ts';

/** A body of the page, ready to be sent. */
export interface OutgoingRequestBody {
  /** The body as the call names it. */
  readonly body: WireBody;
  /**
   * Sends what the call doesn't contain, once the call was sent, until no more is wanted. Absent if the call contains the whole body.
   *
   * @throws anything that reading the stream throws.
   */
  send?(connection: HttpConnection): Promise<void>;
  /** Called when the body is no longer wanted. */
  cancel?(reason: unknown): unknown;
}

let lastBodyId = 0;

/**
 * Reads the start of a stream: a small body is sent with the call, a large one in chunks. An abort while reading ends the body.
 */
export async function prepareBody(
  stream: ReadableStream<Uint8Array> | null,
  signal: AbortSignal,
): Promise<OutgoingRequestBody> {
  if (stream === null) return { body: null };
  const source = createByteSource(stream);
  const onAbort = () => source.cancel(signal.reason);
  signal.addEventListener('abort', onAbort);
  try {
    const whole = await source.readAhead(MAX_CHUNK_BYTES);
    if (whole !== undefined) return { body: whole };
  } finally {
    signal.removeEventListener('abort', onAbort);
  }
  const body = ++lastBodyId;
  return {
    body,
    send: (connection) => sendBody(connection, body, source),
    cancel: source.cancel,
  };
}

async function sendBody(connection: HttpConnection, body: number, source: ByteSource): Promise<void> {
  try {
    if (await pushChunks(source.chunks, (bytes) => connection.request('push', { body, bytes })))
      await connection.request('push', { body });
    else void source.cancel(undefined);
  } catch (error) {
    // The caller gets this error; failures of these two steps concern no caller.
    void source.cancel(error);
    connection.request('push', { body, failure: String(error) }).catch(() => undefined);
    throw error;
  }
}
