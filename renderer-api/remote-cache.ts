import type { Contract, Method } from '../protocol/contract.ts';
import type { Entry, Stats } from '../protocol/entry.ts';
import type { Key } from '../protocol/key.ts';
import type { CountOptions, QueueOptions, Range, SetOptions } from '../protocol/options.ts';
import type { Client } from './client.ts';
import { RemoteRange } from './remote-range.ts';
import * as fault from './sendable.ts';

/**
 * A cache of the main process, seen from a page: the engine's methods as promises. A resolved write is on disk. Calls made
 * in one turn travel as one message and commit as one transaction. Every method rejects with a `DiskCacheError`:
 * `NOT_ALLOWED`, `NO_SUCH_STORE`, `DISCONNECTED`, `TIMEOUT`, or what the engine threw.
 */
export class RemoteCache<K extends Key = Key, V = unknown> {
  readonly #client: Client;
  readonly #store: string;

  constructor(client: Client, store: string) {
    this.#client = client;
    this.#store = store;
  }

  /** The value, or undefined when there is none or it has expired. */
  get(key: K): Promise<V | undefined> {
    return this.#call('get', [key], fault.ofKey(key)) as Promise<V | undefined>;
  }

  /** Values in the order of the keys, `undefined` where there is none. */
  getMany(keys: Iterable<K>): Promise<(V | undefined)[]> {
    const all = [...keys];
    return this.#call('getMany', [all], fault.ofKeys(all)) as Promise<(V | undefined)[]>;
  }

  /** The value with its times, tag, reads and size. */
  getEntry(key: K): Promise<Entry<K, V> | undefined> {
    return this.#call('getEntry', [key], fault.ofKey(key)) as Promise<Entry<K, V> | undefined>;
  }

  has(key: K): Promise<boolean> {
    return this.#call('has', [key], fault.ofKey(key));
  }

  /** How many items there are that have not expired. */
  get size(): Promise<number> {
    return this.#call('size', []);
  }

  set(key: K, value: V, options?: SetOptions): Promise<void> {
    const bad = fault.ofKey(key) ?? fault.ofValue(value) ?? fault.ofOptions(options);
    return this.#call('set', options === undefined ? [key, value] : [key, value, options], bad);
  }

  /** All or none. */
  setMany(entries: Iterable<readonly [K, V]>, options?: SetOptions): Promise<void> {
    const all = [...entries];
    return this.#call('setMany', [all, options], fault.ofEntries(all) ?? fault.ofOptions(options));
  }

  /** Sets what is not there yet; true when it was set. */
  add(key: K, value: V, options?: SetOptions): Promise<boolean> {
    return this.#call(
      'add',
      [key, value, options],
      fault.ofKey(key) ?? fault.ofValue(value) ?? fault.ofOptions(options),
    );
  }

  /** Gives an item a new time to live; true when there was one. */
  touch(key: K, options?: Pick<SetOptions, 'ttl'>): Promise<boolean> {
    return this.#call('touch', [key, options], fault.ofKey(key) ?? fault.ofOptions(options));
  }

  /** Adds to a number, atomically; resolves with the sum. */
  incr(key: K, delta?: number, options?: CountOptions): Promise<number> {
    return this.#call('incr', [key, delta, options], fault.ofKey(key) ?? fault.ofOptions([delta, options]));
  }

  decr(key: K, delta?: number, options?: CountOptions): Promise<number> {
    return this.#call('decr', [key, delta, options], fault.ofKey(key) ?? fault.ofOptions([delta, options]));
  }

  /** True when there was an item to delete. */
  delete(key: K): Promise<boolean> {
    return this.#call('delete', [key], fault.ofKey(key));
  }

  /** Resolves with the number of items there were. */
  deleteMany(keys: Iterable<K>): Promise<number> {
    const all = [...keys];
    return this.#call('deleteMany', [all], fault.ofKeys(all));
  }

  /** Deletes an item and resolves with its value. */
  pop(key: K): Promise<V | undefined> {
    return this.#call('pop', [key], fault.ofKey(key)) as Promise<V | undefined>;
  }

  /** Puts a value at an end of a queue; resolves with its key. */
  push(value: V, options?: QueueOptions & SetOptions): Promise<K> {
    return this.#call('push', [value, options], fault.ofValue(value) ?? fault.ofQueue(options)) as Promise<K>;
  }

  /** Takes the item at an end of a queue. */
  pull(options?: QueueOptions): Promise<[K, V] | undefined> {
    return this.#call('pull', [options], fault.ofQueue(options)) as Promise<[K, V] | undefined>;
  }

  /** Looks at the item at an end of a queue. */
  peek(options?: QueueOptions): Promise<[K, V] | undefined> {
    return this.#call('peek', [options], fault.ofQueue(options)) as Promise<[K, V] | undefined>;
  }

  /** The last item in stored order, or the first. */
  peekItem(options?: { readonly last?: boolean }): Promise<[K, V] | undefined> {
    return this.#call('peekItem', [options], fault.ofOptions(options)) as Promise<[K, V] | undefined>;
  }

  keys(range?: Range<K>): RemoteRange<K> {
    return new RemoteRange(this.#client, this.#store, 'keys', range);
  }

  values(range?: Range<K>): RemoteRange<V> {
    return new RemoteRange(this.#client, this.#store, 'values', range);
  }

  entries(range?: Range<K>): RemoteRange<[K, V]> {
    return new RemoteRange(this.#client, this.#store, 'entries', range);
  }

  [Symbol.asyncIterator](): AsyncIterator<[K, V]> {
    return this.entries()[Symbol.asyncIterator]();
  }

  /** Removes what has expired; resolves with how many items. */
  expire(): Promise<number> {
    return this.#call('expire', []);
  }

  /** Removes what carries the tag; resolves with how many items. */
  evict(tag: string | number): Promise<number> {
    return this.#call('evict', [tag], fault.ofOptions(tag, 'tag'));
  }

  /** Removes what has expired, then what the size limit demands; resolves with how many items. */
  cull(): Promise<number> {
    return this.#call('cull', []);
  }

  /** Deletes everything; resolves with the number of items there were. */
  clear(): Promise<number> {
    return this.#call('clear', []);
  }

  /** Bytes on disk. */
  volume(): Promise<number> {
    return this.#call('volume', []);
  }

  stats(): Promise<Stats> {
    return this.#call('stats', []);
  }

  #call<M extends Method>(
    method: M,
    args: Parameters<Contract[M]>,
    bad?: fault.Fault,
  ): Promise<ReturnType<Contract[M]>> {
    return bad ? Promise.reject(bad) : this.#client.call(this.#store, method, args);
  }
}
