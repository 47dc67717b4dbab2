import { randomUUID } from 'node:crypto';
import type { CacheFace, Key } from '../../engine/index.ts';
import { begun, writeBody } from '../body.ts';
import { addressOf, type Item, type QueryOptions, varies } from './matching.ts';

/** An item whose body is on disk, and that is in no cache yet. */
export type Staged = Omit<Item, 'order'>;

/**
 * The items of one cache of a CacheStorage in a store of the engine. `['cached', storage, cache, path, search, order]` has an item,
 * `['cached-body', storage, cache, id]` its body; so the items of a URL, with or without its query, are a range.
 */
export class Shelf {
  readonly #cache: CacheFace;
  readonly #storage: string;
  readonly id: string;
  readonly #isOpen: () => boolean;

  /** `isOpen` says whether the cache is still there: into a deleted one nothing is put. */
  constructor(cache: CacheFace, storage: string, id: string, isOpen: () => boolean) {
    this.#cache = cache;
    this.#storage = storage;
    this.id = id;
    this.#isOpen = isOpen;
  }

  /** The items that a request asks for, or all. Each put makes a key of its own: stored order is theirs. O(items of the URL), or all. */
  find(query: Request | undefined, { ignoreSearch, ignoreVary }: QueryOptions): Item[] {
    const [path, search] = query === undefined ? [] : addressOf(query.url);
    const address = path === undefined ? [] : ignoreSearch ? [path] : [path, search ?? ''];
    const found = [...this.#cache.values({ prefix: this.#items(...address) })] as Item[];
    return query === undefined || ignoreVary ? found : found.filter((item) => !varies(query, item));
  }

  /** Writes a body down, then runs `commit`, with a small body in the same transaction. */
  async stage(request: Request, response: Response, commit: (staged: Staged, query: Request) => void): Promise<void> {
    const { status, statusText, url, redirected, type } = response;
    const bodyId = response.body === null ? undefined : randomUUID();
    const staged: Staged = {
      request: { url: request.url, method: request.method, headers: [...request.headers] },
      response: { url, redirected, type, status, statusText, headers: [...response.headers] },
      bodyId,
    };
    if (response.body === null || bodyId === undefined) commit(staged, request);
    else await writeBody(this.#cache, this.#bodyKey(bodyId), chunksOf(response.body), () => commit(staged, request));
  }

  /** Puts a staged item in the place of those that its request asks for. */
  put(staged: Staged, query: Request): void {
    this.#cache.transact(() => {
      if (!this.#isOpen()) return this.discard(staged);
      this.remove(this.find(query, {}));
      const order = this.#cache.incr(['cached-order', this.#storage]);
      const [path, search] = addressOf(staged.request.url);
      this.#cache.set(this.#items(path, search, order), { ...staged, order } satisfies Item);
    });
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
  discard({ bodyId }: Pick<Item, 'bodyId'>): void {
    if (bodyId !== undefined) this.#cache.delete(this.#bodyKey(bodyId));
  }

  clear(): void {
    this.#cache.transact(() => {
      for (const prefix of [this.#items(), ['cached-body', this.#storage, this.id]]) {
        this.#cache.deleteMany([...this.#cache.keys({ prefix, order: 'key' })]);
      }
    });
  }

  /** The body of an item, null where there is none; undefined when it was evicted or is damaged. */
  async body({ bodyId }: Item): Promise<ReadableStream<Uint8Array> | null | undefined> {
    if (bodyId === undefined) return null;
    const bytes = this.#cache.openBytes(this.#bodyKey(bodyId));
    return bytes && begun(bytes.stream());
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
