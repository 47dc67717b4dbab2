import type { Key } from '../../../protocol/key.ts';
import type { Range } from '../../../protocol/options.ts';

/** Selects entries and their order. */
export type IndexRange<K extends Key = Key> = Omit<Range<K>, 'tag'>;

/** The type of `Map`'s iterators. */
export type IndexIterator<T> = Generator<T, undefined, unknown>;

/**
 * `Map` without members that only newer libs of TypeScript declare (ES2026), and without those that refer to the whole `Map` (its
 * `this`), so that applications with any such lib can compile this declaration.
 */
export type BaselineMap<K, V> = Omit<Map<K, V>, 'forEach' | 'set' | 'getOrInsert' | 'getOrInsertComputed'>;
