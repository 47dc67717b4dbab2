import { ReadableStream } from 'node:stream/web';
import type { CacheMethods, Key } from '../engine/index.ts';
import { createIdentity, hasExited, isCorrupt, type ProcessIdentity } from '../engine/internal.ts';

/** Time between two sweeps of a store; the first is at its first write. */
const SWEEP_INTERVAL_MS = 24 * 60 * 60 * 1000;

/** Notes the process that writes a body, and the key of the body. */
interface StagedBodyNote {
  readonly owner: ProcessIdentity;
  readonly body: Key;
}

/** When a store was last swept, by kind and name. */
const lastSweepAt = new WeakMap<CacheMethods, Map<string, number>>();

/**
 * Bodies that are written before the item that names them. A note at `[kind, name, id]` says which process writes a body, so that the
 * leftovers of a killed process can be told from bodies that are being written.
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

  /** Deletes the leftovers of ended processes, at most once per `SWEEP_INTERVAL_MS`. O(bodies being written). `onFailure` gets errors. */
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

  /** Returns undefined for a damaged note. */
  #readNote(key: Key): StagedBodyNote | undefined {
    try {
      return this.#cache.get(key) as StagedBodyNote | undefined;
    } catch (error) {
      if (!isCorrupt(error)) throw error;
      return undefined;
    }
  }
}

/** One body that is being written. */
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

  /** Call it before the body is in the store, or in the transaction that stores it. */
  writeNote(): void {
    if (this.#isNoted) return;
    this.#cache.set(this.#noteKey, { owner: createIdentity(), body: this.#body } satisfies StagedBodyNote);
    this.#isNoted = true;
  }

  /** Call it in the transaction that names the body. */
  deleteNote(): void {
    if (this.#isNoted) this.#cache.delete(this.#noteKey);
  }

  /** Deletes a body that nothing will name. If that fails, a sweep deletes it after this process has ended. */
  discard(): void {
    try {
      this.#cache.transact(() => {
        this.#cache.delete(this.#body);
        this.deleteNote();
      });
    } catch {
      // The error that led here is reported already.
    }
  }
}

/** A smaller body is stored as one value, in the transaction that names it. */
const MAX_INLINE_BODY_BYTES = 32 * 1024;

/**
 * Stores a body, then runs `commit`, which names it; for a small body both are one transaction. Memory holds one chunk of a large body,
 * which is noted in `staged`, if given, before it is written. If anything fails, the effect of `commit` is undone and the body deleted.
 *
 * @throws {DiskCacheError} as `set` and `writeStream` do; rethrows the errors of `chunks`.
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

/** Deletes a body that no item names. If that fails, it stays until the owner of the key cleans up. */
function deleteUnnamedBody(cache: CacheMethods, key: Key): void {
  try {
    cache.delete(key);
  } catch {
    // The error that led here is reported already.
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
 * Returns a stream whose first chunk has been read, so that it can be read to its end even if the item is deleted. Returns undefined if
 * it can't be read. Damage at the end of a file makes the stream fail later. `onFailure` gets both errors.
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

/** Keeps requests alive as long as the body of the response: in Node, the signal of a collected request aborts nothing any more. */
export function keepRequestsAlive(response: Response, ...requests: readonly Request[]): Response {
  if (response.body !== null) requestsByBody.set(response.body, requests);
  return response;
}

/** Reads a response to its end, which stores it. */
export async function drainBody(response: Response): Promise<void> {
  for await (const _ of response.body ?? []);
}
