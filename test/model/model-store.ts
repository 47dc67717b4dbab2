import type { Projection, ResultPage } from '../../protocol/contract.ts';
import { DiskCacheError } from '../../protocol/error.ts';
import type { Key } from '../../protocol/key.ts';
import type {
  CacheOptions,
  ClearOptions,
  CountOptions,
  DeleteManyOptions,
  EntryWithOptions,
  ExpiryOptions,
  QueueOptions,
  Range,
  SetOptions,
} from '../../protocol/options.ts';
import type { Entry, Stats } from '../../protocol/results.ts';
import { compareKeys } from '../values/key-model.ts';
import { cloneKey, type ModelItem, sameKey, startsWith } from './model-item.ts';
import type { Store } from './store.ts';

/** The first number of a queue, see docs/disk-format.md. */
const FIRST_POSITION = 500_000_000_000_000;

export type ModelSettings = Pick<CacheOptions, 'ttl' | 'statistics'>;

/**
 * The simplest possible store: a list of items in the order in which they were first set, searched from one
 * end to the other. No disk, no index, no cache. Every change makes a new list, so that a failed transaction
 * returns to the old one.
 */
export class ModelStore implements Store {
  readonly #clock: () => number;
  readonly #settings: ModelSettings;
  #items: readonly ModelItem[] = [];
  #lastPosition = 0;
  #hits = 0;
  #misses = 0;

  constructor(clock: () => number, settings: ModelSettings = {}) {
    this.#clock = clock;
    this.#settings = settings;
  }

  get(key: Key): unknown {
    const item = this.#live(key);
    if (item === undefined) this.#misses++;
    else this.#hits++;
    return item?.value;
  }

  getMany(keys: readonly Key[]): unknown[] {
    return keys.map((key) => this.get(key));
  }

  getEntry(key: Key): Entry | undefined {
    const item = this.#live(key);
    if (item === undefined) return undefined;
    const { value, storedAt, expiresAt, tag } = item;
    return { key, value, storedAt, expiresAt, accessedAt: storedAt, hits: 0, tag, bytes: 0 };
  }

  has(key: Key): boolean {
    return this.#live(key) !== undefined;
  }

  hasMany(keys: Iterable<Key>): boolean[] {
    return [...keys].map((key) => this.has(key));
  }

  set(key: Key, value: unknown, options: SetOptions = {}): void {
    this.#put(key, value, this.#expiry(options), options.tag);
  }

  setMany(entries: Iterable<EntryWithOptions<Key, unknown>>, options: SetOptions = {}): void {
    this.transact(() => {
      for (const [key, value, own] of entries) this.set(key, value, mergeOptions(options, own));
    });
  }

  add(key: Key, value: unknown, options?: SetOptions): boolean {
    if (this.has(key)) return false;
    this.set(key, value, options);
    return true;
  }

  touch(key: Key, options: ExpiryOptions = {}): boolean {
    const item = this.#live(key);
    if (item !== undefined) this.#replace(item, { ...item, expiresAt: this.#expiry(options) });
    return item !== undefined;
  }

  update(key: Key, next: (current: unknown) => unknown, options: SetOptions = {}): unknown {
    return this.transact(() => {
      const item = this.#live(key);
      const value = next(item?.value);
      const keepsExpiry = options.ttl === undefined && options.expiresAt === undefined;
      const expiresAt = item !== undefined && keepsExpiry ? item.expiresAt : this.#expiry(options);
      this.#put(key, value, expiresAt, options.tag ?? item?.tag);
      return value;
    });
  }

  incr(key: Key, delta = 1, { default: initial = 0 }: CountOptions = {}): number {
    if (Number.isNaN(delta)) throw new DiskCacheError('BAD_OPTION', 'delta is NaN');
    return this.update(key, (current) => addNumbers(this.has(key) ? current : initial, delta)) as number;
  }

  decr(key: Key, delta = 1, options?: CountOptions): number {
    return this.incr(key, -delta, options);
  }

  delete(key: Key): boolean {
    const live = this.has(key);
    this.#remove((item) => sameKey(item.key, key));
    return live;
  }

  deleteMany(keys: Iterable<Key>, options: { readonly each: true }): boolean[];
  deleteMany(keys: Iterable<Key>, options?: { readonly each?: false }): number;
  deleteMany(keys: Iterable<Key>, options?: DeleteManyOptions): number | boolean[];
  deleteMany(keys: Iterable<Key>, { each = false }: DeleteManyOptions = {}): number | boolean[] {
    const deleted = [...keys].map((key) => this.delete(key));
    return each ? deleted : deleted.filter(Boolean).length;
  }

  deletePrefix(prefix: Key): number {
    if (typeof prefix !== 'string' && !Array.isArray(prefix)) throw new DiskCacheError('BAD_OPTION', 'no prefix');
    const live = this.#range({ prefix }).length;
    this.#remove(({ key }) => startsWith(key, prefix));
    return live;
  }

  pop(key: Key): unknown {
    const value = this.#live(key)?.value;
    this.delete(key);
    return value;
  }

  push(value: unknown, { prefix, side = 'back', tag, ...expiry }: QueueOptions & SetOptions = {}): Key {
    const step = side === 'back' ? 1 : -1;
    const edge = this.#edge(prefix, side);
    let number = edge === undefined ? FIRST_POSITION : getQueuePosition(edge.key) + step;
    while (this.has(queueKey(prefix, number))) number += step;
    const key = queueKey(prefix, number);
    this.#put(key, value, this.#expiry(expiry), tag, prefix ?? null);
    return key;
  }

  pull({ prefix, side = 'front' }: QueueOptions = {}): [Key, unknown] | undefined {
    const edge = this.#edge(prefix, side);
    if (edge !== undefined) this.delete(edge.key);
    return edge && [edge.key, edge.value];
  }

  peek({ prefix, side = 'front' }: QueueOptions = {}): [Key, unknown] | undefined {
    const edge = this.#edge(prefix, side);
    return edge && [edge.key, edge.value];
  }

  peekItem({ last = true }: { readonly last?: boolean } = {}): [Key, unknown] | undefined {
    const item = this.#range({}).at(last ? -1 : 0);
    return item && [item.key, item.value];
  }

  /** Expects at most this number: expired items may have been removed earlier. */
  expire(): number {
    return this.#remove((item) => !this.#isLive(item));
  }

  cull(): number {
    return this.expire();
  }

  evict(tag: string | number): number {
    const live = this.#range({ tag }).length;
    this.#remove((item) => item.tag === tag);
    return live;
  }

  clear(options?: ClearOptions): number {
    if (options !== undefined) return this.deletePrefix(options.prefix);
    const live = this.size;
    this.#remove(() => true);
    return live;
  }

  stats({ reset = false }: { readonly reset?: boolean } = {}): Stats {
    const stats = this.#settings.statistics ? { hits: this.#hits, misses: this.#misses } : { hits: 0, misses: 0 };
    if (reset) this.#hits = this.#misses = 0;
    return stats;
  }

  get size(): number {
    return this.#range({}).length;
  }

  *keys(range: Range = {}): Generator<Key, void, undefined> {
    for (const { key } of this.#walk(range)) yield key;
  }

  *values(range: Range = {}): Generator<unknown, void, undefined> {
    for (const { value } of this.#walk(range)) yield value;
  }

  *entries(range: Range = {}): Generator<[Key, unknown], void, undefined> {
    for (const { key, value } of this.#walk(range)) yield [key, value];
  }

  /** Returns the whole range as one page, because pages may have any length. */
  page(of: Projection, range?: Range): ResultPage {
    return { items: [...this[of](range)] };
  }

  transact<T>(work: () => T): T {
    const before = this.#items;
    try {
      return work();
    } catch (error) {
      this.#items = before;
      throw error;
    }
  }

  #isLive({ expiresAt }: ModelItem): boolean {
    return expiresAt === undefined || this.#clock() < expiresAt;
  }

  #live(key: Key): ModelItem | undefined {
    return this.#items.find((item) => sameKey(item.key, key) && this.#isLive(item));
  }

  #expiry({ ttl, expiresAt }: ExpiryOptions): number | undefined {
    if (ttl !== undefined && expiresAt !== undefined) throw new DiskCacheError('BAD_OPTION', 'both');
    const time = expiresAt ?? this.#clock() + (ttl ?? this.#settings.ttl ?? Number.POSITIVE_INFINITY);
    return time === Number.POSITIVE_INFINITY ? undefined : time;
  }

  /** A live item keeps its place and its queue; an expired one counts as missing. */
  #put(key: Key, value: unknown, expiresAt: ModelItem['expiresAt'], tag: ModelItem['tag'], queue?: Key): void {
    if (typeof value === 'function') throw new DiskCacheError('BAD_VALUE', 'value is a function');
    const old = this.#live(key);
    const storedAt = this.#clock();
    if (old !== undefined) {
      this.#replace(old, { ...old, value, storedAt, expiresAt, tag });
      return;
    }
    this.#remove((item) => sameKey(item.key, key));
    const position = this.#lastPosition++;
    this.#items = [...this.#items, { key: cloneKey(key), value, storedAt, expiresAt, tag, queue, position }];
  }

  #replace(old: ModelItem, item: ModelItem): void {
    this.#items = this.#items.with(this.#items.indexOf(old), item);
  }

  #remove(doomed: (item: ModelItem) => boolean): number {
    const before = this.#items.length;
    this.#items = this.#items.filter((item) => !doomed(item));
    return before - this.#items.length;
  }

  #edge(prefix: Key | undefined, side: 'front' | 'back'): ModelItem | undefined {
    const mine = this.#range({ order: 'key' }).filter(
      ({ queue }) => queue !== undefined && sameKey(queue, prefix ?? null),
    );
    return mine.at(side === 'front' ? 0 : -1);
  }

  /** Returns all live items of a range in its order, without its `limit`. */
  #range({ order = 'stored', reverse = false, from, to, prefix, tag }: Range): ModelItem[] {
    const found = this.#items.filter(
      (item) =>
        this.#isLive(item) &&
        (from === undefined || compareKeys(item.key, from) >= 0) &&
        (to === undefined || compareKeys(item.key, to) < 0) &&
        (prefix === undefined || startsWith(item.key, prefix)) &&
        (tag === undefined || item.tag === tag),
    );
    if (order === 'key') found.sort((a, b) => compareKeys(a.key, b.key));
    return reverse ? found.reverse() : found;
  }

  /** Iterates like a `Map`: items deleted before their turn are left out, items added ahead are included. */
  *#walk(range: Range): Generator<ModelItem, void, undefined> {
    const { order = 'stored', reverse = false, limit = Number.POSITIVE_INFINITY } = range;
    const compare = (a: ModelItem, b: ModelItem) =>
      order === 'key' ? compareKeys(a.key, b.key) : a.position - b.position;
    const isAhead = (item: ModelItem, of: ModelItem) => (reverse ? compare(item, of) < 0 : compare(item, of) > 0);
    let items = this.#items;
    let ahead = this.#range(range);
    for (let seen = 0; seen < Math.floor(limit); seen++) {
      const item = ahead.shift();
      if (item === undefined) return;
      yield item;
      if (items === this.#items) continue;
      items = this.#items;
      ahead = this.#range(range).filter((other) => isAhead(other, item));
    }
  }
}

function mergeOptions(shared: SetOptions, own: SetOptions = {}): SetOptions {
  const expires = own.ttl === undefined && own.expiresAt === undefined ? shared : own;
  const tag = own.tag ?? shared.tag;
  return {
    ...(expires.ttl !== undefined && { ttl: expires.ttl }),
    ...(expires.expiresAt !== undefined && { expiresAt: expires.expiresAt }),
    ...(tag !== undefined && { tag }),
  };
}

function addNumbers(current: unknown, delta: number): number {
  if (typeof current !== 'number') throw new DiskCacheError('BAD_VALUE', 'no number');
  const sum = current + delta;
  const exact = !Number.isInteger(current) || !Number.isInteger(delta) || Number.isSafeInteger(sum);
  if (!exact) throw new DiskCacheError('BAD_VALUE', 'not exact');
  return sum;
}

function queueKey(prefix: Key | undefined, number: number): Key {
  if (prefix === undefined || prefix === null) return number;
  return cloneKey(Array.isArray(prefix) ? [...prefix, number] : [prefix, number]);
}

const getQueuePosition = (key: Key): number => Number(Array.isArray(key) ? key.at(-1) : key);
