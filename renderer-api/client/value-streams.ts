import type { ByteRange } from '../../protocol/byte-range.ts';
import { DiskCacheError } from '../../protocol/error.ts';
import type { Key } from '../../protocol/key.ts';
import type { SetOptions } from '../../protocol/options.ts';
import type { OpenedStream } from '../../protocol/value-stream.ts';
import type { Client } from './client.ts';
import { loadPart, unlessAborted } from './on-demand.ts';
import { type Stream, streamOn } from './stream-steps.ts';
import type * as Chunks from './value-chunks.ts';

/*
 * Values that are too large for a message, chunk by chunk over the same line as everything else, under the same grant. A stream is opened
 * in its place among the calls of this turn, while the code for its chunks (value-chunks.ts) is loading.
 */

/** As the engine's `openReadStream`. */
export function openReadStream(
  client: Client,
  store: string,
  key: Key,
  range?: ByteRange,
): Promise<ReadableStream<Uint8Array> | undefined> {
  const stream = streamOn(client, store);
  return begin(stream, stream.step('openStream', key, range), ({ toReadableStream }, opened) =>
    toReadableStream(stream, opened),
  );
}

/** Returns a value of bytes or text that is too large for a message, as a whole; undefined when there is no live item. */
export function readLarge(client: Client, store: string, key: Key): Promise<Uint8Array | string | undefined> {
  const stream = streamOn(client, store);
  return begin(stream, stream.step('openStream', key), ({ readAll }, opened) => readAll(stream, opened));
}

/** As the engine's `writeStream`. */
export async function writeStream(
  client: Client,
  store: string,
  key: Key,
  chunks: AsyncIterable<Uint8Array>,
  options?: SetOptions,
): Promise<void> {
  if (typeof Object(chunks)[Symbol.asyncIterator] !== 'function') {
    throw new DiskCacheError('BAD_VALUE', 'writeStream takes a ReadableStream or another async iterable of Uint8Array');
  }
  const stream = streamOn(client, store);
  await begin(stream, stream.step('openUpload', key, options), ({ upload }, opened) => upload(stream, opened, chunks));
}

/** `set` of bytes that are too large for a message. Returns false if the store has a codec of its own, which takes only whole values. */
export async function writeLarge(
  client: Client,
  store: string,
  key: Key,
  bytes: Uint8Array,
  options?: SetOptions,
): Promise<boolean> {
  const stream = streamOn(client, store);
  const opening = stream.step('openUpload', key, options, true);
  const stored = await begin(stream, opening, async ({ upload }, opened) => {
    await upload(stream, opened, [bytes]);
    return true;
  });
  return stored === true;
}

/**
 * Returns the result of `work` on the opened stream; undefined if there was nothing to open. Rejects as soon as the connection ends, for a
 * source may be silent.
 */
async function begin<T extends OpenedStream | string, R>(
  { leave, connection }: Stream,
  opening: Promise<T | undefined>,
  work: (chunks: typeof Chunks, opened: T) => R | Promise<R>,
): Promise<R | undefined> {
  const loading = loadPart('streams', () => import('./value-chunks.ts'));
  // It is awaited after `opening`, which may fail first.
  loading.catch(() => {});
  const opened = await opening;
  if (opened === undefined) return undefined;
  const going = loading.then(
    (chunks) => work(chunks, opened),
    async (error: unknown) => {
      await leave(typeof opened === 'string' ? opened : opened.stream);
      throw error;
    },
  );
  return unlessAborted(going, connection);
}
