import type { Key } from '../key.ts';
import type { Range } from '../options.ts';
import type { CheckOptions, Cursor, Finding, Projection, ResultPage } from '../results.ts';
import { administers, administersAlone, reads, type Signatures, writes } from './signature.ts';

/** Which entries, and in which order. */
export type IndexRange<K = Key> = Omit<Range<K>, 'tag'>;

/** The methods of an index that a page may call: those of `Map`, and the engine's. */
export interface IndexContract<K = Key, V = unknown> {
  /** The value, or undefined when there is none. */
  get(key: K): V | undefined;
  /** Values in the order of the keys, `undefined` where there is none. */
  getMany(keys: Iterable<K>): (V | undefined)[];
  has(key: K): boolean;
  /** The entry that was first set last, or first. */
  peekItem(options?: { readonly last?: boolean }): [K, V] | undefined;
  page(of: Projection | 'items', range?: IndexRange<K>, after?: Cursor): ResultPage;
  /** The number of entries. */
  size(): number;
  /** Bytes on disk. */
  volume(): number;
  /** Whether others are the same entries in the same order, deeply equal. */
  equals(entries: Iterable<readonly [K, V]>): boolean;
  /** A key that is there keeps its place. */
  set(key: K, value: V): void;
  /** All or none. */
  setMany(entries: Iterable<readonly [K, V]>): void;
  /** The value of a key; where there is none, `value` is stored first. */
  setDefault(key: K, value: V): V;
  /** True when there was an entry to delete. */
  delete(key: K): boolean;
  /** Takes an entry out: its value, or undefined when there is none. */
  pop(key: K): V | undefined;
  /** Takes out the entry that was first set last, or first. */
  popItem(options?: { readonly last?: boolean }): [K, V] | undefined;
  /** Deletes everything. */
  clear(): void;
  /** Looks for damage of every kind; `repair` deletes what is damaged. */
  check(options?: CheckOptions): Finding[];
}

export const INDEX_SIGNATURES: Signatures<IndexContract> = /* @__PURE__ */ (() => ({
  get: reads('key'),
  getMany: reads('keys'),
  has: reads('key'),
  peekItem: reads('plain'),
  page: reads('plain', 'range', 'plain'),
  size: reads(),
  volume: reads(),
  equals: reads('entries'),
  set: writes('key', 'value'),
  setMany: writes('entries'),
  setDefault: writes('key', 'value'),
  delete: writes('key'),
  pop: writes('key'),
  popItem: writes('plain'),
  clear: administers(),
  check: administersAlone('plain'),
}))();
