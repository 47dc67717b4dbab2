import type { Key } from '../protocol/key.ts';
import type { SetOptions } from '../protocol/options.ts';
import type { ByteRange, ValueStreamContract } from '../protocol/value-stream.ts';
import type { Client } from './client.ts';
import { createStreamHandle, type StreamHandle } from './client.ts';
import { loadPart, unlessAborted } from './on-demand.ts';
import type * as Chunks from './value-chunks.ts';

/*
 * Values that are too large for a message travel chunk by chunk over the same connection as all calls, under the same grant. A stream is
 * opened in its place among the calls of this turn, while the code for its chunks (value-chunks.ts) is loading.
 */

/** Like the engine's `openReadStream`. */
export const openValueStream = (
  client: Client,
  store: string,
  key: Key,
  range?: ByteRange,
): Promise<ReadableStream<Uint8Array> | undefined> =>
  withStream(client, store, 'openStream', [key, range], ({ toReadableStream }, stream, opened) =>
    toReadableStream(stream, opened),
  );

/** Returns a value of bytes or text that is too large for a message, as a whole; undefined when there is no live item. */
export const readLargeValue = (client: Client, store: string, key: Key): Promise<Uint8Array | string | undefined> =>
  withStream(client, store, 'openStream', [key], ({ readAll }, stream, opened) => readAll(stream, opened));

/** Like the engine's `writeStream`. @throws {DiskCacheError} `BAD_VALUE`, and what `chunks` throws when it is read. */
export const writeValueStream = (
  client: Client,
  store: string,
  key: Key,
  chunks: AsyncIterable<Uint8Array>,
  options?: SetOptions,
): Promise<void> =>
  withStream(client, store, 'openUpload', [key, options], ({ uploadStream }, stream, id) =>
    uploadStream(stream, id, chunks),
  );

/** `set` of bytes that are too large for a message. Returns undefined if the store has a codec of its own, which takes only whole values. */
export const writeLargeValue = (
  client: Client,
  store: string,
  key: Key,
  bytes: Uint8Array,
  options?: SetOptions,
): Promise<boolean | undefined> =>
  withStream(client, store, 'openUpload', [key, options, true], async ({ upload }, stream, id) => {
    await upload(stream, id, [bytes]);
    return true;
  });

/**
 * Opens a stream and returns the result of `work` with it; undefined if there was nothing to open. Rejects as soon as the connection ends,
 * because a source may be silent.
 */
async function withStream<M extends 'openStream' | 'openUpload', R>(
  client: Client,
  store: string,
  method: M,
  args: Parameters<ValueStreamContract[M]>,
  work: (chunks: typeof Chunks, stream: StreamHandle, opened: OpenResult<M>) => R | Promise<R>,
): Promise<R | undefined> {
  const stream = createStreamHandle(client, store);
  const opening = stream.step(method, ...args);
  const loading = loadPart('streams', () => import('./value-chunks.ts'));
  // Awaited after `opening`, which may fail first.
  loading.catch(() => {});
  const opened = (await opening) as OpenResult<M> | undefined;
  if (opened === undefined) return undefined;
  const working = loading.then(
    (chunks) => work(chunks, stream, opened),
    async (error: unknown) => {
      await stream.cancel(typeof opened === 'string' ? opened : opened.stream);
      throw error;
    },
  );
  return unlessAborted(working, stream.signal);
}

/** The name of an opened stream, for a value with its size. */
type OpenResult<M extends 'openStream' | 'openUpload'> = NonNullable<Awaited<ReturnType<ValueStreamContract[M]>>>;
