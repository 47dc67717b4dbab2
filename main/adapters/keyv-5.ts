import { DiskCacheError } from '../../protocol/error.ts';
import type { Key } from '../../protocol/key.ts';
import type { SetOptions } from '../../protocol/options.ts';
import { assertStore, CACHE_STORE_METHODS, type CacheStore } from './store.ts';

/** An entry of Keyv 5: `ttl` in milliseconds. */
export interface Keyv5Entry {
  readonly key: string;
  readonly value: unknown;
  readonly ttl?: number | undefined;
}

/** A storage adapter of Keyv 5, for `new Keyv({ store })`. */
export interface Keyv5Store {
  namespace: string | undefined;
  /** Keyv 5 looks at `dialect` to decide whether a store has an iterator. */
  readonly opts: { dialect: string; [name: string]: unknown };
  get<Value = unknown>(key: string): Promise<Value | undefined>;
  getMany<Value = unknown>(keys: string[]): Promise<(Value | undefined)[]>;
  has(key: string): Promise<boolean>;
  hasMany(keys: string[]): Promise<boolean[]>;
  set(key: string, value: unknown, ttl?: number): Promise<boolean>;
  /** Sets all entries or, if it rejects, none. */
  setMany(entries: readonly Keyv5Entry[]): Promise<void>;
  delete(key: string): Promise<boolean>;
  /** Returns whether all of the keys had an entry. */
  deleteMany(keys: string[]): Promise<boolean>;
  /** Deletes the entries of the namespace. */
  clear(): Promise<void>;
  /** Iterates over the entries of a namespace, in the order in which their keys were first set. */
  iterator<Value = unknown>(namespace?: string): AsyncGenerator<[key: string, value: Awaited<Value>], void>;
  /** Adds a listener of `error`, which is called when `get` fails. Otherwise Keyv 5 would show that as a missing value. */
  on(event: string, listener: (...args: unknown[]) => void): Keyv5Store;
}

/**
 * Returns a store for Keyv 5, which cache-manager 6 and 7 use as well: `new Keyv({ store: keyv5Store(cache) })`. Otherwise like `keyvStore`.
 * With Keyv's option `useKeyPrefix: false` the keys of its iterator begin with the namespace.
 *
 * @throws {DiskCacheError} `BAD_OPTION` for anything but a cache or fanout, and when Keyv 6 is given the store.
 */
export function keyv5Store(cache: CacheStore): Keyv5Store {
  assertStore('keyv5Store', cache, CACHE_STORE_METHODS);
  return new StoreOfKeyv5(cache);
}

/** The first element of the keys of a Keyv without a namespace. */
export const NO_NAMESPACE = '';

/** Yields the entries of a namespace, as both versions of Keyv keep them. */
export async function* iterateNamespace<Value>(
  cache: CacheStore,
  namespace: string,
): AsyncGenerator<[key: string, value: Awaited<Value>], void> {
  for await (const [key, value] of cache.entries({ prefix: [namespace] })) {
    const [, name, ...others] = key as readonly Key[];
    if (typeof name === 'string' && others.length === 0) yield [name, value as Awaited<Value>];
  }
}

class StoreOfKeyv5 implements Keyv5Store {
  readonly opts = { dialect: 'sqlite' };
  readonly #cache: CacheStore;
  #namespace: string | undefined;
  /** The prefixes that Keyv 5 puts before keys: its namespace and a colon. They tell the namespace of a key if several Keyvs share this store. */
  #prefixes: readonly string[] = [];
  readonly #errorListeners = new Set<(error: unknown) => void>();

  constructor(cache: CacheStore) {
    this.#cache = cache;
  }

  get namespace(): string | undefined {
    return this.#namespace;
  }

  set namespace(namespace: string | undefined) {
    this.#namespace = namespace;
    if (namespace) this.#prefixes = [...new Set([...this.#prefixes, `${namespace}:`])];
  }

  async get<Value>(key: string): Promise<Value | undefined> {
    try {
      return (await this.#cache.get(this.#toKey(key))) as Value | undefined;
    } catch (error) {
      for (const listener of this.#errorListeners) listener(error);
      throw error;
    }
  }

  async getMany<Value>(keys: string[]): Promise<(Value | undefined)[]> {
    return this.#cache.getMany(keys.map(this.#toKey)) as Promise<(Value | undefined)[]>;
  }

  async has(key: string): Promise<boolean> {
    return this.#cache.has(this.#toKey(key));
  }

  async hasMany(keys: string[]): Promise<boolean[]> {
    return this.#cache.hasMany(keys.map(this.#toKey));
  }

  async set(key: string, value: unknown, ttl?: number): Promise<boolean> {
    await this.#cache.set(this.#toKey(key), value, expiresIn(ttl));
    return true;
  }

  async setMany(entries: readonly Keyv5Entry[]): Promise<void> {
    await this.#cache.setMany(entries.map(({ key, value, ttl }) => [this.#toKey(key), value, expiresIn(ttl)]));
    // Keyv returns this as its own result, a boolean for each entry, although its type of a store says otherwise.
    return entries.map(() => true) as unknown as undefined;
  }

  async delete(key: string): Promise<boolean> {
    return this.#cache.delete(this.#toKey(key));
  }

  async deleteMany(keys: string[]): Promise<boolean> {
    const deleted = await this.#cache.deleteMany(keys.map(this.#toKey), { each: true });
    return deleted.every(Boolean);
  }

  async clear(): Promise<void> {
    await this.#cache.deletePrefix([this.#namespace ?? NO_NAMESPACE]);
  }

  async *iterator<Value>(namespace?: string): AsyncGenerator<[key: string, value: Awaited<Value>], void> {
    const prefix = namespace ? `${namespace}:` : '';
    for await (const [key, value] of iterateNamespace<Value>(this.#cache, namespace ?? NO_NAMESPACE))
      yield [prefix + key, value];
  }

  on(event: string, listener: (...args: unknown[]) => void): this {
    if (event === 'error') this.#errorListeners.add(listener);
    return this;
  }

  /** Only Keyv 6 reads this, when it is created. Its iterator would yield keys that begin with the namespace. */
  get capabilities(): never {
    throw new DiskCacheError('BAD_OPTION', 'keyv5Store(cache) is for Keyv 5; for Keyv 6, use keyvStore(cache)');
  }

  readonly #toKey = (key: string): Key => {
    const fitting = this.#prefixes.filter((prefix) => key.startsWith(prefix));
    const prefix = fitting.reduce((longest, it) => (it.length > longest.length ? it : longest), '');
    if (prefix === '') return [this.#namespace ?? NO_NAMESPACE, key];
    return [prefix.slice(0, -1), key.slice(prefix.length)];
  };
}

const expiresIn = (ttl: number | undefined): SetOptions => (ttl === undefined ? {} : { ttl });
