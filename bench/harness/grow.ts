/** Fills a store in this process and prints how much memory that took. The number of items is the argument. */
import { readFileSync } from 'node:fs';
import { memoryUsage } from 'node:process';
import { Cache } from '../../main/engine/index.ts';
import { draws, keyAt, type Plain, shuffled, VALUE_BYTES, Values } from './data.ts';
import { Scratch } from './scratch.ts';

/** MiB more than before the store was opened. */
export interface Growth {
  readonly filled: number;
  readonly walked: number;
}

const BATCH = 1000;
const MiB = 2 ** 20;

/**
 * What is in use, in bytes: the heap's live objects, and all memory of the process that is not heap. Pages of files that
 * are mapped don't count where the system tells them apart; they are the system's to take back.
 */
function inUse(): number {
  globalThis.gc?.();
  globalThis.gc?.();
  const { rss, heapTotal, heapUsed } = memoryUsage();
  return (anonymousBytes() ?? rss) - heapTotal + heapUsed;
}

/** Linux tells a process's own memory from mapped files (proc_pid_status(5)). */
function anonymousBytes(): number | undefined {
  if (process.platform !== 'linux') return undefined;
  const kilobytes = /^RssAnon:\s+(\d+) kB$/m.exec(readFileSync('/proc/self/status', 'latin1'))?.[1];
  return kilobytes === undefined ? undefined : Number(kilobytes) * 1024;
}

function fill(cache: Cache<string, Plain>, values: Values, items: number): void {
  const order = shuffled(0, items, 1);
  for (let first = 0; first < items; first += BATCH) {
    cache.transact(() => {
      for (const index of order.subarray(first, first + BATCH)) cache.set(keyAt(index), values.at(index));
    });
  }
}

function readAndWalk(cache: Cache<string, Plain>, values: Values, items: number): void {
  for (const index of draws(Math.ceil(items / 5), items, 2)) values.demand(index, cache.get(keyAt(index)));
  let count = 0;
  for (const _ of cache.keys({ order: 'key' })) count++;
  if (count !== items) throw new Error(`The walk met ${count} keys of ${items}`);
}

const items = Number(process.argv[2]);
const values = new Values('bytes', VALUE_BYTES);
using scratch = new Scratch();
const before = inUse();
using cache = new Cache<string, Plain>(scratch.directory());
fill(cache, values, items);
const filled = (inUse() - before) / MiB;
readAndWalk(cache, values, items);
const walked = (inUse() - before) / MiB;
console.log(JSON.stringify({ filled: Math.max(0, filled), walked: Math.max(0, walked) } satisfies Growth));
