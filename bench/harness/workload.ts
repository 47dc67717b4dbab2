import type { Store } from './fixtures.ts';
import { toKey, toKeys, type Values } from './keys-and-values.ts';
import { measureMicroseconds } from './timing.ts';

/** Interval of the items that are checked one by one after the timing. */
const SAMPLED_ITEMS = 200;

/** Reads the items, which are all there; microseconds each. */
export function timeGets(store: Pick<Store, 'get'>, values: Values, indices: Uint32Array): number {
  const keys = toKeys(indices);
  let length = 0;
  const figure = measureMicroseconds(keys.length, () => {
    for (const key of keys) length += (store.get(key) as { readonly length: number }).length;
  });
  if (length !== keys.length * values.bytes) throw new Error(`${keys.length} gets gave ${length} bytes`);
  assertSample(store, values, indices);
  return figure;
}

/**
 * Sets the items, each in a transaction of its own, to the value `shift` items further; microseconds each. SQLite
 * writes nothing when the value is unchanged, so an existing item needs a new value.
 */
export function timeSets(store: Store, values: Values, indices: Uint32Array, shift = 0): number {
  const keys = toKeys(indices);
  const figure = measureMicroseconds(keys.length, () => {
    for (let nth = 0; nth < keys.length; nth++) store.set(keys[nth]!, values.at(indices[nth]! + shift));
  });
  assertSample(store, values, indices, shift);
  return figure;
}

/** Sets the items in transactions of `batch`; microseconds each. */
export function timeSetsInTransactions(store: Store, values: Values, indices: Uint32Array, batch: number): number {
  const keys = toKeys(indices);
  const figure = measureMicroseconds(keys.length, () => {
    for (let first = 0; first < keys.length; first += batch) {
      const end = Math.min(first + batch, keys.length);
      store.transact(() => {
        for (let nth = first; nth < end; nth++) store.set(keys[nth]!, values.at(indices[nth]!));
      });
    }
  });
  assertSample(store, values, indices);
  return figure;
}

/** Deletes the items, which are all there, each in a transaction of its own; microseconds each. */
export function timeDeletes(store: Store, indices: Uint32Array): number {
  const keys = toKeys(indices);
  let deleted = 0;
  const figure = measureMicroseconds(keys.length, () => {
    for (const key of keys) if (store.delete(key)) deleted++;
  });
  if (deleted !== keys.length) throw new Error(`${keys.length} deletes deleted ${deleted}`);
  for (const index of takeSample(indices)) {
    if (store.get(toKey(index)) !== undefined) throw new Error(`${toKey(index)} is there after it was deleted`);
  }
  return figure;
}

/** Takes items out again that a round has put in; not timed. */
export function deleteItems(store: Store, indices: Uint32Array): void {
  store.transact(() => {
    for (const index of indices) store.delete(toKey(index));
  });
}

function assertSample(store: Pick<Store, 'get'>, values: Values, indices: Uint32Array, shift = 0): void {
  for (const index of takeSample(indices)) values.assertValue(index + shift, store.get(toKey(index)));
}

function takeSample(indices: Uint32Array): Uint32Array {
  const step = Math.max(1, Math.floor(indices.length / SAMPLED_ITEMS));
  return indices.filter((_, nth) => nth % step === 0);
}
