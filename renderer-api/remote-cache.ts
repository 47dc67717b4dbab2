import { DiskCacheError } from '../protocol/error.ts';
import { type Key, keyFault } from '../protocol/key.ts';
import type { Range, SetOptions } from '../protocol/options.ts';
import { valueFault } from '../protocol/value.ts';
import type { Client } from './client.ts';
import { RemoteRange } from './remote-range.ts';

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

  get(key: K): Promise<V | undefined> {
    return (badKey(key) ?? this.#client.call(this.#store, 'get', [key])) as Promise<V | undefined>;
  }

  /** Values in the order of the keys, `undefined` where there is none. */
  getMany(keys: Iterable<K>): Promise<(V | undefined)[]> {
    const wanted = [...keys];
    return (badKeys(wanted) ?? this.#client.call(this.#store, 'getMany', [wanted])) as Promise<(V | undefined)[]>;
  }

  has(key: K): Promise<boolean> {
    return badKey(key) ?? this.#client.call(this.#store, 'has', [key]);
  }

  /** How many items there are that have not expired. */
  get size(): Promise<number> {
    return this.#client.call(this.#store, 'size', []);
  }

  set(key: K, value: V, options?: SetOptions): Promise<void> {
    return badKey(key) ?? badValue(value) ?? this.#client.call(this.#store, 'set', withOptions([key, value], options));
  }

  /** All or none. */
  setMany(entries: Iterable<readonly [K, V]>, options?: SetOptions): Promise<void> {
    const pairs = [...entries];
    for (const [key, value] of pairs) {
      const bad = badKey(key) ?? badValue(value);
      if (bad) return bad;
    }
    return this.#client.call(this.#store, 'setMany', withOptions([pairs], options));
  }

  /** True when there was an item to delete. */
  delete(key: K): Promise<boolean> {
    return badKey(key) ?? this.#client.call(this.#store, 'delete', [key]);
  }

  /** Deletes everything; resolves with the number of items there were. */
  clear(): Promise<number> {
    return this.#client.call(this.#store, 'clear', []);
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
}

// Looked at before posting: a function would throw for the whole turn's message, a Blob would make it arrive as null.
function badKey(key: unknown): Promise<never> | undefined {
  const fault = keyFault(key);
  return fault === undefined ? undefined : Promise.reject(new DiskCacheError('BAD_KEY', fault));
}

function badKeys(keys: readonly unknown[]): Promise<never> | undefined {
  for (const key of keys) {
    const bad = badKey(key);
    if (bad) return bad;
  }
  return undefined;
}

function badValue(value: unknown): Promise<never> | undefined {
  const fault = valueFault(value);
  return fault === undefined ? undefined : Promise.reject(new DiskCacheError('BAD_VALUE', fault));
}

function withOptions<A extends readonly unknown[]>(args: A, options: SetOptions | undefined): A | [...A, SetOptions] {
  return options === undefined ? args : [...args, options];
}
