import { MessageChannel } from 'node:worker_threads';
import type { MessagePortLike } from '../../client/port-connection.ts';
import { FULL_GRANT } from '../../main/bridge/grant.ts';
import { openSession } from '../../main/bridge/session.ts';
import { Cache } from '../../main/engine/index.ts';
import type { CacheOptions } from '../../protocol/options.ts';
import { DiskCache } from '../../renderer-api/disk-cache.ts';

/** An operation that is counted. */
export interface CountedOperation {
  readonly name: string;
  /** Operations in one run. */
  readonly count: number;
  /** `round` gives new keys or values to each run. */
  run(target: Target, round: number): unknown;
  /** Brings back what a run has used up; not counted. */
  restore?(target: Target): void;
}

/** Operations on one store. */
export interface CountedStore {
  readonly options: CacheOptions;
  readonly operations: readonly CountedOperation[];
}

/** What an operation works on. */
export interface Target {
  readonly cache: Cache<string, unknown>;
  readonly page: DiskCache;
  /** Messages in both directions so far. */
  readonly messages: { count: number };
  close(): void;
}

/** Items that are in the store before anything is counted. */
const ITEMS = 1000;
const COUNT = 200;
/** A sync takes milliseconds on some disks. */
const SYNCED_COUNT = 20;
const VALUE = 'v'.repeat(100);
const OBJECT = { id: 1, name: 'a name', active: true, score: 0.5, tag: null };

const toKey = (index: number): string => `key:${String(index).padStart(8, '0')}`;
const toNewKey = (round: number, index: number): string => `new:${round}:${String(index).padStart(8, '0')}`;
const toValue = (round: number, index: number): string => `${round}:${index}:${VALUE}`.slice(0, 100);

/** A store with its items, and a page in this process that reaches it over a real port. */
export function openTarget(directory: string, options: CacheOptions): Target {
  const cache = new Cache<string, unknown>(directory, options);
  cache.setMany(createItems(ITEMS, 0));
  cache.set('object', OBJECT);
  const { port1, port2 } = new MessageChannel();
  const messages = { count: 0 };
  for (const port of [port1, port2]) {
    const post = port.postMessage.bind(port);
    port.postMessage = (...args: Parameters<typeof post>) => {
      messages.count++;
      post(...args);
    };
  }
  openSession(port1 as unknown as Parameters<typeof openSession>[0], FULL_GRANT, () => cache as Cache);
  const page = new DiskCache(async () => port2 as unknown as MessagePortLike);
  return {
    cache,
    page,
    messages,
    close() {
      port1.close();
      port2.close();
      cache.close();
    },
  };
}

function repeat(count: number, step: (index: number) => void): void {
  for (let index = 0; index < count; index++) step(index);
}

const createItems = (count: number, round: number): (readonly [string, string])[] =>
  Array.from({ length: count }, (_, index) => [toKey(index), toValue(round, index)] as const);

const createWrites = (kind: string, count: number): CountedOperation[] => [
  {
    name: `set, new, ${kind}`,
    count,
    run: ({ cache }, round) => repeat(count, (index) => cache.set(toNewKey(round, index), VALUE)),
  },
  {
    name: `set, over, ${kind}`,
    count,
    run: ({ cache }, round) => repeat(count, (index) => cache.set(toKey(index), toValue(round, index))),
  },
  {
    name: `delete, ${kind}`,
    count,
    run: ({ cache }) => repeat(count, (index) => assertTrue(cache.delete(toKey(index)))),
    restore: ({ cache }) => cache.setMany(createItems(count, 0)),
  },
  {
    name: `set in a transaction of many, ${kind}`,
    count,
    run: ({ cache }, round) =>
      cache.transact(() => repeat(count, (index) => cache.set(toKey(index), toValue(round, index)))),
  },
  { name: `setMany, ${kind}`, count, run: ({ cache }, round) => cache.setMany(createItems(count, round)) },
  {
    name: `set of a page, many in a turn, ${kind}`,
    count,
    run: ({ page }, round) => Promise.all(createItems(count, round).map(([key, value]) => page.set(key, value))),
  },
];

const createReads = (kind: string): CountedOperation[] => [
  {
    name: `get, used recently, ${kind}`,
    count: COUNT,
    run: ({ cache }) => repeat(COUNT, (index) => assertTrue(typeof cache.get(toKey(index)) === 'string')),
  },
  {
    name: `get of an object, used recently, ${kind}`,
    count: COUNT,
    run: ({ cache }) => repeat(COUNT, () => assertTrue(typeof cache.get('object') === 'object')),
  },
  {
    name: `get of a page, many in a turn, ${kind}`,
    count: COUNT,
    run: async ({ page }) => {
      const found = await Promise.all(Array.from({ length: COUNT }, (_, index) => page.get(toKey(index))));
      assertTrue(found.every((value) => typeof value === 'string'));
    },
  },
];

/** What the limit on the heap is checked with: an operation that is known to allocate. */
export const CONTROL_NAME = 'an array of 100 numbers';
/** Eight bytes for each, and a header. */
export const CONTROL_BYTES = 816;
const NUMBERS = Array.from({ length: 100 }, (_, index) => index + 0.5);
const kept: unknown[] = [];
const CONTROL: CountedOperation = {
  name: CONTROL_NAME,
  count: COUNT,
  run: () => repeat(COUNT, () => kept.push(NUMBERS.slice())),
  restore: () => kept.splice(0),
};

const createDiskReads = (kind: string): CountedOperation[] => [
  {
    name: `get, not in memory, ${kind}`,
    count: COUNT,
    run: ({ cache }) => repeat(COUNT, (index) => assertTrue(typeof cache.get(toKey(index)) === 'string')),
  },
];

function assertTrue(value: boolean): void {
  if (!value) throw new Error('An operation that is counted did not do its work');
}

export const COUNTED_STORES: readonly CountedStore[] = [
  { options: {}, operations: [CONTROL, ...createReads('shared'), ...createWrites('shared', COUNT)] },
  {
    options: { exclusive: true },
    operations: [...createReads('exclusive'), ...createWrites('exclusive', COUNT)],
  },
  { options: { memory: 0 }, operations: createDiskReads('shared') },
  { options: { memory: 0, exclusive: true }, operations: createDiskReads('exclusive') },
  { options: { durability: 'power' }, operations: createWrites("'power'", SYNCED_COUNT) },
];
