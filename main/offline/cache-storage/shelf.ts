import { randomUUID } from 'node:crypto';
import type { CacheFace, Key } from '../../engine/index.ts';
import { isCorrupt } from '../../engine/internal.ts';
import { begun, writeBody } from '../body.ts';
import { withoutCookies } from '../http/fields.ts';
import { StagedBodies, type StagedBody } from '../staged-bodies.ts';
import { addressOf, type Item, type QueryOptions, varies } from './matching.ts';

/** An item whose body is on disk, and that is in no cache yet. */
export interface Staged extends Omit<Item, 'order'> {
  /** The body; undefined where there is none. */
  readonly staged: StagedBody | undefined;
}

export type OnStoreFailure = (error: unknown, url: string) => void;

/**
 * The items of one cache of a CacheStorage in a store of the engine. `['cached', storage, cache, path, search, order]` has an item,
 * `['cached-body', storage, cache, id]` its body; so the items of a URL, with or without its query, are a range.
 */
export class Shelf {
  readonly #cache: CacheFace;
  readonly #storage: string;
  readonly id: string;
  readonly #isOpen: () => boolean;
  readonly #onStoreFailure: OnStoreFailure;
  readonly #stagedBodies: StagedBodies;

  /** `isOpen` says whether the cache is still there: into a deleted one nothing is put. */
  constructor(cache: CacheFace, storage: string, id: string, isOpen: () => boolean, onStoreFailure: OnStoreFailure) {
    this.#cache = cache;
    this.#storage = storage;
    this.id = id;
    this.#isOpen = isOpen;
    this.#onStoreFailure = onStoreFailure;
    this.#stagedBodies = new StagedBodies(cache, 'cached-staged', storage);
  }

  /** The items that a request asks for, or all. Each put makes a key of its own: stored order is theirs. O(items of the URL), or all. */
  find(query: Request | undefined, { ignoreSearch, ignoreVary }: QueryOptions): Item[] {
    const [path, search] = query === undefined ? [] : addressOf(query.url);
    const found = this.#read(path === undefined ? [] : ignoreSearch ? [path] : [path, search ?? '']);
    return query === undefined || ignoreVary ? found : found.filter((item) => !varies(query, item));
  }

  /** `find` for who answers a request: when the store fails, nothing is found, and `onStoreFailure` is told. */
  lookUp(query: Request | undefined, options: QueryOptions): Item[] {
    try {
      return this.find(query, options);
    } catch (error) {
      this.#onStoreFailure(error, query?.url ?? '');
      return [];
    }
  }

  /** Writes a body down, then runs `commit`, with a small body in the same transaction. */
  async stage(request: Request, response: Response, commit: (staged: Staged, query: Request) => void): Promise<void> {
    this.#stagedBodies.sweep((error) => this.#onStoreFailure(error, request.url));
    const { status, statusText, url, redirected, type } = response;
    const bodyId = response.body === null ? undefined : randomUUID();
    const headers = withoutCookies(response.headers);
    const body = bodyId === undefined ? undefined : this.#stagedBodies.begin(bodyId, this.#bodyKey(bodyId));
    const staged: Staged = {
      request: { url: request.url, method: request.method, headers: [...request.headers] },
      response: { url, redirected, type, status, statusText, headers },
      bodyId,
      staged: body,
    };
    if (response.body === null || bodyId === undefined) return commit(staged, request);
    const chunks = chunksOf(response.body);
    await writeBody(this.#cache, this.#bodyKey(bodyId), chunks, () => commit(staged, request), body);
  }

  /** Puts a staged item in the place of those that its request asks for. */
  put({ staged, ...item }: Staged, query: Request): void {
    this.#cache.transact(() => {
      staged?.named();
      if (!this.#isOpen()) return this.discard(item);
      const [path, search] = addressOf(item.request.url);
      this.remove(this.#read([path, search], (key) => this.#cache.delete(key)).filter((it) => !varies(query, it)));
      const order = this.#cache.incr(['cached-order', this.#storage]);
      this.#cache.set(this.#items(path, search, order), { ...item, order } satisfies Item);
    });
  }

  /** Deletes what other processes have left that were killed while they put something, once a day. */
  sweep(): void {
    this.#stagedBodies.sweep((error) => this.#onStoreFailure(error, ''));
  }

  /** All of `work` or none. */
  atOnce(work: () => void): void {
    this.#cache.transact(work);
  }

  remove(items: readonly Item[]): void {
    this.#cache.transact(() => {
      for (const item of items) {
        this.#cache.delete(this.#items(...addressOf(item.request.url), item.order));
        this.discard(item);
      }
    });
  }

  /** Deletes the body of what is in no cache. */
  discard({ bodyId }: { readonly bodyId: string | undefined }): void {
    if (bodyId !== undefined) this.#cache.delete(this.#bodyKey(bodyId));
  }

  clear(): void {
    this.#cache.transact(() => {
      for (const prefix of [this.#items(), ['cached-body', this.#storage, this.id]]) {
        this.#cache.deleteMany([...this.#cache.keys({ prefix, order: 'key' })]);
      }
    });
  }

  /** The body of an item, null where there is none; undefined when it was evicted or can't be read, of which `onStoreFailure` is told. */
  async body({ bodyId, request }: Item): Promise<ReadableStream<Uint8Array> | null | undefined> {
    if (bodyId === undefined) return null;
    const failed = (error: unknown): undefined => void this.#onStoreFailure(error, request.url);
    try {
      const bytes = this.#cache.openBytes(this.#bodyKey(bodyId));
      return bytes && (await begun(bytes.stream(), failed));
    } catch (error) {
      return failed(error);
    }
  }

  /** The items of an address, but for damaged ones, of which `onDamaged` gets the keys. */
  #read(address: Key[], onDamaged: (key: Key) => void = () => {}): Item[] {
    const prefix = this.#items(...address);
    try {
      return [...this.#cache.values({ prefix })] as Item[];
    } catch (error) {
      if (!isCorrupt(error)) throw error;
    }
    return [...this.#cache.keys({ prefix })].flatMap((key) => {
      try {
        return (this.#cache.get(key) as Item | undefined) ?? [];
      } catch (error) {
        if (!isCorrupt(error)) throw error;
        this.#onStoreFailure(error, address.join(''));
        onDamaged(key);
        return [];
      }
    });
  }

  #items(...address: Key[]): Key[] {
    return ['cached', this.#storage, this.id, ...address];
  }

  #bodyKey(bodyId: string): Key {
    return ['cached-body', this.#storage, this.id, bodyId];
  }
}

/** The reader is kept: the body of a response that was put stays locked, as the standard has it. */
async function* chunksOf(body: ReadableStream<unknown>): AsyncGenerator<Uint8Array> {
  const reader = body.getReader();
  for (let read = await reader.read(); !read.done; read = await reader.read()) {
    if (!(read.value instanceof Uint8Array))
      throw new TypeError('The body of a response brings something else than bytes');
    yield read.value;
  }
}
