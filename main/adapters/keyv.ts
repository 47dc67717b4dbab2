import { DiskCacheError } from '../../protocol/error.ts';
import type { Key } from '../../protocol/key.ts';
import type { SetOptions } from '../../protocol/options.ts';
import { iterateNamespace, NO_NAMESPACE } from './keyv-5.ts';
import { assertStore, CACHE_STORE_METHODS, type CacheStore } from './store.ts';

export { type Keyv5Entry, type Keyv5Store, keyv5Store } from './keyv-5.ts';

/*
 * Stores of Keyv 6 and Keyv 5 have the same methods with different arguments and results, and Keyv doesn't tell a store its version. So there is
 * a factory for each version, and the wrong one throws when the Keyv is created. Both keep entries under `[namespace, key]`: each version reads
 * what the other wrote in the same namespace, and neither touches other keys of the cache.
 */

/** An entry of Keyv 6: `expires` in epoch milliseconds. */
export interface KeyvEntry {
  readonly key: string;
  readonly value: unknown;
  readonly expires?: number | undefined;
}

/** A storage adapter of Keyv 6, for `new Keyv({ store })`. */
export interface KeyvStore {
  /** The namespace of the entries, which Keyv sets. Keyvs with different namespaces need a store each; the cache may be the same. */
  namespace: string | undefined;
  /** Declares to Keyv that this store takes expiry as a point in time, and enforces it. */
  readonly capabilities: KeyvCapabilities;
  get<Value = unknown>(key: string): Promise<Value | undefined>;
  getMany<Value = unknown>(keys: string[]): Promise<(Value | undefined)[]>;
  has(key: string): Promise<boolean>;
  hasMany(keys: string[]): Promise<boolean[]>;
  set(key: string, value: unknown, expires?: number): Promise<boolean>;
  /** Sets all entries or, if it rejects, none. */
  setMany(entries: readonly KeyvEntry[]): Promise<boolean[]>;
  delete(key: string): Promise<boolean>;
  deleteMany(keys: string[]): Promise<boolean[]>;
  /** Deletes the entries of the namespace. */
  clear(): Promise<void>;
  /** Iterates over the entries of the namespace, in the order in which their keys were first set. */
  iterator<Value = unknown>(): AsyncGenerator<[key: string, value: Awaited<Value>], void>;
  /** Required by Keyv. No event is emitted, because every error is thrown. */
  on(event: string, listener: (...args: never[]) => void): KeyvStore;
}

/** The form of Keyv's `KeyvStorageCapability`. */
export interface KeyvCapabilities {
  readonly compatible: true;
  readonly store: 'keyvStorage';
  readonly expires: true;
  readonly methods: Readonly<Record<string, { readonly exists: boolean; readonly methodType: 'async' | 'none' }>>;
}

/**
 * Returns a store for Keyv 6: `new Keyv({ store: keyvStore(cache) })`. `cache` is a cache or fanout of the main process, a page or a
 * utility process; it stays open when Keyv disconnects. Entries expire and are evicted like all items of the cache.
 *
 * @throws {DiskCacheError} `BAD_OPTION` for anything but a cache or fanout, and when Keyv 5 is given the store.
 */
export function keyvStore(cache: CacheStore): KeyvStore {
  assertStore('keyvStore', cache, CACHE_STORE_METHODS);
  return new StoreOfKeyv(cache);
}

const METHODS = ['get', 'getMany', 'has', 'hasMany', 'set', 'setMany', 'delete', 'deleteMany', 'clear', 'iterator'];

const ASYNC = { exists: true, methodType: 'async' } as const;

const CAPABILITIES: KeyvCapabilities = {
  compatible: true,
  store: 'keyvStorage',
  expires: true,
  methods: {
    ...Object.fromEntries(METHODS.map((name) => [name, ASYNC])),
    disconnect: { exists: false, methodType: 'none' },
  },
};

class StoreOfKeyv implements KeyvStore {
  namespace: string | undefined = undefined;
  readonly capabilities = CAPABILITIES;
  readonly #cache: CacheStore;

  constructor(cache: CacheStore) {
    this.#cache = cache;
  }

  async get<Value>(key: string): Promise<Value | undefined> {
    return this.#cache.get(this.#toKey(key)) as Promise<Value | undefined>;
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

  async set(key: string, value: unknown, expires?: number): Promise<boolean> {
    await this.#cache.set(this.#toKey(key), value, expiresAt(expires));
    return true;
  }

  async setMany(entries: readonly KeyvEntry[]): Promise<boolean[]> {
    await this.#cache.setMany(entries.map(({ key, value, expires }) => [this.#toKey(key), value, expiresAt(expires)]));
    return entries.map(() => true);
  }

  async delete(key: string): Promise<boolean> {
    return this.#cache.delete(this.#toKey(key));
  }

  async deleteMany(keys: string[]): Promise<boolean[]> {
    return this.#cache.deleteMany(keys.map(this.#toKey), { each: true });
  }

  async clear(): Promise<void> {
    await this.#cache.deletePrefix([this.namespace ?? NO_NAMESPACE]);
  }

  iterator<Value>(): AsyncGenerator<[key: string, value: Awaited<Value>], void> {
    return iterateNamespace<Value>(this.#cache, this.namespace ?? NO_NAMESPACE);
  }

  on(): this {
    return this;
  }

  /** Only Keyv 5 reads this, when it is created. It would pass times to live where this store expects points in time. */
  get opts(): never {
    throw new DiskCacheError(
      'BAD_OPTION',
      'keyvStore(cache) is for Keyv 6; for Keyv 5 and cache-manager, use keyv5Store(cache)',
    );
  }

  readonly #toKey = (key: string): Key => [this.namespace ?? NO_NAMESPACE, key];
}

const expiresAt = (time: number | undefined): SetOptions => (time === undefined ? {} : { expiresAt: time });
