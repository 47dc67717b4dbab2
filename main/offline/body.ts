import { ReadableStream } from 'node:stream/web';
import type { CacheFace, Key } from '../engine/index.ts';
import type { StagedBody } from './staged-bodies.ts';

/** A body of fewer bytes is stored as one value, in the transaction that names it. Bytes. */
const WHOLE_BYTES = 32 * 1024;

/**
 * Stores a body, then runs `commit`, which names it; with a small body both are one transaction. Memory holds one chunk of a
 * large one, which is noted in `staged`, where that is given, before it is there. When anything fails, `commit` has not run, and nothing
 * is left of the body.
 *
 * @throws {DiskCacheError} what `set` and `writeStream` throw; what the stream throws passes through.
 */
export async function writeBody(
  cache: CacheFace,
  key: Key,
  chunks: AsyncGenerator<Uint8Array>,
  commit: () => void,
  staged?: StagedBody,
): Promise<void> {
  const first: Uint8Array[] = [];
  for (let bytes = 0; bytes < WHOLE_BYTES; bytes += first.at(-1)?.length ?? 0) {
    const { done, value } = await chunks.next();
    if (done) {
      cache.transact(() => {
        cache.set(key, new Uint8Array(Buffer.concat(first)));
        commit();
      });
      return;
    }
    first.push(value);
  }
  try {
    staged?.note();
    await cache.writeStream(key, following(first, chunks));
    cache.transact(commit);
  } catch (error) {
    if (staged === undefined) drop(cache, key);
    else staged.drop();
    throw error;
  }
}

/** Deletes what nobody names. A store that can't even do that keeps it until the owner of the key cleans up. */
function drop(cache: CacheFace, key: Key): void {
  try {
    cache.delete(key);
  } catch {
    // Another failure is being told already.
  }
}

async function* following(first: readonly Uint8Array[], rest: AsyncGenerator<Uint8Array>): AsyncGenerator<Uint8Array> {
  yield* first;
  yield* rest;
}

/**
 * The stream once its first chunk has been read: from there on the item can be deleted and is still read to its end. Undefined
 * when it can't be read. Damage may show only at the end of a file: the stream fails then. `onFailure` is told of either.
 */
export async function begun(
  stream: ReadableStream<Uint8Array>,
  onFailure: (error: unknown) => void = () => {},
): Promise<ReadableStream<Uint8Array> | undefined> {
  const reader = stream.getReader();
  const first = await reader.read().catch((error: unknown) => onFailure(error));
  if (first === undefined) return undefined;
  return new ReadableStream<Uint8Array>({
    start(controller) {
      if (first.done) controller.close();
      else controller.enqueue(first.value);
    },
    async pull(controller) {
      const { done, value } = await reader.read().catch((error: unknown) => {
        onFailure(error);
        throw error;
      });
      if (done) controller.close();
      else controller.enqueue(value);
    },
    cancel: (reason) => reader.cancel(reason),
  });
}

const askedBy = new WeakMap<object, readonly Request[]>();

/** A response whose body lets the requests live by whose signals it ends: in Node one that was collected aborts nothing any more. */
export function keptAlive(response: Response, ...requests: readonly Request[]): Response {
  if (response.body !== null) askedBy.set(response.body, requests);
  return response;
}

/** Reads a response to its end, for what reading does on the way. */
export async function drained(response: Response): Promise<void> {
  for await (const _ of response.body ?? []);
}
