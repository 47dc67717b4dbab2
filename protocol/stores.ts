import { DiskCacheError } from './error.ts';
import type { Key } from './key.ts';
import type { CacheOptions, CollectionOptions } from './options.ts';

/** What a validator of the Standard Schema family has in common with the others, https://standardschema.dev. */
export interface StandardSchema<Output = unknown> {
  readonly '~standard': {
    readonly version: 1;
    /** Not read; the standard asks for it, so a validator written by hand has it. */
    readonly vendor?: string;
    readonly validate: (value: unknown) => SchemaResult<Output> | Promise<SchemaResult<Output>>;
  };
}

export type SchemaResult<Output> =
  | { readonly value: Output; readonly issues?: undefined }
  | { readonly issues: readonly SchemaIssue[] };

export interface SchemaIssue {
  readonly message: string;
  readonly path?: readonly (PropertyKey | { readonly key: PropertyKey })[] | undefined;
}

/** The store behind `diskCache.get(…)`; it exists without being declared. */
export const DEFAULT_STORE = 'default';

/** What a page calls its own window's shard. No declared store can have this name; which shard it is main decides. */
export const WINDOW_STORE = '@window';

/** Before the name of a queue, on the wire and in grants. No declared store can have such a name. */
const QUEUE_ADDRESS_PREFIX = '@queue/';

/** What a queue is called where a store could be meant, too. */
export const toQueueAddress = (name: string): string => QUEUE_ADDRESS_PREFIX + name;

/** The queue that is meant; undefined where it is a store. */
export const parseQueueAddress = (address: string): string | undefined =>
  address.startsWith(QUEUE_ADDRESS_PREFIX) ? address.slice(QUEUE_ADDRESS_PREFIX.length) : undefined;

declare const types: unique symbol;

/** A declared cache: its options, and its key and value types for the compiler. */
export interface CacheDeclaration<K extends Key = Key, V = unknown> {
  readonly kind: 'cache';
  readonly options: CacheOptions;
  readonly [types]?: [K, V];
}

export interface FanoutDeclaration<K extends Key = Key, V = unknown> {
  readonly kind: 'fanout';
  readonly options: FanoutDeclarationOptions;
  readonly [types]?: [K, V];
}

export interface IndexDeclaration<K extends Key = Key, V = unknown> {
  readonly kind: 'index';
  readonly options: IndexDeclarationOptions<K, V>;
  readonly [types]?: [K, V];
}

export interface DequeDeclaration<V = unknown> {
  readonly kind: 'deque';
  readonly options: DequeDeclarationOptions;
  readonly [types]?: [V];
}

export interface FanoutDeclarationOptions extends CacheOptions {
  /** Into how many shards keys are spread, 1 to 256. Default 8. */
  readonly shards?: number;
}

export interface IndexDeclarationOptions<K extends Key = Key, V = unknown> extends CollectionOptions {
  /** The version of what the application keeps here, a whole number from 1. Default 1. */
  readonly version?: number;
  /**
   * Carries everything over from an older version, in the main process: called once, while the index is opened, in one
   * transaction. When it throws nothing is changed and opening fails.
   */
  readonly migrate?: (index: Map<K, unknown>, from: number) => void;
  /** Any synchronous validator of the Standard Schema family; the main process holds every write and read to it. */
  readonly schema?: StandardSchema<V>;
}

export interface DequeDeclarationOptions extends CollectionOptions {
  /** The greatest length: what is too much leaves by the other end. Default `Infinity`. */
  readonly maxLength?: number;
}

// biome-ignore-start lint/suspicious/noExplicitAny: declarations of any key and value type are admitted and keep their own
export type StoreDeclaration =
  | CacheDeclaration<any, any>
  | FanoutDeclaration<any, any>
  | IndexDeclaration<any, any>
  | DequeDeclaration<any>;
// biome-ignore-end lint/suspicious/noExplicitAny: see above
export type StoreDeclarations = Readonly<Record<string, StoreDeclaration>>;

/** A name that is a folder on every platform and never a path; `__proto__` and its like don't fit. */
const STORE_NAME = /^[a-z][a-z0-9-]{0,63}$/i;

export const isStoreName = (name: unknown): name is string => typeof name === 'string' && STORE_NAME.test(name);

/** Declares a cache of `K` to `V`. Without a `sizeLimit` it takes up to 1 GiB on disk, then the least recently stored items leave. */
export const cache = <K extends Key = Key, V = unknown>(options: CacheOptions = {}): CacheDeclaration<K, V> =>
  createDeclaration('cache', options);

/**
 * Declares a FanoutCache of `K` to `V`: a cache in several databases, for several processes that write at the same time. Without a
 * `sizeLimit` all shards together take up to 1 GiB on disk.
 */
export const fanout = <K extends Key = Key, V = unknown>(
  options: FanoutDeclarationOptions = {},
): FanoutDeclaration<K, V> => createDeclaration('fanout', options);

/** Declares a persistent `Map` of `K` to `V`, from which nothing expires or is evicted: it has no `sizeLimit`, the disk is its limit. */
export const index = <K extends Key = Key, V = unknown>(
  options: IndexDeclarationOptions<K, V> = {},
): IndexDeclaration<K, V> => createDeclaration('index', options);

/** Declares a persistent sequence of `V`. It has no `sizeLimit`; `maxLength` bounds it. */
export const deque = <V = unknown>(options: DequeDeclarationOptions = {}): DequeDeclaration<V> =>
  createDeclaration('deque', options);

const createDeclaration = <const T extends string, O extends object>(kind: T, options: O) =>
  Object.freeze({ kind, options: Object.freeze({ ...options }) });

/**
 * The stores of an application, declared once and imported by the main process and the pages alike.
 *
 * @throws {DiskCacheError} `BAD_OPTION` for a name that could not be a folder (a letter, then letters, digits, `-`; at most
 * 64) or two names that differ only in case.
 */
export function defineStores<const S extends StoreDeclarations>(stores: S): Readonly<S> {
  const seen = new Map<string, string>();
  for (const name of Object.keys(stores)) {
    if (!isStoreName(name)) {
      throw new DiskCacheError(
        'BAD_OPTION',
        `Store name "${name}" is refused: use a letter, then letters, digits or "-", at most 64 characters`,
      );
    }
    const twin = seen.get(name.toLowerCase());
    if (twin !== undefined) {
      throw new DiskCacheError(
        'BAD_OPTION',
        `Store names "${twin}" and "${name}" would be one folder; rename one of them`,
      );
    }
    seen.set(name.toLowerCase(), name);
  }
  return Object.freeze({ ...stores });
}
