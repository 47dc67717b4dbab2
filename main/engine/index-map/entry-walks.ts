import type { SchemaValidator } from './schema.ts';

type EntryWalk<K, V> = Generator<[K, V], undefined, unknown>;

/** Iterates over entries whose values are validated when they are reached. */
export function* validateEntries<K, V>(entries: EntryWalk<K, V>, validator: SchemaValidator): EntryWalk<K, V> {
  for (const [key, value] of entries) yield [key, validator.validateRead(key as never, value) as V];
  return undefined;
}

/** Iterates over the values of entries. */
export function* toValues<V>(entries: Iterable<readonly [unknown, V]>): Generator<V, undefined, unknown> {
  for (const [, value] of entries) yield value;
  return undefined;
}
