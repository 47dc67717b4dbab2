import type { PeerStore } from '../peer/stores/store.ts';
import type { Items } from './items.ts';
import { toKey, toKeys } from './keys-and-values.ts';
import { measureMicroseconds, measureMicrosecondsAsync } from './timing.ts';

/** Items that are checked one by one after the timing; the others are counted. */
const SAMPLED_ITEMS = 200;

/** Runs `step` for each operation and waits for it only where the store's own API returns a promise; microseconds each. */
function timeEach(count: number, isAwaited: boolean, step: (nth: number) => unknown): Promise<number> | number {
  if (!isAwaited)
    return measureMicroseconds(count, () => {
      for (let nth = 0; nth < count; nth++) step(nth);
    });
  return measureMicrosecondsAsync(count, async () => {
    for (let nth = 0; nth < count; nth++) await step(nth);
  });
}

/** Sets the items to the values `shift` items further on, each acknowledged before the next. */
export async function timeSets(store: PeerStore, items: Items, indices: Uint32Array, shift = 0): Promise<number> {
  const keys = toKeys(indices);
  const values = Array.from(indices, (index) => items.at(index + shift));
  const figure = await timeEach(keys.length, store.awaits.writes, (nth) => store.set(keys[nth]!, values[nth]));
  await assertItems(store, items, indices, shift);
  return figure;
}

/**
 * Sets items, some of them again and again, each time to another value: SQLite writes nothing when it is given what is there. The
 * last value of each is checked.
 */
export async function timeRepeatedSets(
  store: PeerStore,
  items: Items,
  indices: Uint32Array,
  shift: number,
): Promise<number> {
  const keys = toKeys(indices);
  const values = Array.from(indices, (_, nth) => items.at(nth + shift));
  const figure = await timeEach(keys.length, store.awaits.writes, (nth) => store.set(keys[nth]!, values[nth]));
  const last = new Map(Array.from(indices, (index, nth) => [index, nth]));
  for (const index of takeSample(indices)) items.assertValue(last.get(index)! + shift, await store.get(toKey(index)));
  return figure;
}

/** Sets the items in transactions of `batch`. */
export async function timeTransactions(
  store: PeerStore,
  items: Items,
  indices: Uint32Array,
  batch: number,
  shift = 0,
): Promise<number> {
  const entries = Array.from(indices, (index) => [toKey(index), items.at(index + shift)] as const);
  const batches = Array.from({ length: Math.ceil(entries.length / batch) }, (_, nth) =>
    entries.slice(nth * batch, (nth + 1) * batch),
  );
  const figure = await timeEach(batches.length, store.awaits.writes, (nth) => store.setMany(batches[nth]!));
  await assertItems(store, items, indices, shift);
  return (figure * batches.length) / entries.length;
}

/** Reads the items, which are all there. */
export async function timeGets(store: PeerStore, items: Items, indices: Uint32Array): Promise<number> {
  const keys = toKeys(indices);
  const found = new Array<unknown>(keys.length);
  const { reads } = store.awaits;
  const figure = await (reads
    ? timeEach(keys.length, true, async (nth) => {
        found[nth] = await store.get(keys[nth]!);
      })
    : timeEach(keys.length, false, (nth) => {
        found[nth] = store.get(keys[nth]!);
      }));
  for (const [nth, value] of found.entries()) {
    if (value === undefined) throw new Error(`${keys[nth]} was not found`);
    if (nth % getSampleInterval(indices) === 0) items.assertValue(indices[nth]!, value);
  }
  return figure;
}

/** Deletes the items, which are all there. */
export async function timeDeletes(store: PeerStore, items: Items, indices: Uint32Array, shift = 0): Promise<number> {
  await assertItems(store, items, indices, shift);
  const keys = toKeys(indices);
  const figure = await timeEach(keys.length, store.awaits.writes, (nth) => store.delete(keys[nth]!));
  await assertAbsent(store, indices);
  return figure;
}

/** Items that wait in the queue of `timeQueue`. */
export const QUEUE_BACKLOG = 100;

/** An item comes in at one end of a queue, and the oldest one is read and deleted; microseconds for the three of them. */
export async function timeQueue(store: PeerStore, items: Items, first: number, count: number): Promise<number> {
  for (let index = first; index < first + QUEUE_BACKLOG; index++) await store.set(toKey(index), items.at(index));
  const indices = Uint32Array.from({ length: count + QUEUE_BACKLOG }, (_, nth) => first + nth);
  const keys = toKeys(indices);
  const values = Array.from(indices, (index) => items.at(index));
  const found = new Array<unknown>(count);
  const { reads, writes } = store.awaits;
  const figure = await (writes
    ? timeEach(count, true, async (nth) => {
        await store.set(keys[nth + QUEUE_BACKLOG]!, values[nth + QUEUE_BACKLOG]);
        found[nth] = reads ? await store.get(keys[nth]!) : store.get(keys[nth]!);
        await store.delete(keys[nth]!);
      })
    : timeEach(count, false, (nth) => {
        store.set(keys[nth + QUEUE_BACKLOG]!, values[nth + QUEUE_BACKLOG]);
        found[nth] = store.get(keys[nth]!);
        store.delete(keys[nth]!);
      }));
  for (const [nth, value] of found.entries()) items.assertValue(first + nth, value);
  await assertAbsent(store, indices.subarray(0, count));
  await assertItems(store, items, indices.subarray(count));
  for (const key of keys.slice(count)) await store.delete(key);
  return figure;
}

/** @throws `Error` if one of a sample of the items is not there with its value. */
export async function assertItems(store: PeerStore, items: Items, indices: Uint32Array, shift = 0): Promise<void> {
  for (const index of takeSample(indices)) items.assertValue(index + shift, await store.get(toKey(index)));
}

async function assertAbsent(store: PeerStore, indices: Uint32Array): Promise<void> {
  for (const index of takeSample(indices))
    if ((await store.get(toKey(index))) !== undefined) throw new Error(`${toKey(index)} is there after it was deleted`);
}

const getSampleInterval = ({ length }: Uint32Array): number => Math.max(1, Math.floor(length / SAMPLED_ITEMS));

function takeSample(indices: Uint32Array): Uint32Array {
  const interval = getSampleInterval(indices);
  return indices.filter((_, nth) => nth % interval === 0);
}
