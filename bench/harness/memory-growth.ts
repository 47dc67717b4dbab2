/** Fills a store in this process and prints how much memory that took. Arguments: which store, how many items. */
import { Cache } from '../../main/engine/index.ts';
import { Baseline } from '../peer/baseline.ts';
import type { Store } from './fixtures.ts';
import { drawIndices, shuffleIndices, toKey, VALUE_BYTES, Values } from './keys-and-values.ts';
import { Scratch } from './scratch.ts';
import { measureUsedBytes } from './used-memory.ts';

/** MiB more than before the store was opened. */
export interface MemoryGrowth {
  readonly filled: number;
  readonly read: number;
}

const BATCH_ITEMS = 1000;
const MiB = 2 ** 20;

function fillStore(store: Store, values: Values, items: number): void {
  const order = shuffleIndices(0, items, 1);
  for (let first = 0; first < items; first += BATCH_ITEMS) {
    store.transact(() => {
      for (const index of order.subarray(first, first + BATCH_ITEMS)) store.set(toKey(index), values.at(index));
    });
  }
}

function readItems(store: Store, values: Values, items: number): void {
  for (const index of drawIndices(Math.ceil(items / 5), items, 2)) values.assertValue(index, store.get(toKey(index)));
}

const [storeKind, count] = process.argv.slice(2);
const items = Number(count);
const values = new Values('bytes', VALUE_BYTES);
using scratch = new Scratch();
const before = measureUsedBytes();
using store = storeKind === 'floor' ? new Baseline(scratch.directory()) : new Cache<string>(scratch.directory());
fillStore(store, values, items);
const filled = Math.max(0, measureUsedBytes() - before) / MiB;
readItems(store, values, items);
const growth: MemoryGrowth = { filled, read: Math.max(0, measureUsedBytes() - before) / MiB };
console.log(JSON.stringify(growth));
