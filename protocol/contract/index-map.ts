import type { Key } from '../key.ts';
import type { ClearOptions, DeleteManyOptions, Range } from '../options.ts';
import type { CheckOptions, Cursor, Finding, Projection, ResultPage } from '../results.ts';
import { administers, administersAlone, reads, type Signatures, writes } from './signature.ts';

/** Which entries, and in which order. */
export type IndexRange<K = Key> = Omit<Range<K>, 'tag'>;

/** The methods of an index that a page may call: those of `Map`, and the engine's. */
export interface IndexContract<K = Key, V = unknown> {
  /** Returns the value; undefined if the key is missing. */
  get(key: K): V | undefined;
  /** Returns values in the order of the keys; `undefined` for each missing one. */
  getMany(keys: Iterable<K>): (V | undefined)[];
  has(key: K): boolean;
  /** Returns for each key, in order, whether there is an entry. */
  hasMany(keys: Iterable<K>): boolean[];
  /** Returns the entry whose key was inserted last (the default), or first. */
  peekItem(options?: { readonly last?: boolean }): [K, V] | undefined;
  page(of: Projection | 'items', range?: IndexRange<K>, after?: Cursor): ResultPage;
  /** Returns the number of entries. */
  size(): number;
  /** Returns the bytes used on disk. */
  volume(): number;
  /** Returns whether the given entries are deeply equal to these, in the same order. */
  equals(entries: Iterable<readonly [K, V]>): boolean;
  /** Sets an entry; an existing key keeps its position. */
  set(key: K, value: V): void;
  /** Sets all entries or none. */
  setMany(entries: Iterable<readonly [K, V]>): void;
  /** Returns the value of a key, after storing `value` if the key is missing. */
  setDefault(key: K, value: V): V;
  /** Returns true if there was an entry to delete. */
  delete(key: K): boolean;
  /** Returns the number of entries deleted or, with `each`, whether each key had one. */
  deleteMany(keys: Iterable<K>, options?: DeleteManyOptions): number | boolean[];
  /** Deletes entries whose key begins with a prefix (characters of a string, elements of an array); returns how many. */
  deletePrefix(prefix: Key): number;
  /** Deletes an entry and returns its value; undefined if the key is missing. */
  pop(key: K): V | undefined;
  /** Removes and returns the entry whose key was inserted last (the default), or first. */
  popItem(options?: { readonly last?: boolean }): [K, V] | undefined;
  /** Deletes everything; with a prefix, the entries whose key begins with it, and returns how many. */
  // biome-ignore lint/suspicious/noConfusingVoidType: `Map.clear` returns nothing
  clear(options?: ClearOptions): number | void;
  /** Checks for damage of every kind; `repair` deletes what is damaged. */
  check(options?: CheckOptions): Finding[];
}

/** The methods that a cache doesn't have. */
export const INDEX_ONLY_SIGNATURES: Pick<
  Signatures<IndexContract>,
  'equals' | 'popItem' | 'setDefault'
> = /* @__PURE__ */ (() => ({
  equals: reads('entries'),
  popItem: writes('plain'),
  setDefault: writes('key', 'value'),
}))();

export const INDEX_SIGNATURES: Signatures<IndexContract> = /* @__PURE__ */ (() => ({
  ...INDEX_ONLY_SIGNATURES,
  get: reads('key'),
  getMany: reads('keys'),
  has: reads('key'),
  hasMany: reads('keys'),
  peekItem: reads('plain'),
  page: reads('plain', 'range', 'plain'),
  size: reads(),
  volume: reads(),
  set: writes('key', 'value'),
  setMany: writes('entries'),
  delete: writes('key'),
  deleteMany: writes('keys', 'plain'),
  deletePrefix: writes('tag'),
  pop: writes('key'),
  clear: administers('range'),
  check: administersAlone('plain'),
}))();
