import type { CacheContract } from '../../protocol/contract/cache.ts';
import type { DequeContract } from '../../protocol/contract/deque.ts';
import type { IndexContract } from '../../protocol/contract/index-map.ts';
import type { QueueContract } from '../../protocol/contract/queue.ts';
import type { Key } from '../../protocol/key.ts';
import type { EntryWithOptions } from '../../protocol/options.ts';

/** Draws a whole number from 0 to below `limit`. */
export type RandomInt = (limit: number) => number;

/** Arguments for every method of a contract: one that was forgotten does not compile. */
type Arguments<Contract> = {
  readonly [M in keyof Contract]: Contract[M] extends (...args: infer A) => unknown ? (draw: RandomInt) => A : never;
};

const key = (draw: RandomInt): Key => [draw(200), `k${draw(200)}`, ['user', draw(20), draw(10)]][draw(3)]!;
const number = (draw: RandomInt): Key => `n${draw(10)}`;
const value = (draw: RandomInt): unknown =>
  [
    () => draw(100),
    () => 'text '.repeat(draw(60)),
    () => ({ list: [draw(10), { at: new Date(draw(1e9)) }], map: new Map([[draw(5), 1n]]) }),
    () => new Uint8Array(draw(20) === 0 ? 60_000 : draw(300)),
  ][draw(4)]!();
const createArray = <T>(draw: RandomInt, one: (draw: RandomInt) => T): T[] =>
  Array.from({ length: draw(6) }, () => one(draw));
const entry = (draw: RandomInt): readonly [Key, unknown] => [key(draw), value(draw)];
const entryWithOptions = (draw: RandomInt): EntryWithOptions<Key, unknown> =>
  draw(3) ? entry(draw) : [key(draw), value(draw), settings(draw)];
const prefix = (draw: RandomInt): Key => [`k${draw(200)}`, ['user', draw(20)], 'k1'][draw(3)]!;
const tag = (draw: RandomInt) => `tag ${draw(4)}`;
const settings = (draw: RandomInt) =>
  [{}, {}, { tag: tag(draw), ttl: draw(400) }, { expiresAt: Date.now() + draw(400) }][draw(4)]!;
const queue = (draw: RandomInt) => ({ prefix: `q${draw(3)}`, side: draw(2) ? ('front' as const) : ('back' as const) });

const id = (draw: RandomInt): number => draw(2000);
const job = (draw: RandomInt) =>
  [
    {},
    { delay: draw(50), priority: draw(5) },
    { group: `g${draw(5)}` },
    { dedupeKey: ['d', draw(20)], group: draw(3) },
  ][draw(4)]!;

export const CACHE_CALLS: Arguments<CacheContract> = {
  get: (draw) => [key(draw)],
  getEntry: (draw) => [key(draw)],
  getMany: (draw) => [createArray(draw, key)],
  has: (draw) => [key(draw)],
  hasMany: (draw) => [createArray(draw, key)],
  peek: (draw) => [queue(draw)],
  peekItem: (draw) => [{ last: draw(2) === 0 }],
  page: (draw) => ['entries', { order: 'key', prefix: ['user', draw(20)] }],
  size: () => [],
  volume: () => [],
  stats: (draw) => [{ reset: draw(10) === 0 }],
  set: (draw) => [key(draw), value(draw), settings(draw)],
  setMany: (draw) => [createArray(draw, entryWithOptions), settings(draw)],
  add: (draw) => [key(draw), value(draw), settings(draw)],
  touch: (draw) => [key(draw), draw(2) ? { ttl: draw(1000) } : { expiresAt: Date.now() + draw(1000) }],
  incr: (draw) => [number(draw), draw(5), { default: draw(3) }],
  decr: (draw) => [number(draw), draw(5)],
  delete: (draw) => [key(draw)],
  deleteMany: (draw) => [createArray(draw, key), { each: draw(2) === 0 }],
  deletePrefix: (draw) => [prefix(draw)],
  pop: (draw) => [key(draw)],
  push: (draw) => [value(draw), { ...queue(draw), ...settings(draw) }],
  pull: (draw) => [queue(draw)],
  expire: () => [],
  evict: (draw) => [tag(draw)],
  cull: () => [],
  clear: (draw) => (draw(2) ? [] : [{ prefix: prefix(draw) }]),
  check: () => [],
  configure: (draw) => [{ statistics: draw(2) === 0 }],
};

export const INDEX_CALLS: Arguments<IndexContract> = {
  get: (draw) => [key(draw)],
  getMany: (draw) => [createArray(draw, key)],
  has: (draw) => [key(draw)],
  hasMany: (draw) => [createArray(draw, key)],
  peekItem: (draw) => [{ last: draw(2) === 0 }],
  page: (draw) => ['keys', { limit: draw(50) }],
  size: () => [],
  volume: () => [],
  equals: (draw) => [createArray(draw, entry)],
  set: (draw) => [key(draw), value(draw)],
  setMany: (draw) => [createArray(draw, entry)],
  setDefault: (draw) => [key(draw), value(draw)],
  delete: (draw) => [key(draw)],
  deleteMany: (draw) => [createArray(draw, key), { each: draw(2) === 0 }],
  deletePrefix: (draw) => [prefix(draw)],
  pop: (draw) => [key(draw)],
  popItem: (draw) => [{ last: draw(2) === 0 }],
  clear: (draw) => (draw(2) ? [] : [{ prefix: prefix(draw) }]),
  check: () => [],
};

export const DEQUE_CALLS: Arguments<DequeContract> = {
  at: (draw) => [draw(40) - 20],
  peek: (draw) => [{ side: draw(2) ? 'front' : 'back' }],
  page: () => ['values'],
  length: () => [],
  maxLength: () => [],
  indexOf: (draw) => [value(draw)],
  includes: (draw) => [value(draw)],
  count: (draw) => [value(draw)],
  equals: (draw) => [createArray(draw, value)],
  volume: () => [],
  push: (draw) => createArray(draw, value),
  unshift: (draw) => createArray(draw, value),
  extend: (draw) => [createArray(draw, value)],
  pop: () => [],
  shift: () => [],
  set: (draw) => [0, value(draw)],
  delete: (draw) => [draw(10)],
  splice: (draw) => [draw(10), draw(3)],
  remove: (draw) => [value(draw)],
  rotate: (draw) => [draw(7) - 3],
  reverse: () => [],
  clear: () => [],
  check: () => [],
};

export const QUEUE_CALLS: Arguments<QueueContract> = {
  get: (draw) => [id(draw)],
  page: (draw) => [(['ready', 'delayed', 'held', 'running', 'dead'] as const)[draw(5)]!],
  counts: () => [],
  paused: () => [],
  volume: () => [],
  enqueue: (draw) => [value(draw), job(draw)],
  enqueueMany: (draw) => [createArray(draw, () => ({ payload: value(draw), ...job(draw) }))],
  retry: (draw) => [id(draw)],
  remove: (draw) => [id(draw)],
  pause: () => [],
  resume: () => [],
  check: () => [],
};
