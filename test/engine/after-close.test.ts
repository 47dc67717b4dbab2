import { describe, expect, it } from 'vitest';
import { Cache, Deque, FanoutCache, Index } from '../../main/engine/index.ts';
import { Queue } from '../../main/queue/queue.ts';
import { errorMatching } from '../matchers.ts';
import { freshDirectory } from './fresh-directory.ts';

interface Closable {
  close(): void;
}

function fillStore<T extends Closable>(store: T, fill: (store: T, n: number) => void): T {
  for (let n = 0; n < 5; n++) fill(store, n);
  return store;
}

const cache = () => fillStore(new Cache(freshDirectory()), (it, n) => it.set(`k${n}`, n));
const fanout = () => fillStore(new FanoutCache(freshDirectory(), { shards: 2 }), (it, n) => it.set(`k${n}`, n));
const index = () => fillStore(new Index<string, number>(freshDirectory()), (it, n) => it.set(`k${n}`, n));
const deque = () => fillStore(new Deque(freshDirectory()), (it, n) => it.push(n));
const queue = () => fillStore(new Queue(freshDirectory()), (it, n) => it.enqueue(n));

const walks = <T extends Closable>(open: () => T, names: Record<string, (store: T) => Iterator<unknown>>) =>
  Object.entries(names).map(([name, begin]): [string, () => [Closable, Iterator<unknown>]] => [
    name,
    () => {
      const store = open();
      return [store, begin(store)];
    },
  ]);

describe('an iterator whose store is closed in the middle', () => {
  it.each([
    ...walks(cache, {
      'Cache.keys': (it) => it.keys(),
      'Cache.values': (it) => it.values(),
      'Cache.entries, backwards': (it) => it.entries({ reverse: true }),
      'Cache.entries, by key': (it) => it.entries({ order: 'key' }),
      'for of a Cache': (it) => it[Symbol.iterator](),
    }),
    ...walks(fanout, {
      'FanoutCache.keys': (it) => it.keys(),
      'FanoutCache.values, backwards': (it) => it.values({ reverse: true }),
      'FanoutCache.entries': (it) => it.entries(),
    }),
    ...walks(index, {
      'Index.keys': (it) => it.keys(),
      'Index.values': (it) => it.values(),
      'Index.entries': (it) => it.entries(),
    }),
    ...walks(deque, {
      'Deque.values': (it) => it.values(),
      'Deque.reversed': (it) => it.reversed(),
    }),
    ...walks(queue, { 'Queue.jobs': (it) => it.jobs('ready') }),
  ])('%s gives CLOSED, and nothing that it has read ahead', (_, begin) => {
    const [store, iterator] = begin();
    expect(iterator.next().done).toBe(false);
    store.close();
    expect(() => iterator.next()).toThrow(errorMatching('CLOSED'));
  });
});
