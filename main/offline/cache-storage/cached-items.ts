import { randomUUID } from 'node:crypto';
import { isUint8Array } from 'node:util/types';
import type { QueryOptions } from '../../../protocol/http.ts';
import type { CacheMethods, Key } from '../../engine/index.ts';
import { isCorrupt } from '../../engine/internal.ts';
import { parseListField, withoutCookies, withoutFragment } from '../../http-semantics/fields.ts';
import { StagedBodies, type StagedBody, startReading, writeBody } from '../bodies.ts';

export type { QueryOptions };

/** A request and its response, without the body. Field values are as `Headers` gives them. */
export interface CachedItem {
  /** Unique per put. */
  readonly order: number;
  readonly request: {
    readonly url: string;
    readonly method: string;
    readonly headers: readonly (readonly [string, string])[];
  };
  readonly response: {
    readonly url: string;
    readonly redirected: boolean;
    readonly type: string;
    readonly status: number;
    readonly statusText: string;
    readonly headers: readonly (readonly [string, string])[];
  };
  /** Undefined for a response without a body. */
  readonly bodyId: string | undefined;
}

/** Splits a URL into the part before the query and the query with its `?`. The fragment is dropped. */
function splitUrl(url: string): readonly [path: string, search: string] {
  const whole = withoutFragment(url);
  const at = whole.indexOf('?');
  return at < 0 ? [whole, ''] : [whole.slice(0, at), whole.slice(at)];
}

/**
 * Whether a request for the URL of an item differs from it in a field that Vary names: the last part of "request matches cached item" in
 * the Service Worker standard.
 */
function differsByVary(query: Request, { request, response }: Omit<CachedItem, 'order'>): boolean {
  const cached = toHeaders(request.headers);
  const names = parseListField(toHeaders(response.headers).get('vary'));
  return names.some((name) => query.headers.get(name) !== cached.get(name));
}

/** Whether a request matches an item. */
export function matchesItem(query: Request, item: Omit<CachedItem, 'order'>): boolean {
  const [path, search] = splitUrl(query.url);
  const [itemPath, itemSearch] = splitUrl(item.request.url);
  return path === itemPath && search === itemSearch && !differsByVary(query, item);
}

export const toHeaders = (fields: readonly (readonly [string, string])[]): Headers =>
  new Headers(fields.map(([name, value]): [string, string] => [name, value]));

/** An item whose body is on disk, but which is in no cache yet. */
export interface StagedItem extends Omit<CachedItem, 'order'> {
  /** Undefined without a body. */
  readonly staged: StagedBody | undefined;
}

export type OnStoreFailure = (error: unknown, url: string) => void;

/**
 * The items of one cache of a CacheStorage, in a store of the engine. An item is at `['cached', storage, cache, path, search, order]`, its
 * body at `['cached-body', storage, cache, id]`; so the items of a URL, with or without its query, are a range of keys.
 */
export class CachedItems {
  readonly #cache: CacheMethods;
  readonly #storage: string;
  readonly id: string;
  readonly #isOpen: () => boolean;
  readonly #onStoreFailure: OnStoreFailure;
  readonly #stagedBodies: StagedBodies;

  /** `isOpen` returns whether the cache still exists: nothing is put into a deleted one. */
  constructor(cache: CacheMethods, storage: string, id: string, isOpen: () => boolean, onStoreFailure: OnStoreFailure) {
    this.#cache = cache;
    this.#storage = storage;
    this.id = id;
    this.#isOpen = isOpen;
    this.#onStoreFailure = onStoreFailure;
    this.#stagedBodies = new StagedBodies(cache, 'cached-staged', storage);
  }

  /** Returns the items that match a request, or all, in put order, because each put has a key of its own. O(items of the URL), or all. */
  find(query: Request | undefined, { ignoreSearch, ignoreVary }: QueryOptions): CachedItem[] {
    const [path, search] = query === undefined ? [] : splitUrl(query.url);
    const found = this.#readItems(path === undefined ? [] : ignoreSearch ? [path] : [path, search ?? '']);
    return query === undefined || ignoreVary ? found : found.filter((item) => !differsByVary(query, item));
  }

  /** `find` for responding to a request: if the store fails, nothing is found, and `onStoreFailure` gets the error. */
  findOrEmpty(query: Request | undefined, options: QueryOptions): CachedItem[] {
    try {
      return this.find(query, options);
    } catch (error) {
      this.#onStoreFailure(error, query?.url ?? '');
      return [];
    }
  }

  /** Stores a body, then runs `commit`, for a small body in the same transaction. */
  async stage(
    request: Request,
    response: Response,
    commit: (staged: StagedItem, query: Request) => void,
  ): Promise<void> {
    this.#stagedBodies.sweep((error) => this.#onStoreFailure(error, request.url));
    const { status, statusText, url, redirected, type } = response;
    const bodyId = response.body === null ? undefined : randomUUID();
    const headers = withoutCookies(response.headers);
    const body = bodyId === undefined ? undefined : this.#stagedBodies.stage(bodyId, this.#toBodyKey(bodyId));
    const staged: StagedItem = {
      request: { url: request.url, method: request.method, headers: [...request.headers] },
      response: { url, redirected, type, status, statusText, headers },
      bodyId,
      staged: body,
    };
    if (response.body === null || bodyId === undefined) return commit(staged, request);
    const chunks = readChunks(response.body);
    await writeBody(this.#cache, this.#toBodyKey(bodyId), chunks, () => commit(staged, request), body);
  }

  /** Puts a staged item and deletes those that match its request. */
  put({ staged, ...item }: StagedItem, query: Request): void {
    this.#cache.transact(() => {
      staged?.deleteNote();
      if (!this.#isOpen()) return this.deleteBody(item);
      const [path, search] = splitUrl(item.request.url);
      this.remove(
        this.#readItems([path, search], (key) => this.#cache.delete(key)).filter((it) => !differsByVary(query, it)),
      );
      const order = this.#cache.incr(['cached-order', this.#storage]);
      this.#cache.set(this.#toKey(path, search, order), { ...item, order } satisfies CachedItem);
    });
  }

  /** Deletes the leftovers of processes that were killed during a put, once a day. */
  sweep(): void {
    this.#stagedBodies.sweep((error) => this.#onStoreFailure(error, ''));
  }

  /** Runs `work` in a transaction. */
  transact(work: () => void): void {
    this.#cache.transact(work);
  }

  remove(items: readonly CachedItem[]): void {
    this.#cache.transact(() => {
      for (const item of items) {
        this.#cache.delete(this.#toKey(...splitUrl(item.request.url), item.order));
        this.deleteBody(item);
      }
    });
  }

  /** Deletes the body of an item that is in no cache. */
  deleteBody({ bodyId }: { readonly bodyId: string | undefined }): void {
    if (bodyId !== undefined) this.#cache.delete(this.#toBodyKey(bodyId));
  }

  clear(): void {
    this.#cache.transact(() => {
      for (const prefix of [this.#toKey(), ['cached-body', this.#storage, this.id]]) {
        this.#cache.deleteMany([...this.#cache.keys({ prefix, order: 'key' })]);
      }
    });
  }

  /** Returns the body of an item, null without one; undefined if it was evicted or can't be read. `onStoreFailure` gets read errors. */
  async openBody({ bodyId, request }: CachedItem): Promise<ReadableStream<Uint8Array> | null | undefined> {
    if (bodyId === undefined) return null;
    const onFailure = (error: unknown): undefined => void this.#onStoreFailure(error, request.url);
    try {
      const bytes = this.#cache.openBytes(this.#toBodyKey(bodyId));
      return bytes && (await startReading(bytes.stream(), onFailure));
    } catch (error) {
      return onFailure(error);
    }
  }

  /** Returns the items of an address except damaged ones, whose keys `onDamaged` gets. */
  #readItems(keyParts: Key[], onDamaged: (key: Key) => void = () => {}): CachedItem[] {
    const prefix = this.#toKey(...keyParts);
    try {
      return [...this.#cache.values({ prefix })] as CachedItem[];
    } catch (error) {
      if (!isCorrupt(error)) throw error;
    }
    return [...this.#cache.keys({ prefix })].flatMap((key) => {
      try {
        return (this.#cache.get(key) as CachedItem | undefined) ?? [];
      } catch (error) {
        if (!isCorrupt(error)) throw error;
        this.#onStoreFailure(error, keyParts.join(''));
        onDamaged(key);
        return [];
      }
    });
  }

  #toKey(...keyParts: Key[]): Key[] {
    return ['cached', this.#storage, this.id, ...keyParts];
  }

  #toBodyKey(bodyId: string): Key {
    return ['cached-body', this.#storage, this.id, bodyId];
  }
}

/** Reads a body and keeps its reader: the body of a response that was put stays locked, as in the standard. */
async function* readChunks(body: ReadableStream<unknown>): AsyncGenerator<Uint8Array> {
  const reader = body.getReader();
  for (let read = await reader.read(); !read.done; read = await reader.read()) {
    if (!isUint8Array(read.value)) throw new TypeError('The body of a response has to consist of bytes (Uint8Array)');
    yield read.value;
  }
}
