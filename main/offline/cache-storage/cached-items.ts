import { randomUUID } from 'node:crypto';
import type { QueryOptions } from '../../../protocol/http.ts';
import type { CacheMethods, Key } from '../../engine/index.ts';
import { isCorrupt } from '../../engine/internal.ts';
import { parseListField, withoutCookies, withoutFragment } from '../../http-semantics/fields.ts';
import { StagedBodies, type StagedBody, startReading, writeBody } from '../bodies.ts';

export type { QueryOptions };

/** A request and its response, without the body. Field values are as `Headers` gives them. */
export interface CachedItem {
  /** Another one for every put. */
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
  /** Undefined for a response whose body is null. */
  readonly bodyId: string | undefined;
}

/** A URL in two parts that are compared apart: up to the query, and the query with its `?`. The fragment counts for nothing. */
export function splitUrl(url: string): readonly [path: string, search: string] {
  const whole = withoutFragment(url);
  const at = whole.indexOf('?');
  return at < 0 ? [whole, ''] : [whole.slice(0, at), whole.slice(at)];
}

/**
 * Whether a request asks for an item whose address is the right one: what is left of "request matches cached item" in the Service
 * Worker standard, the fields that Vary names.
 */
export function differsByVary(query: Request, { request, response }: Omit<CachedItem, 'order'>): boolean {
  const cached = toHeaders(request.headers);
  const names = parseListField(toHeaders(response.headers).get('vary'));
  return names.some((name) => query.headers.get(name) !== cached.get(name));
}

/** Whether a request asks for an item. */
export function matchesItem(query: Request, item: Omit<CachedItem, 'order'>): boolean {
  const [path, search] = splitUrl(query.url);
  const [itemPath, itemSearch] = splitUrl(item.request.url);
  return path === itemPath && search === itemSearch && !differsByVary(query, item);
}

export const toHeaders = (fields: readonly (readonly [string, string])[]): Headers =>
  new Headers(fields.map(([name, value]): [string, string] => [name, value]));

/** An item whose body is on disk, and that is in no cache yet. */
export interface StagedItem extends Omit<CachedItem, 'order'> {
  /** The body; undefined where there is none. */
  readonly staged: StagedBody | undefined;
}

export type OnStoreFailure = (error: unknown, url: string) => void;

/**
 * The items of one cache of a CacheStorage in a store of the engine. `['cached', storage, cache, path, search, order]` has an item,
 * `['cached-body', storage, cache, id]` its body; so the items of a URL, with or without its query, are a range.
 */
export class CachedItems {
  readonly #cache: CacheMethods;
  readonly #storage: string;
  readonly id: string;
  readonly #isOpen: () => boolean;
  readonly #onStoreFailure: OnStoreFailure;
  readonly #stagedBodies: StagedBodies;

  /** `isStoreOpen` says whether the cache is still there: into a deleted one nothing is put. */
  constructor(cache: CacheMethods, storage: string, id: string, isOpen: () => boolean, onStoreFailure: OnStoreFailure) {
    this.#cache = cache;
    this.#storage = storage;
    this.id = id;
    this.#isOpen = isOpen;
    this.#onStoreFailure = onStoreFailure;
    this.#stagedBodies = new StagedBodies(cache, 'cached-staged', storage);
  }

  /** The items that a request asks for, or all. Each put makes a key of its own: stored order is theirs. O(items of the URL), or all. */
  find(query: Request | undefined, { ignoreSearch, ignoreVary }: QueryOptions): CachedItem[] {
    const [path, search] = query === undefined ? [] : splitUrl(query.url);
    const found = this.#readItems(path === undefined ? [] : ignoreSearch ? [path] : [path, search ?? '']);
    return query === undefined || ignoreVary ? found : found.filter((item) => !differsByVary(query, item));
  }

  /** `find` for who answers a request: when the store fails, nothing is found, and `onStoreFailure` is told. */
  findOrEmpty(query: Request | undefined, options: QueryOptions): CachedItem[] {
    try {
      return this.find(query, options);
    } catch (error) {
      this.#onStoreFailure(error, query?.url ?? '');
      return [];
    }
  }

  /** Writes a body down, then runs `commitTransaction`, with a small body in the same transaction. */
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

  /** Puts a staged item in the place of those that its request asks for. */
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

  /** Deletes what other processes have left that were killed while they put something, once a day. */
  sweep(): void {
    this.#stagedBodies.sweep((error) => this.#onStoreFailure(error, ''));
  }

  /** All of `work` or none. */
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

  /** Deletes the body of what is in no cache. */
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

  /** The body of an item, null where there is none; undefined when it was evicted or can't be read, of which `onStoreFailure` is told. */
  async openBody({ bodyId, request }: CachedItem): Promise<ReadableStream<Uint8Array> | null | undefined> {
    if (bodyId === undefined) return null;
    const failed = (error: unknown): undefined => void this.#onStoreFailure(error, request.url);
    try {
      const bytes = this.#cache.openBytes(this.#toBodyKey(bodyId));
      return bytes && (await startReading(bytes.stream(), failed));
    } catch (error) {
      return failed(error);
    }
  }

  /** The items of an address, but for damaged ones, of which `onDamaged` gets the keys. */
  #readItems(address: Key[], onDamaged: (key: Key) => void = () => {}): CachedItem[] {
    const prefix = this.#toKey(...address);
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
        this.#onStoreFailure(error, address.join(''));
        onDamaged(key);
        return [];
      }
    });
  }

  #toKey(...address: Key[]): Key[] {
    return ['cached', this.#storage, this.id, ...address];
  }

  #toBodyKey(bodyId: string): Key {
    return ['cached-body', this.#storage, this.id, bodyId];
  }
}

/** The reader is kept: the body of a response that was put stays locked, as the standard has it. */
async function* readChunks(body: ReadableStream<unknown>): AsyncGenerator<Uint8Array> {
  const reader = body.getReader();
  for (let read = await reader.read(); !read.done; read = await reader.read()) {
    if (!(read.value instanceof Uint8Array))
      throw new TypeError('The body of a response brings something else than bytes');
    yield read.value;
  }
}
