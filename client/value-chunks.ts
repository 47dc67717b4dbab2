import { isBytes } from '../protocol/byte-channel.ts';
import { DiskCacheError } from '../protocol/error.ts';
import { MAX_CHUNK_BYTES, type OpenedStream } from '../protocol/value-stream.ts';
import { createChunkStream, pullChunks, pushChunks } from './byte-channel.ts';
import type { StreamHandle } from './client.ts';

/*
 * The chunks of values that are too large for a message. Only the chunks in flight are in memory, here and in the main process.
 * Loaded with the first such value.
 */

/** Returns an opened value as a stream, which requests its chunks as it is read. */
export function toReadableStream(
  { step, cancel, signal }: StreamHandle,
  { stream }: OpenedStream,
): ReadableStream<Uint8Array> {
  return createChunkStream({ next: () => step('nextChunk', stream), cancel: () => cancel(stream) }, signal);
}

/** Returns an opened value of bytes or text as a whole. */
export async function readAll(
  { step, cancel }: StreamHandle,
  { stream, size, isText }: OpenedStream,
): Promise<Uint8Array | string | undefined> {
  try {
    const bytes = new Uint8Array(size);
    let at = 0;
    for await (const chunk of pullChunks(() => step('nextChunk', stream))) {
      bytes.set(chunk, at);
      at += chunk.length;
    }
    // A byte order mark is part of the text.
    return isText ? new TextDecoder('utf-8', { ignoreBOM: true }).decode(bytes) : bytes;
  } catch (error) {
    // There may be too little memory for the value.
    await cancel(stream);
    throw error;
  }
}

/** Like `upload`, for a stream of the application, which is checked first. */
export const uploadStream = (stream: StreamHandle, id: string, chunks: AsyncIterable<Uint8Array>): Promise<void> =>
  upload(stream, id, iterateStream(chunks));

async function* iterateStream(chunks: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array, void> {
  if (!isAsyncIterable(chunks))
    throw new DiskCacheError('BAD_VALUE', 'writeStream takes a ReadableStream or another async iterable of Uint8Array');
  yield* chunks;
}

function isAsyncIterable(chunks: unknown): boolean {
  try {
    return typeof Object(chunks)[Symbol.asyncIterator] === 'function';
  } catch (cause) {
    throw new DiskCacheError('BAD_OPTION', "The stream can't be read; see its cause", { cause });
  }
}

/** Sends the chunks of a value. The item is stored as a whole when this resolves, or not at all. */
export async function upload(
  { step, cancel }: StreamHandle,
  stream: string,
  chunks: AsyncIterable<Uint8Array> | Iterable<Uint8Array>,
): Promise<void> {
  try {
    await pushChunks(toChunks(chunks), async (chunk) => {
      await step('sendChunk', stream, chunk);
      return true;
    });
    await step('endUpload', stream);
  } catch (error) {
    await cancel(stream);
    throw error;
  }
}

/** Joins small chunks and splits large ones into messages, each in memory of its own. */
async function* toChunks(chunks: AsyncIterable<Uint8Array> | Iterable<Uint8Array>): AsyncGenerator<Uint8Array, void> {
  let part = new Uint8Array(MAX_CHUNK_BYTES);
  let filled = 0;
  let total = 0;
  for await (const chunk of chunks) {
    if (!isBytes(chunk)) {
      throw new DiskCacheError('BAD_VALUE', `chunk at byte ${total} is not a Uint8Array; encode text first`);
    }
    total += chunk.length;
    for (let at = 0; at < chunk.length; ) {
      const taken = chunk.subarray(at, at + MAX_CHUNK_BYTES - filled);
      part.set(taken, filled);
      at += taken.length;
      filled += taken.length;
      if (filled < MAX_CHUNK_BYTES) continue;
      yield part;
      part = new Uint8Array(MAX_CHUNK_BYTES);
      filled = 0;
    }
  }
  if (filled > 0) yield part.slice(0, filled);
}
