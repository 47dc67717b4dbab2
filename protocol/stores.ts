import { DiskCacheError } from './error.ts';
import type { Key } from './key.ts';
import type { CacheOptions } from './options.ts';

/** The store behind `diskCache.get(…)`; it exists without being declared. */
export const DEFAULT_STORE = 'default';

declare const types: unique symbol;

/** A declared cache: its options, and its key and value types for the compiler. */
export interface CacheDeclaration<K extends Key = Key, V = unknown> {
  readonly kind: 'cache';
  readonly options: CacheOptions;
  readonly [types]?: [K, V];
}

export type StoreDeclaration<K extends Key = Key, V = unknown> = CacheDeclaration<K, V>;
// biome-ignore lint/suspicious/noExplicitAny: a declaration of any key and value type is admitted here and keeps its own type
export type StoreDeclarations = Readonly<Record<string, StoreDeclaration<any, any>>>;

/** A name that is a folder on every platform and never a path; `__proto__` and its like don't fit. */
const STORE_NAME = /^[a-z][a-z0-9-]{0,63}$/i;

export const isStoreName = (name: unknown): name is string => typeof name === 'string' && STORE_NAME.test(name);

/** Declares a cache of `K` to `V`. */
export function cache<K extends Key = Key, V = unknown>(options: CacheOptions = {}): CacheDeclaration<K, V> {
  return Object.freeze({ kind: 'cache', options: Object.freeze({ ...options }) });
}

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
