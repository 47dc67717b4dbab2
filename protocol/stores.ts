import { DiskCacheError } from './error.ts';
import type { Key } from './key.ts';
import type { MoveSource } from './move-source.ts';
import type { CacheOptions, CollectionOptions } from './options.ts';
import type { PlainValues } from './plain-values.ts';

/** The common interface of Standard Schema validators, https://standardschema.dev. */
export interface StandardSchema<Output = unknown> {
  readonly '~standard': {
    readonly version: 1;
    /** Not read, but the standard requires it, so hand-written validators have it. */
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

/** The store behind `diskCache.get(…)`; it exists without a declaration. */
export const DEFAULT_STORE = 'default';

/** A page's name for its own window's shard. No declared store can have this name; main decides which shard it is. */
export const WINDOW_STORE = '@window';

/** Prefix of a queue's name, on the wire and in grants. No declared store can have such a name. */
const QUEUE_ADDRESS_PREFIX = '@queue/';

/** Returns the name of a queue where a store name could also be given. */
export const toQueueAddress = (name: string): string => QUEUE_ADDRESS_PREFIX + name;

/** Returns the name of the queue addressed; undefined if the address is a store's. */
export const parseQueueAddress = (address: string): string | undefined =>
  address.startsWith(QUEUE_ADDRESS_PREFIX) ? address.slice(QUEUE_ADDRESS_PREFIX.length) : undefined;

/**
 * What a host does with a store that is damaged so that it can't be opened. `'set-aside'`: it begins empty. `'restore'`: it begins with every
 * item that can be read, and with those of the newest backup that can't. Either way the damaged store is kept, in the folder `_damaged` of the
 * host's directory. `'refuse'`: `openDiskCache` throws `CORRUPT`.
 */
export type OnDamage = 'set-aside' | 'restore' | 'refuse';

/** What a declaration says to the host that opens the store. */
export interface HostedOptions {
  /** Default: `'set-aside'` for a cache, also one of many shards; `'restore'` for settings, an index and a deque. */
  readonly onDamage?: OnDamage;
}

declare const types: unique symbol;

/** A declared cache: its options, and its key and value types for the compiler. */
export interface CacheDeclaration<K extends Key = Key, V = unknown> {
  readonly kind: 'cache';
  readonly options: CacheDeclarationOptions;
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

export interface SettingsDeclaration<T extends object = Record<string, unknown>> {
  readonly kind: 'settings';
  readonly options: SettingsDeclarationOptions<T>;
  readonly [types]?: T;
}

export interface CacheDeclarationOptions extends CacheOptions, HostedOptions {}

export interface FanoutDeclarationOptions extends CacheOptions, HostedOptions {
  /** The number of shards over which keys are spread, 1 to 256. Default 8. */
  readonly shards?: number;
}

export interface IndexDeclarationOptions<K extends Key = Key, V = unknown> extends CollectionOptions, HostedOptions {
  /** The version of the application's data in this store, a whole number from 1. Default 1. */
  readonly version?: number;
  /**
   * Migrates the data from an older version. Called once in the main process while the index is opened, in one transaction. If it throws,
   * nothing is changed and opening fails.
   */
  readonly migrate?: (index: Map<K, unknown>, from: number) => void;
  /** Any synchronous Standard Schema validator; the main process validates every write and read with it. */
  readonly schema?: StandardSchema<V>;
  /**
   * Where the application has kept this data so far, such as `lowdb('db.json')`. Each top-level member becomes an entry, once, in one
   * transaction, while the index is opened. Existing entries are kept, and so are the files. What can't be moved is reported as a process
   * warning.
   */
  readonly from?: MoveSource | readonly MoveSource[];
}

export interface DequeDeclarationOptions extends CollectionOptions, HostedOptions {
  /** Maximum length: pushing more removes values from the other end. Default `Infinity`. */
  readonly maxLength?: number;
}

/** The version of an application's settings: a whole number from 1, or a semantic version, such as that of the application. */
export type SettingsVersion = number | string;

/** The settings as a migration sees them: what was set, without defaults and without validation. */
export interface StoredSettings {
  get(path: string | readonly string[]): unknown;
  has(path: string | readonly string[]): boolean;
  set(path: string | readonly string[], value: unknown): void;
  delete(path: string | readonly string[]): void;
  /** Returns the names of the top-level members that were set, wholly or in part. */
  names(): string[];
}

/** The steps between versions, by the version that each one leads to. */
export type SettingsMigrations = Readonly<
  Record<SettingsVersion, (settings: StoredSettings, from: SettingsVersion) => MigrationResult>
>;

/** Anything but a promise or an iterator: a migration is done when its function returns. The result is not used. */
type MigrationResult =
  // biome-ignore lint/suspicious/noConfusingVoidType: a function that returns nothing
  void | null | undefined | boolean | number | bigint | string | { readonly then?: never; readonly next?: never };

export interface SettingsDeclarationOptions<T extends object = Record<string, unknown>>
  extends CollectionOptions,
    HostedOptions {
  /** The value of each setting until it is set. Defaults are never stored, so the next version of the application can change them. */
  readonly defaults: T;
  /**
   * A synchronous Standard Schema validator of all settings together, or an object of validators by top-level member. The main process
   * validates settings when they are set and when they are read. The output of the schema is what is stored and returned.
   */
  readonly schema?: StandardSchema<T> | { readonly [K in keyof T]?: StandardSchema<T[K]> };
  /** A whole number from 1, or a semantic version such as `app.getVersion()`. Default: the highest in `migrations`, or 1. */
  readonly version?: SettingsVersion;
  /**
   * The steps from older versions, by the version that each leads to. Those that are due run once, in order, in one transaction, while the
   * settings are opened; if one throws, nothing is changed and opening fails. They work on what was set, not on the defaults.
   */
  readonly migrations?: SettingsMigrations;
  /**
   * What a read does with a stored setting that doesn't fit the schema: throw `BAD_VALUE` (the default), or return the default value, with
   * one process warning.
   */
  readonly invalid?: 'throw' | 'default';
  /**
   * Where the application has kept its settings so far, such as `electronStore('config.json')`. They are moved once, in one transaction,
   * while the settings are opened, before the migrations. Settings that were already set are kept, and so are the files. A damaged file is
   * tried again at the next opening. What can't be moved is reported as a process warning.
   */
  readonly from?: MoveSource | readonly MoveSource[];
}

// biome-ignore-start lint/suspicious/noExplicitAny: declarations of any key and value type are admitted and keep their own
export type StoreDeclaration =
  | CacheDeclaration<any, any>
  | FanoutDeclaration<any, any>
  | IndexDeclaration<any, any>
  | DequeDeclaration<any>
  | SettingsDeclaration<any>;
// biome-ignore-end lint/suspicious/noExplicitAny: see above
export type StoreDeclarations = Readonly<Record<string, StoreDeclaration>>;

/** Returns the options of a declaration that a store itself has. */
export function toEngineOptions<O extends HostedOptions>(options: O): Omit<O, keyof HostedOptions> {
  const { onDamage: _, ...engineOptions } = Object(options) as O;
  return engineOptions;
}

/** Names that are valid folder names on every platform and never a path; `__proto__` and similar names don't match. */
const STORE_NAME = /^[a-z][a-z0-9-]{0,63}$/i;

export const isStoreName = (name: unknown): name is string => typeof name === 'string' && STORE_NAME.test(name);

/** Declares a cache of `K` to `V`. Without a `sizeLimit` it uses up to 1 GiB on disk, then evicts the least recently stored items. */
export const cache = <K extends Key = Key, V = unknown>(
  options: CacheDeclarationOptions = {},
): CacheDeclaration<K, V> => createDeclaration('cache', options);

/**
 * Declares a FanoutCache of `K` to `V`: a cache spread over several databases, for several processes that write concurrently. Without a
 * `sizeLimit` all shards together use up to 1 GiB on disk.
 */
export const fanout = <K extends Key = Key, V = unknown>(
  options: FanoutDeclarationOptions = {},
): FanoutDeclaration<K, V> => createDeclaration('fanout', options);

/** Declares a persistent `Map` of `K` to `V`. Nothing expires or is evicted: it has no `sizeLimit`, only the disk limits it. */
export const index = <K extends Key = Key, V = unknown>(
  options: IndexDeclarationOptions<K, V> = {},
): IndexDeclaration<K, V> => createDeclaration('index', options);

/** Declares a persistent sequence of `V`. It has no `sizeLimit`; `maxLength` limits it. */
export const deque = <V = unknown>(options: DequeDeclarationOptions = {}): DequeDeclaration<V> =>
  createDeclaration('deque', options);

/**
 * Declares the settings of an application: typed values by path (`'editor.fontSize'`), each with a default. They don't expire and are not
 * evicted, and a setting survives a power cut once `set` has returned.
 */
export const settings = <T extends object>(
  options: SettingsDeclarationOptions<T> & PlainValues<T>,
): SettingsDeclaration<T> => createDeclaration('settings', options as SettingsDeclarationOptions<T>);

const createDeclaration = <const T extends string, O extends object>(kind: T, options: O) =>
  Object.freeze({ kind, options: Object.freeze({ ...options }) });

/**
 * Declares the stores of an application once, for the main process and the pages to import.
 *
 * @throws {DiskCacheError} `BAD_OPTION` if a name can't be a folder name (a letter, then letters, digits, `-`; at most 64 characters), or
 * if two names differ only in case.
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
