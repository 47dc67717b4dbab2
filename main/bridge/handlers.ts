import type { Contracts, Kind } from '../../protocol/contract.ts';
import type { Job } from '../../protocol/job.ts';
import { redactDirectories } from '../../protocol/redaction.ts';
import { type Cache, Deque, type FanoutCache, Index, Settings } from '../engine/index.ts';
import { Queue } from '../queue/index.ts';
import { toPageFinding } from './page-findings.ts';

/** Everything that a page can call: a store of the engine, of any kind, or a queue. */
export type BridgeStore = Cache | FanoutCache | Index | Deque | Queue | Settings;

interface StoreByKind {
  readonly cache: Cache | FanoutCache;
  readonly index: Index;
  readonly deque: Deque;
  readonly queue: Queue;
  readonly settings: Settings;
}

type Method = (...args: never) => unknown;

/** The engine call behind each method of a contract. */
type MethodHandlers<K extends Kind> = {
  readonly [M in keyof Contracts[K]]: Contracts[K][M] extends Method
    ? (store: StoreByKind[K], ...args: Parameters<Contracts[K][M]>) => ReturnType<Contracts[K][M]>
    : never;
};

/** Returns a job for a page: the error that its handler threw in the main process may name files there. */
const toPageJob = <T>(job: Job<T>): Job<T> =>
  job.error === undefined ? job : { ...job, error: redactDirectories(job.error) };

const CACHE_HANDLERS: MethodHandlers<'cache'> = {
  get: (cache, key) => cache.get(key),
  getEntry: (cache, key) => cache.getEntry(key),
  getMany: (cache, keys) => cache.getMany(keys as never),
  has: (cache, key) => cache.has(key),
  hasMany: (cache, keys) => cache.hasMany(keys),
  peek: (cache, options) => cache.peek(options),
  peekItem: (cache, options) => cache.peekItem(options),
  page: (cache, of, range, after) => cache.page(of === 'items' ? 'entries' : of, range, after),
  size: (cache) => cache.size,
  volume: (cache) => cache.volume(),
  stats: (cache, options) => cache.stats(options),
  set: (cache, key, value, options) => cache.set(key, value, options),
  setMany: (cache, entries, options) => cache.setMany(entries, options),
  add: (cache, key, value, options) => cache.add(key, value, options),
  touch: (cache, key, options) => cache.touch(key, options),
  incr: (cache, key, delta, options) => cache.incr(key, delta, options),
  decr: (cache, key, delta, options) => cache.decr(key, delta, options),
  delete: (cache, key) => cache.delete(key),
  deleteMany: (cache, keys, options) => cache.deleteMany(keys, options),
  deletePrefix: (cache, prefix) => cache.deletePrefix(prefix),
  pop: (cache, key) => cache.pop(key),
  push: (cache, value, options) => cache.push(value, options),
  pull: (cache, options) => cache.pull(options),
  expire: (cache) => cache.expire(),
  evict: (cache, tag) => cache.evict(tag),
  cull: (cache) => cache.cull(),
  clear: (cache, options) => cache.clear(options),
  check: (cache, options) => cache.check(options).map(toPageFinding),
  configure: (cache, options) => cache.configure(options),
};

const INDEX_HANDLERS: MethodHandlers<'index'> = {
  get: (index, key) => index.get(key),
  getMany: (index, keys) => index.getMany(keys as never),
  has: (index, key) => index.has(key),
  hasMany: (index, keys) => index.hasMany(keys),
  peekItem: (index, options) => index.peekItem(options),
  page: (index, of, range, after) => index.page(of === 'items' ? 'entries' : of, range, after),
  size: (index) => index.size,
  volume: (index) => index.volume(),
  equals: (index, entries) => index.equals(entries),
  set: (index, key, value) => void index.set(key, value),
  setMany: (index, entries) => index.setMany(entries),
  setDefault: (index, key, value) => index.setDefault(key, value),
  delete: (index, key) => index.delete(key),
  deleteMany: (index, keys, options) => index.deleteMany(keys, options),
  deletePrefix: (index, prefix) => index.deletePrefix(prefix),
  pop: (index, key) => index.pop(key),
  popItem: (index, options) => index.popItem(options),
  clear: (index, options) => index.clear(options),
  check: (index, options) => index.check(options).map(toPageFinding),
};

const DEQUE_HANDLERS: MethodHandlers<'deque'> = {
  at: (deque, index) => deque.at(index),
  peek: (deque, options) => deque.peek(options),
  page: (deque, _of, range, after) => deque.page(range, after),
  length: (deque) => deque.length,
  maxLength: (deque) => deque.maxLength,
  indexOf: (deque, value, from) => deque.indexOf(value, from),
  includes: (deque, value) => deque.includes(value),
  count: (deque, value) => deque.count(value),
  equals: (deque, values) => deque.equals(values),
  volume: (deque) => deque.volume(),
  push: (deque, ...values) => deque.push(...values),
  unshift: (deque, ...values) => deque.unshift(...values),
  extend: (deque, values) => deque.extend(values),
  pop: (deque) => deque.pop(),
  shift: (deque) => deque.shift(),
  set: (deque, index, value) => deque.set(index, value),
  delete: (deque, index) => deque.delete(index),
  splice: (deque, start, count) => deque.splice(start, count),
  remove: (deque, value) => deque.remove(value),
  rotate: (deque, count) => deque.rotate(count),
  reverse: (deque) => deque.reverse(),
  clear: (deque) => deque.clear(),
  check: (deque, options) => deque.check(options).map(toPageFinding),
};

const QUEUE_HANDLERS: MethodHandlers<'queue'> = {
  get: (queue, id) => {
    const job = queue.get(id);
    return job && toPageJob(job);
  },
  page: (queue, state, after) => {
    const { items, ...page } = queue.page(state, after);
    return { ...page, items: items.map(toPageJob) };
  },
  counts: (queue) => queue.counts(),
  paused: (queue) => queue.paused,
  volume: (queue) => queue.volume(),
  enqueue: (queue, payload, options) => queue.enqueue(payload, options),
  enqueueMany: (queue, jobs) => queue.enqueueMany(jobs),
  retry: (queue, id) => queue.retry(id),
  remove: (queue, id) => queue.remove(id),
  pause: (queue) => queue.pause(),
  resume: (queue) => queue.resume(),
  check: (queue, options) => queue.check(options).map(toPageFinding),
};

const SETTINGS_HANDLERS: MethodHandlers<'settings'> = {
  get: (settings, path) => settings.get(path as string),
  all: (settings) => settings.all(),
  has: (settings, path) => settings.has(path as string),
  set: (settings, ...change) => settings.set(...(change as unknown as [string, unknown])),
  reset: (settings, ...paths) => settings.reset(...(paths as string[])),
  volume: (settings) => settings.volume(),
  check: (settings, options) => settings.check(options).map(toPageFinding),
};

/** Called with unchecked arguments from the wire: the engine validates each of them. */
export type MethodHandler = (store: BridgeStore, ...args: readonly unknown[]) => unknown;

export const METHOD_HANDLERS = {
  cache: CACHE_HANDLERS,
  index: INDEX_HANDLERS,
  deque: DEQUE_HANDLERS,
  queue: QUEUE_HANDLERS,
  settings: SETTINGS_HANDLERS,
} as unknown as Readonly<Record<Kind, Readonly<Record<string, MethodHandler>>>>;

/** Returns the kind of contract that a store has. */
export function getKind(store: BridgeStore): Kind {
  if (store instanceof Index) return 'index';
  if (store instanceof Deque) return 'deque';
  if (store instanceof Settings) return 'settings';
  return store instanceof Queue ? 'queue' : 'cache';
}
