import { CHUNK_BYTES, type WireBody } from '../../protocol/offline.ts';
import { handOver } from '../client/hand-over.ts';
import type { OfflineLine } from './offline-line.ts';

/** A body of the page, made ready to travel. */
export interface PushedBody {
  /** What is said of it in the call. */
  readonly body: WireBody;
  /**
   * Once the call was said: sends what didn't go with it, until nobody wants any more.
   *
   * @throws what reading the stream throws.
   */
  send(line: OfflineLine): Promise<void>;
  /** Nobody wants any of it. */
  drop(why: unknown): void;
}

/** It goes with the call. */
const SENT: Pick<PushedBody, 'send' | 'drop'> = { send: async () => {}, drop: () => {} };

let lastNumber = 0;

/**
 * Reads the beginning of a stream: what is small goes with the call, of what is large memory holds some chunks. With one of the
 * signals it ends as if there were no more.
 */
export async function pushedBody(
  stream: ReadableStream<Uint8Array> | null,
  signals: readonly AbortSignal[],
): Promise<PushedBody> {
  if (stream === null) return { body: null, ...SENT };
  const reader = stream.getReader();
  const first: Uint8Array[] = [];
  const giveUp = ({ target }: Event) => void reader.cancel((target as AbortSignal).reason).catch(() => undefined);
  for (const it of signals) it.addEventListener('abort', giveUp);
  try {
    for (let bytes = 0; bytes <= CHUNK_BYTES; bytes += first.at(-1)!.length) {
      const { done, value } = await reader.read();
      if (done) return { body: joined(first, bytes), ...SENT };
      first.push(bytesOf(value));
    }
  } catch (error) {
    reader.cancel(error).catch(() => undefined);
    throw error;
  } finally {
    for (const it of signals) it.removeEventListener('abort', giveUp);
  }
  const body = ++lastNumber;
  return {
    body,
    send: (line) => push(line, body, pieces(first, reader), reader),
    drop: (why) => void reader.cancel(why).catch(() => undefined),
  };
}

async function push(
  line: OfflineLine,
  body: number,
  source: AsyncGenerator<Uint8Array>,
  reader: ReadableStreamDefaultReader<Uint8Array>,
): Promise<void> {
  try {
    const isWanted = await handOver(source, (bytes) => line.ask('push', { body, bytes }));
    if (!isWanted) return void (await reader.cancel());
    await line.ask('push', { body });
  } catch (error) {
    // Whoever waits for the call learns of this error; of these two nothing more.
    reader.cancel(error).catch(() => undefined);
    line.ask('push', { body, failure: String(error) }).catch(() => undefined);
    throw error;
  }
}

/** In chunks of at most `CHUNK_BYTES`, each with a buffer of its own: a message holds the whole buffer of a view. */
async function* pieces(
  first: readonly Uint8Array[],
  reader: ReadableStreamDefaultReader<Uint8Array>,
): AsyncGenerator<Uint8Array> {
  for (const chunk of first) yield* cut(chunk);
  for (let read = await reader.read(); !read.done; read = await reader.read()) yield* cut(bytesOf(read.value));
}

function* cut(chunk: Uint8Array): Generator<Uint8Array> {
  for (let at = 0; at < chunk.length; at += CHUNK_BYTES) yield chunk.slice(at, at + CHUNK_BYTES);
}

function joined(chunks: readonly Uint8Array[], bytes: number): Uint8Array {
  const whole = new Uint8Array(bytes);
  let at = 0;
  for (const chunk of chunks) {
    whole.set(chunk, at);
    at += chunk.length;
  }
  return whole;
}

function bytesOf(chunk: unknown): Uint8Array {
  if (chunk instanceof Uint8Array) return chunk;
  throw new TypeError('The stream of a body brings something else than bytes');
}
