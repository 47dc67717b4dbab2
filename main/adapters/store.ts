import { describeType, truncate } from '../../protocol/describe-value.ts';
import { DiskCacheError } from '../../protocol/error.ts';
import type { Key } from '../../protocol/key.ts';
import type { Change, Range, SetOptions } from '../../protocol/options.ts';
import type { Entry } from '../../protocol/results.ts';

/*
 * The stores that adapters take, described by their methods and not by classes. So the same adapter works on a store of the main process, which
 * returns values, and on one of a page or a utility process, which returns promises.
 */

/** A value, from a store of the main process, or a promise of it, from a store of a page or a utility process. */
export type MaybePromise<T> = T | Promise<T>;

/** A change of a store. In a page also `reset`, which means that changes were missed. */
export type StoreChange = Pick<Change, 'key'> & { readonly kind: string };

/** A cache, fanout or index: of the main process, in a page, or of a utility process. */
export interface ValueStore {
  get(key: string): unknown;
  set(key: string, value: unknown): unknown;
  delete(key: string): unknown;
  subscribe(listener: (change: StoreChange) => void, options?: { readonly prefix?: Key }): () => void;
}

/** A cache or fanout: of the main process, in a page, or of a utility process. */
export interface CacheStore {
  get(key: Key): unknown;
  getMany(keys: Iterable<Key>): MaybePromise<unknown[]>;
  getEntry(key: Key): MaybePromise<Entry<Key, unknown> | undefined>;
  has(key: Key): MaybePromise<boolean>;
  hasMany(keys: Iterable<Key>): MaybePromise<boolean[]>;
  set(key: Key, value: unknown, options?: SetOptions): MaybePromise<void>;
  setMany(entries: Iterable<readonly [Key, unknown, SetOptions?]>): MaybePromise<void>;
  delete(key: Key): MaybePromise<boolean>;
  deleteMany(keys: Iterable<Key>, options: { readonly each: true }): MaybePromise<boolean[]>;
  deletePrefix(prefix: Key): MaybePromise<number>;
  keys(range?: Range): Iterable<Key> | AsyncIterable<Key>;
  entries(range?: Range): Iterable<readonly [Key, unknown]> | AsyncIterable<readonly [Key, unknown]>;
  subscribe(listener: (change: StoreChange) => void, options?: { readonly prefix?: Key }): () => void;
}

export const VALUE_STORE_METHODS = ['get', 'set', 'delete', 'subscribe'] as const satisfies (keyof ValueStore)[];

export const CACHE_STORE_METHODS = [
  'get',
  'getMany',
  'getEntry',
  'has',
  'hasMany',
  'set',
  'setMany',
  'delete',
  'deleteMany',
  'deletePrefix',
  'keys',
  'entries',
  'subscribe',
] as const satisfies (keyof CacheStore)[];

/** Receives the error when the value that another window has set can't be read, and in a page also when the subscription ends by itself. */
export type OnError = (error: unknown) => void;

/** Returns the option `onError` of `subscribe`, which only stores that return promises have. */
export const getErrorOption = (store: object, onError: OnError | undefined): { readonly onError?: OnError } =>
  Symbol.asyncIterator in store && onError ? { onError } : {};

export const isPromise = (value: unknown): value is Promise<unknown> =>
  typeof value === 'object' && value !== null && 'then' in value && typeof value.then === 'function';

/**
 * Checks the store that was passed to an adapter. Done early, because other libraries call it much later, and some swallow its errors.
 *
 * @throws {DiskCacheError} `BAD_OPTION`
 */
export function assertStore(adapter: string, store: unknown, methods: readonly string[]): void {
  const isCacheOnly = methods.length > VALUE_STORE_METHODS.length;
  const missing = methods.find((name) => typeof Object(store)[name] !== 'function');
  if (missing === undefined) return;
  throw new DiskCacheError(
    'BAD_OPTION',
    `${adapter} takes ${isCacheOnly ? 'a cache or a fanout' : 'a cache, a fanout or an index'} (host.stores.name, diskCache.cache('name'), ` +
      `new Cache(directory)), not ${describeGiven(store, missing)}`,
  );
}

function describeGiven(given: unknown, missing: string): string {
  if (isPromise(given)) return 'a promise; await it first';
  if (typeof given !== 'object' || given === null) return describeType(given);
  if ('kind' in given && 'options' in given) return 'a declaration; pass the open store, such as host.stores.name';
  if ('stores' in given) return 'a host; pass one of its stores, such as host.stores.name';
  const type = Object.getPrototypeOf(given) === Object.prototype ? 'an object' : describeType(given);
  return `${type}, which has no ${missing}()`;
}

/**
 * Returns the options of an adapter, or {}. Refuses unknown options, so that a misspelt one is not ignored.
 *
 * @throws {DiskCacheError} `BAD_OPTION`
 */
export function parseOptions<T extends object>(
  adapter: string,
  options: T | undefined,
  names: readonly (keyof T & string)[],
): Partial<T> {
  if (options === undefined) return {};
  if (typeof options !== 'object' || options === null)
    throw new DiskCacheError(
      'BAD_OPTION',
      `${adapter}: options are ${describeType(options)}; valid options: ${names.join(', ')}`,
    );
  const unknown = Object.keys(options).find((name) => !names.includes(name as keyof T & string));
  if (unknown === undefined) return options;
  throw new DiskCacheError(
    'BAD_OPTION',
    `${adapter}: unknown option "${truncate(unknown)}"; valid options: ${names.join(', ')}`,
  );
}
