import { ReadableStream } from 'node:stream/web';
import type { CacheMethods, Key } from '../engine/index.ts';
import { createIdentity, hasExited, isCorrupt, type ProcessIdentity } from '../engine/internal.ts';

/** A store is looked through when it is first written to, and then at most so often. Milliseconds. */
const SWEEP_INTERVAL_MS = 24 * 60 * 60 * 1000;

/** What is known of a body that is on its way: who writes it, and where it will be. */
interface StagedBodyNote {
  readonly owner: ProcessIdentity;
  readonly body: Key;
}

/** When a store was last looked through, by kind. */
const lastSweepAt = new WeakMap<CacheMethods, Map<string, number>>();

/**
 * Bodies that nothing names yet: they are written before the item that names them. `[kind, name, id]` notes who writes one, so that what
 * a process has left that was killed can be told from what is being written.
 *
 * Invariant: a body that is in the store and named by no item has a note.
 */
export class StagedBodies {
  readonly #cache: CacheMethods;
  readonly #kind: string;
  readonly #name: string;

  constructor(cache: CacheMethods, kind: string, name: string) {
    this.#cache = cache;
    this.#kind = kind;
    this.#name = name;
  }

  stage(id: string, body: Key): StagedBody {
    return new StagedBody(this.#cache, [this.#kind, this.#name, id], body);
  }

  /** Deletes what ended processes have left, when it is time to look. O(bodies being written). Errors are given to `onFailure`. */
  sweep(onFailure: (error: unknown) => void): void {
    const times = lastSweepAt.get(this.#cache) ?? new Map<string, number>();
    lastSweepAt.set(this.#cache, times);
    const name = `${this.#kind} ${this.#name}`;
    const now = performance.now();
    if (now - (times.get(name) ?? Number.NEGATIVE_INFINITY) < SWEEP_INTERVAL_MS) return;
    times.set(name, now);
    try {
      const prefix = [this.#kind, this.#name];
      for (const key of [...this.#cache.keys({ prefix })]) this.#sweepOne(key);
    } catch (error) {
      onFailure(error);
    }
  }

  #sweepOne(key: Key): void {
    const note = this.#readNote(key);
    if (note !== undefined && !hasExited(note.owner)) return;
    this.#cache.transact(() => {
      if (note !== undefined) this.#cache.delete(note.body);
      this.#cache.delete(key);
    });
  }

  /** Undefined for a note that is damaged. */
  #readNote(key: Key): StagedBodyNote | undefined {
    try {
      return this.#cache.get(key) as StagedBodyNote | undefined;
    } catch (error) {
      if (!isCorrupt(error)) throw error;
      return undefined;
    }
  }
}

/** One body on its way. */
export class StagedBody {
  readonly #cache: CacheMethods;
  readonly #noteKey: Key;
  readonly #body: Key;
  #isNoted = false;

  constructor(cache: CacheMethods, note: Key, body: Key) {
    this.#cache = cache;
    this.#noteKey = note;
    this.#body = body;
  }

  /** Before the body is in the store, or in the transaction that stores it. */
  writeNote(): void {
    if (this.#isNoted) return;
    this.#cache.set(this.#noteKey, { owner: createIdentity(), body: this.#body } satisfies StagedBodyNote);
    this.#isNoted = true;
  }

  /** In the transaction that names it. */
  deleteNote(): void {
    if (this.#isNoted) this.#cache.delete(this.#noteKey);
  }

  /** Nothing will name it. What can't be deleted now is deleted when this process has ended. */
  discard(): void {
    try {
      this.#cache.transact(() => {
        this.#cache.delete(this.#body);
        this.deleteNote();
      });
    } catch {
      // Why it is dropped is being told already.
    }
  }
}

/** A body of fewer bytes is stored as one value, in the transaction that names it. Bytes. */
const MAX_INLINE_BODY_BYTES = 32 * 1024;

/**
 * Stores a body, then runs `commitTransaction`, which names it; with a small body both are one transaction. Memory holds one chunk of a
 * large one, which is noted in `listStaged`, where that is given, before it is there. When anything fails, `commitTransaction` has not run, and nothing
 * is left of the body.
 *
 * @throws {DiskCacheError} what `set` and `writeValueStream` throw; what the stream throws passes through.
 */
export async function writeBody(
  cache: CacheMethods,
  key: Key,
  chunks: AsyncGenerator<Uint8Array>,
  commit: () => void,
  staged?: StagedBody,
): Promise<void> {
  const first: Uint8Array[] = [];
  for (let bytes = 0; bytes < MAX_INLINE_BODY_BYTES; bytes += first.at(-1)?.length ?? 0) {
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
    staged?.writeNote();
    await cache.writeStream(key, concatChunks(first, chunks));
    cache.transact(commit);
  } catch (error) {
    if (staged === undefined) deleteUnnamedBody(cache, key);
    else staged.discard();
    throw error;
  }
}

/** Deletes files that no row names. A store that can't even do that keeps it until the owner of the key cleans up. */
function deleteUnnamedBody(cache: CacheMethods, key: Key): void {
  try {
    cache.delete(key);
  } catch {
    // Another failure is being told already.
  }
}

async function* concatChunks(
  first: readonly Uint8Array[],
  rest: AsyncGenerator<Uint8Array>,
): AsyncGenerator<Uint8Array> {
  yield* first;
  yield* rest;
}

/**
 * The stream once its first chunk has been read: from there on the item can be deleted and is still read to its end. Undefined
 * when it can't be read. Damage may show only at the end of a file: the stream fails then. `onFailure` is told of either.
 */
export async function startReading(
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

const requestsByBody = new WeakMap<object, readonly Request[]>();

/** A response whose body lets the requests live by whose signals it ends: in Node one that was collected aborts nothing any more. */
export function keepRequestsAlive(response: Response, ...requests: readonly Request[]): Response {
  if (response.body !== null) requestsByBody.set(response.body, requests);
  return response;
}

/** Reads a response to its end, for what reading does on the way. */
export async function drainBody(response: Response): Promise<void> {
  for await (const _ of response.body ?? []);
}
