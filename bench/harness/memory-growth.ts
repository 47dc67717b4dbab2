/** Fills a store in this process and prints how much memory that took. Arguments: which store, how many items. */
import { readFileSync } from 'node:fs';
import { memoryUsage } from 'node:process';
import { getHeapStatistics } from 'node:v8';
import { Cache } from '../../main/engine/index.ts';
import { Baseline } from '../peer/baseline.ts';
import type { Store } from './fixtures.ts';
import { drawIndices, shuffleIndices, toKey, VALUE_BYTES, Values } from './keys-and-values.ts';
import { Scratch } from './scratch.ts';

/** MiB more than before the store was opened. */
export interface MemoryGrowth {
  readonly filled: number;
  readonly read: number;
}

const BATCH_ITEMS = 1000;
const MiB = 2 ** 20;

/**
 * What is in use, in bytes: the heap's live objects, and all memory of the process that is not heap. Pages of files that
 * are mapped don't count where the system tells them apart; they are the system's to take back.
 */
function measureUsedBytes(): number {
  globalThis.gc?.();
  globalThis.gc?.();
  const own = readAnonymousBytes() ?? memoryUsage.rss();
  const { total_physical_size, used_heap_size } = getHeapStatistics();
  return own - total_physical_size + used_heap_size;
}

/** Linux tells a process's own memory from mapped files (proc_pid_status(5)). */
function readAnonymousBytes(): number | undefined {
  if (process.platform !== 'linux') return undefined;
  const kilobytes = /^RssAnon:\s+(\d+) kB$/m.exec(readFileSync('/proc/self/status', 'latin1'))?.[1];
  return kilobytes === undefined ? undefined : Number(kilobytes) * 1024;
}

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
