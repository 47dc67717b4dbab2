import type { ByteRange } from '../../protocol/byte-range.ts';
import { DiskCacheError } from '../../protocol/error.ts';
import type { Key } from '../../protocol/key.ts';
import type { SetOptions } from '../../protocol/options.ts';
import { CHUNK_BYTES, type ValueStreamContract } from '../../protocol/value-stream.ts';
import type { Client } from './client.ts';
import { handOver } from './hand-over.ts';
import { inAdvance, pulledStream } from './pulled-stream.ts';

/*
 * Values that are too large for a message, chunk by chunk over the same line as everything else: here and in the main process
 * memory holds the few chunks under way, and what was granted to the page is all that counts.
 */

/** Takes a step, on one store and as long as one connection lasts. */
type Step = <M extends keyof ValueStreamContract>(
  method: M,
  ...args: Parameters<ValueStreamContract[M]>
) => Promise<Awaited<ReturnType<ValueStreamContract[M]>>>;

/** The steps of one stream, and the connection that it belongs to. */
function stepsOn(client: Client, store: string): { readonly step: Step; readonly connection: AbortSignal } {
  const { connection } = client;
  return { step: (method, ...args) => client.streamStep(connection, store, method, ...args), connection };
}

/** As the engine's `openReadStream`. */
export async function openReadStream(
  client: Client,
  store: string,
  key: Key,
  range?: ByteRange,
): Promise<ReadableStream<Uint8Array> | undefined> {
  const { step, connection } = stepsOn(client, store);
  const opened = await step('openStream', key, range);
  if (opened === undefined) return undefined;
  const { stream } = opened;
  return pulledStream({ next: () => step('nextChunk', stream), leave: () => leave(step, stream) }, [connection]);
}

/** A value of bytes or text, whole, of which no message could hold so much; undefined when there is no live item. */
export async function readLarge(client: Client, store: string, key: Key): Promise<Uint8Array | string | undefined> {
  const { step } = stepsOn(client, store);
  const opened = await step('openStream', key);
  if (opened === undefined) return undefined;
  const { stream, size, isText } = opened;
  try {
    const bytes = new Uint8Array(size);
    let at = 0;
    for await (const chunk of inAdvance(() => step('nextChunk', stream))) {
      bytes.set(chunk, at);
      at += chunk.length;
    }
    // A byte order mark is part of the text.
    return isText ? new TextDecoder('utf-8', { ignoreBOM: true }).decode(bytes) : bytes;
  } catch (error) {
    // There may be no memory for it.
    await leave(step, stream);
    throw error;
  }
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
  const { step, connection } = stepsOn(client, store);
  const stream = await step('openUpload', key, options);
  if (stream !== undefined) await whileConnected(connection, upload(step, stream, chunks));
}

/** `set` of bytes that no message should hold; false where the store keeps values in its own way, and takes them only whole. */
export async function writeLarge(
  client: Client,
  store: string,
  key: Key,
  bytes: Uint8Array,
  options?: SetOptions,
): Promise<boolean> {
  const { step, connection } = stepsOn(client, store);
  const stream = await step('openUpload', key, options, true);
  if (stream === undefined) return false;
  await whileConnected(connection, upload(step, stream, [bytes]));
  return true;
}

/** What comes of the work, or as soon as the connection has ended, why it has: a source may be silent. */
function whileConnected<T>(connection: AbortSignal, work: Promise<T>): Promise<T> {
  return new Promise((resolve, reject) => {
    const ended = () => reject(connection.reason);
    if (connection.aborted) ended();
    connection.addEventListener('abort', ended, { once: true });
    work.then(resolve, reject).finally(() => connection.removeEventListener('abort', ended));
  });
}

async function upload(
  step: Step,
  stream: string,
  chunks: AsyncIterable<Uint8Array> | Iterable<Uint8Array>,
): Promise<void> {
  try {
    await handOver(inMessages(chunks), async (chunk) => {
      await step('sendChunk', stream, chunk);
      return true;
    });
    await step('endUpload', stream);
  } catch (error) {
    await leave(step, stream);
    throw error;
  }
}

/** Small chunks together, large ones in parts, each in memory of its own. */
async function* inMessages(chunks: AsyncIterable<Uint8Array> | Iterable<Uint8Array>): AsyncGenerator<Uint8Array, void> {
  let part = new Uint8Array(CHUNK_BYTES);
  let filled = 0;
  let total = 0;
  for await (const chunk of chunks) {
    if (!(chunk instanceof Uint8Array)) {
      throw new DiskCacheError('BAD_VALUE', `chunk at byte ${total} of the stream is no Uint8Array; encode text first`);
    }
    total += chunk.length;
    for (let at = 0; at < chunk.length; ) {
      const taken = Math.min(chunk.length - at, CHUNK_BYTES - filled);
      part.set(chunk.subarray(at, at + taken), filled);
      at += taken;
      filled += taken;
      if (filled < CHUNK_BYTES) continue;
      yield part;
      part = new Uint8Array(CHUNK_BYTES);
      filled = 0;
    }
  }
  if (filled > 0) yield part.slice(0, filled);
}

/** The main process may be what has failed; if it is not, nothing of the stream shall stay there. */
const leave = (step: Step, stream: string): Promise<void> => step('leaveStream', stream).catch(() => {});
