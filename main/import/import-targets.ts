import { type Cache, type Deque, DiskCacheError, type FanoutCache, type Index, type Key } from '../engine/index.ts';
import { isEqual, isRecord } from '../engine/internal.ts';
import { UnreadableError } from './pickle/byte-reader.ts';

// biome-ignore-start lint/suspicious/noExplicitAny: stores of any key and value type
/** A store that can be imported into. */
export type ImportTarget = Cache<any, any> | FanoutCache<any, any> | Index<any, any> | Deque<any>;
// biome-ignore-end lint/suspicious/noExplicitAny: see above

interface ImportedItem {
  readonly key: unknown;
  readonly expiresAt: number | undefined;
  readonly tag: string | number | undefined;
  /** Reads the value. It may be large, so call it only if the value is needed. */
  readValue(): unknown;
}

/** Whether an item was stored, or the store already had its key. */
type Outcome = 'imported' | 'existing';

export interface ItemWriter {
  /** The order in which Python's items are read. */
  readonly order: 'inserted' | 'key';
  /** @throws {UnreadableError} for an item that this kind of store can't hold. */
  write(item: ImportedItem): Outcome;
  /** Runs `work` in one transaction. */
  transact<T>(work: () => T): T;
}

export interface WriterOptions {
  readonly overwrite: boolean;
}

/**
 * Returns the writer for a store. Kinds are recognised by their methods and not by `instanceof`, because the ES modules and the CommonJS modules
 * of this package have different classes. A store of a page or a utility process has all methods, but no directory.
 *
 * @throws {DiskCacheError} `BAD_OPTION`
 */
export function createWriter(store: ImportTarget, options: WriterOptions): ItemWriter {
  const has = (method: string) =>
    isRecord(store) && typeof (store as unknown as Record<string, unknown>)[method] === 'function';
  if (isRecord(store) && typeof store.directory === 'string' && has('transact')) {
    if (has('unshift')) return new DequeWriter(store as Deque, options);
    if (has('add') && has('set')) return createCacheWriter(store as Cache, options);
    if (has('setDefault')) return createIndexWriter(store as Index, options);
  }
  throw new DiskCacheError(
    'BAD_OPTION',
    'importDiskCache needs an open Cache, FanoutCache, Index or Deque of this process, not one of a page or a utility process; with placement: "utility" import before openDiskCache, into new Cache(directory)',
  );
}

const createCacheWriter = (store: Cache, { overwrite }: WriterOptions): ItemWriter => ({
  order: 'inserted',
  transact: (work) => store.transact(work as () => never),
  // An item without expiry in Python keeps none, even if the store has a `ttl` of its own.
  write({ key, expiresAt = Number.POSITIVE_INFINITY, tag, readValue }) {
    if (!overwrite && store.has(key as Key)) return 'existing';
    store.set(key as Key, readValue(), tag === undefined ? { expiresAt } : { expiresAt, tag });
    return 'imported';
  },
});

const createIndexWriter = (store: Index, { overwrite }: WriterOptions): ItemWriter => ({
  order: 'inserted',
  transact: (work) => store.transact(work as () => never),
  write({ key, expiresAt, tag, readValue }) {
    if (expiresAt !== undefined) throw new UnreadableError('it expires, and nothing expires from an index');
    if (tag !== undefined) throw new UnreadableError('it has a tag, and nothing in an index has one');
    if (!overwrite && store.has(key as Key)) return 'existing';
    store.set(key as Key, readValue());
    return 'imported';
  },
});

/** Writes to a deque. Python's deque is a cache whose keys are integers, in the order of its values. */
class DequeWriter implements ItemWriter {
  readonly order = 'key';
  readonly #store: Deque;
  /** How many values the deque had before: they must be those of an earlier import. */
  readonly #existing: number;
  #position = 0;

  constructor(store: Deque, { overwrite }: WriterOptions) {
    if (overwrite) throw new DiskCacheError('BAD_OPTION', 'overwrite is for stores with keys; clear the deque instead');
    this.#store = store;
    this.#existing = store.length;
  }

  transact<T>(work: () => T): T {
    return this.#store.transact(work as () => never);
  }

  write({ key, expiresAt, readValue }: ImportedItem): Outcome {
    if (typeof key !== 'number' || !Number.isInteger(key)) throw new UnreadableError('its key is not one of a deque');
    if (expiresAt !== undefined) throw new UnreadableError('it expires, and nothing expires from a deque');
    const value = readValue();
    const position = this.#position;
    if (position >= this.#existing) this.#store.push(value);
    else if (!isEqual(this.#store.at(position), value)) throw this.#differs(position);
    this.#position++;
    return position < this.#existing ? 'existing' : 'imported';
  }

  #differs(position: number): DiskCacheError {
    return new DiskCacheError(
      'BAD_OPTION',
      `The deque at ${this.#store.directory} has other values, from position ${position} on; import into an empty one`,
    );
  }
}
