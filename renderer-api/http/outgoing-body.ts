import { sendChunks } from '../../client/chunk-streams.ts';
import { MAX_CHUNK_BYTES, type WireBody } from '../../protocol/http.ts';
import type { HttpConnection } from './http-connection.ts';

/** A body of the page that is ready to be sent. */
export interface OutgoingRequestBody {
  /** The part that goes with the call. */
  readonly body: WireBody;
  /**
   * Sends the rest after the call, until the main process wants no more.
   *
   * @throws the errors of the stream.
   */
  send(connection: HttpConnection): Promise<void>;
  /** Cancels the stream. */
  cancel(reason: unknown): void;
}

/** For a body that goes with the call. */
const NOTHING_LEFT_TO_SEND: Pick<OutgoingRequestBody, 'send' | 'cancel'> = { send: async () => {}, cancel: () => {} };

let lastBodyId = 0;

/**
 * Reads the beginning of a stream: a small body goes with the call; of a large one, memory holds some chunks. An abort of one of the
 * signals cancels the stream and ends the body.
 */
export async function prepareBody(
  stream: ReadableStream<Uint8Array> | null,
  signals: readonly AbortSignal[],
): Promise<OutgoingRequestBody> {
  if (stream === null) return { body: null, ...NOTHING_LEFT_TO_SEND };
  const reader = stream.getReader();
  const first: Uint8Array[] = [];
  const onAbort = ({ target }: Event) => void reader.cancel((target as AbortSignal).reason).catch(() => undefined);
  for (const it of signals) it.addEventListener('abort', onAbort);
  try {
    for (let bytes = 0; bytes <= MAX_CHUNK_BYTES; bytes += first.at(-1)!.length) {
      const { done, value } = await reader.read();
      if (done) return { body: concatenate(first, bytes), ...NOTHING_LEFT_TO_SEND };
      first.push(assertBytes(value));
    }
  } catch (error) {
    reader.cancel(error).catch(() => undefined);
    throw error;
  } finally {
    for (const it of signals) it.removeEventListener('abort', onAbort);
  }
  const body = ++lastBodyId;
  return {
    body,
    send: (connection) => sendBody(connection, body, toChunks(first, reader), reader),
    cancel: (reason) => void reader.cancel(reason).catch(() => undefined),
  };
}

async function sendBody(
  connection: HttpConnection,
  body: number,
  source: AsyncGenerator<Uint8Array>,
  reader: ReadableStreamDefaultReader<Uint8Array>,
): Promise<void> {
  try {
    const isWanted = await sendChunks(source, (bytes) => connection.request('push', { body, bytes }));
    if (!isWanted) return void (await reader.cancel());
    await connection.request('push', { body });
  } catch (error) {
    // The call rejects with `error`, so failures of these two say nothing new.
    reader.cancel(error).catch(() => undefined);
    connection.request('push', { body, failure: String(error) }).catch(() => undefined);
    throw error;
  }
}

/** Yields chunks of at most `MAX_CHUNK_BYTES`, each with a buffer of its own, because a message copies the whole buffer of a view. */
async function* toChunks(
  first: readonly Uint8Array[],
  reader: ReadableStreamDefaultReader<Uint8Array>,
): AsyncGenerator<Uint8Array> {
  for (const chunk of first) yield* splitChunk(chunk);
  for (let read = await reader.read(); !read.done; read = await reader.read())
    yield* splitChunk(assertBytes(read.value));
}

function* splitChunk(chunk: Uint8Array): Generator<Uint8Array> {
  for (let at = 0; at < chunk.length; at += MAX_CHUNK_BYTES) yield chunk.slice(at, at + MAX_CHUNK_BYTES);
}

function concatenate(chunks: readonly Uint8Array[], bytes: number): Uint8Array {
  const whole = new Uint8Array(bytes);
  let at = 0;
  for (const chunk of chunks) {
    whole.set(chunk, at);
    at += chunk.length;
  }
  return whole;
}

function assertBytes(chunk: unknown): Uint8Array {
  if (chunk instanceof Uint8Array) return chunk;
  throw new TypeError('A body stream must give bytes');
}
