import { sendChunks } from '../../client/chunk-streams.ts';
import { MAX_CHUNK_BYTES, type WireBody } from '../../protocol/http.ts';
import type { HttpConnection } from './http-connection.ts';

/** A body of the page, made ready to travel. */
export interface OutgoingRequestBody {
  /** What is said of it in the call. */
  readonly body: WireBody;
  /**
   * Once the call was said: sends what didn't go with it, until nobody wants any more.
   *
   * @throws what reading the stream throws.
   */
  send(line: HttpConnection): Promise<void>;
  /** Nobody wants any of it. */
  cancel(why: unknown): void;
}

/** It goes with the call. */
const NOTHING_LEFT_TO_SEND: Pick<OutgoingRequestBody, 'send' | 'cancel'> = { send: async () => {}, cancel: () => {} };

let lastBodyId = 0;

/**
 * Reads the beginning of a stream: what is small goes with the call, of what is large memory holds some chunks. With one of the
 * signals it ends as if there were no more.
 */
export async function prepareBody(
  stream: ReadableStream<Uint8Array> | null,
  signals: readonly AbortSignal[],
): Promise<OutgoingRequestBody> {
  if (stream === null) return { body: null, ...NOTHING_LEFT_TO_SEND };
  const reader = stream.getReader();
  const first: Uint8Array[] = [];
  const giveUp = ({ target }: Event) => void reader.cancel((target as AbortSignal).reason).catch(() => undefined);
  for (const it of signals) it.addEventListener('abort', giveUp);
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
    for (const it of signals) it.removeEventListener('abort', giveUp);
  }
  const body = ++lastBodyId;
  return {
    body,
    send: (line) => sendBody(line, body, toChunks(first, reader), reader),
    cancel: (why) => void reader.cancel(why).catch(() => undefined),
  };
}

async function sendBody(
  line: HttpConnection,
  body: number,
  source: AsyncGenerator<Uint8Array>,
  reader: ReadableStreamDefaultReader<Uint8Array>,
): Promise<void> {
  try {
    const isWanted = await sendChunks(source, (bytes) => line.request('push', { body, bytes }));
    if (!isWanted) return void (await reader.cancel());
    await line.request('push', { body });
  } catch (error) {
    // Whoever waits for the call learns of this error; of these two nothing more.
    reader.cancel(error).catch(() => undefined);
    line.request('push', { body, failure: String(error) }).catch(() => undefined);
    throw error;
  }
}

/** In chunks of at most `MAX_CHUNK_BYTES`, each with a buffer of its own: a message holds the whole buffer of a view. */
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
