import { subscribe, unsubscribe } from 'node:diagnostics_channel';
import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { Cache, type CacheMethods, FanoutCache, Index, type TransactionMessage } from '../../main/engine/index.ts';
import { errorMatching } from '../matchers.ts';
import { createManualClock } from './engine-fixture.ts';
import { freshDirectory } from './fresh-directory.ts';

const LARGE = 'x'.repeat(1000);

const stores: Readonly<Record<string, (clock?: () => number) => CacheMethods>> = {
  Cache: (clock = Date.now) => new Cache(freshDirectory(), { clock, fileThreshold: 100 }),
  FanoutCache: (clock = Date.now) => new FanoutCache(freshDirectory(), { clock, fileThreshold: 100, shards: 3 }),
};

const listFiles = (directory: string): string[] =>
  readdirSync(directory, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile() && /values/.test(entry.parentPath) && !/stage/.test(entry.parentPath))
    .map(({ parentPath, name }) => join(parentPath, name));

it.each(Object.entries(stores))('%s reports each item that a prefix deletes, and why', (_, open) => {
  const { clock, advance } = createManualClock();
  using store = open(clock);
  store.setMany([
    ['a:1', 1],
    ['a:2', LARGE],
    ['a:3', 3, { ttl: 5 }],
    ['b:1', 4],
  ]);
  advance(5);
  const changes: string[] = [];
  store.subscribe(({ kind, key }) => changes.push(`${kind} ${String(key)}`));
  expect(store.deletePrefix('a:')).toBe(2);
  expect(changes.sort()).toEqual(['delete a:1', 'delete a:2', 'expire a:3']);
  expect(store.clear({ prefix: 'b:' })).toBe(1);
  expect(changes).toContain('delete b:1');
  expect(changes).not.toContain('clear undefined');
});

it.each(Object.entries(stores))('%s undoes a deleted prefix with its transaction, files included', (_, open) => {
  using store = open();
  const entries = Array.from({ length: 600 }, (_, n) => [`a:${n}`, n % 200 ? n : LARGE] as const);
  store.setMany(entries);
  const fail = () =>
    store.transact(() => {
      expect(store.clear({ prefix: 'a:' })).toBe(600);
      expect(store.size).toBe(0);
      throw new Error('on purpose');
    });
  expect(fail).toThrow('on purpose');
  expect(store.size).toBe(600);
  expect(store.get('a:200')).toBe(LARGE);
  expect(store.check()).toEqual([]);
  expect(store.transact(() => store.deletePrefix('a:'))).toBe(600);
  expect(store.check()).toEqual([]);
});

it.each(Object.entries(stores))('%s removes the value files of a deleted prefix', (_, open) => {
  using store = open();
  store.configure({ durability: 'power' });
  store.setMany(Array.from({ length: 20 }, (_, n) => [['user', n], LARGE] as const));
  store.set('stays', LARGE);
  expect(listFiles(store.directory)).toHaveLength(21);
  expect(store.deletePrefix(['user'])).toBe(20);
  expect(listFiles(store.directory)).toHaveLength(1);
});

it('what another process has added behind the prefix stays, and what it reads is gone', () => {
  const directory = freshDirectory();
  using cache = new Cache<string, number>(directory);
  using other = new Cache<string, number>(directory);
  cache.setMany([
    ['a', 1],
    ['ab', 2],
    ['b', 3],
  ]);
  expect(other.get('ab')).toBe(2);
  expect(cache.deletePrefix('a')).toBe(2);
  expect([...cache.keys()]).toEqual(['b']);
});

it('an index deletes many keys and prefixes, and knows many keys', () => {
  using index = new Index<string | readonly (string | number)[], number>(freshDirectory());
  const fill = () =>
    index.setMany([
      ['a', 1],
      ['ab', 2],
      ['b', 3],
      [['a', 1], 4],
    ]);
  fill();
  expect(index.hasMany(['a', 'none', ['a', 1]])).toEqual([true, false, true]);
  expect(index.deleteMany(['a', 'none', 'b'], { each: true })).toEqual([true, false, true]);
  expect(index.deleteMany(new Set(['a', 'ab']))).toBe(1);
  fill();
  expect(index.deletePrefix('a')).toBe(2);
  expect(index.clear({ prefix: ['a'] })).toBe(1);
  expect([...index.keys()]).toEqual(['b']);
  expect(() => index.clear({ prefix: undefined } as never)).toThrow(errorMatching('BAD_OPTION', 'call clear()'));
  expect(() => index.deletePrefix(1 as never)).toThrow(errorMatching('BAD_OPTION', 'prefix is 1'));
  expect(index.clear()).toBeUndefined();
  expect(index.size).toBe(0);
});

it('an index deletes a prefix in one transaction, a cache in several', () => {
  const countTransactions = (store: Cache<string, number> | Index<string, number>) => {
    const outcomes: unknown[] = [];
    const listener = (message: unknown) => void outcomes.push((message as TransactionMessage).outcome);
    store.setMany(Array.from({ length: 600 }, (_, n) => [`k${n}`, n] as const));
    subscribe('deskcache:transaction', listener);
    try {
      expect(store.deletePrefix('k')).toBe(600);
    } finally {
      unsubscribe('deskcache:transaction', listener);
    }
    return outcomes;
  };
  using index = new Index<string, number>(freshDirectory());
  using cache = new Cache<string, number>(freshDirectory());
  expect(countTransactions(index)).toEqual(['committed']);
  expect(countTransactions(cache).length).toBeGreaterThan(2);
});

it('an index says that its entries have no options', () => {
  using index = new Index<string, number>(freshDirectory());
  const entries = [
    ['a', 1],
    ['b', 2, { ttl: 5 }],
  ] as unknown as readonly (readonly [string, number])[];
  expect(() => index.setMany(entries)).toThrow(errorMatching('BAD_OPTION', /^entries\[1\]: .*nothing expires/));
  expect(index.size).toBe(0);
  // Empty options count as no options.
  index.setMany([['a', 1, undefined] as never]);
  expect(index.size).toBe(1);
});

it('the results of a memoized function have no point in time at which all of them expire', () => {
  using cache = new Cache(freshDirectory());
  const options = { name: 'f', expiresAt: Date.now() + 5 };
  expect(() => cache.memoize(() => 1, options as never)).toThrow(errorMatching('BAD_OPTION', 'expiresAt'));
});

it('a stream is stored until a point in time', async () => {
  const { clock, advance } = createManualClock();
  using cache = new Cache<string, Uint8Array>(freshDirectory(), { clock });
  const chunks = async function* () {
    yield new Uint8Array([1]);
  };
  await cache.writeStream('k', chunks(), { expiresAt: clock() + 5 });
  expect(cache.getEntry('k')).toMatchObject({ expiresAt: clock() + 5 });
  advance(5);
  expect(cache.has('k')).toBe(false);
  await expect(cache.writeStream('k', chunks(), { ttl: 1, expiresAt: 1 })).rejects.toEqual(
    errorMatching('BAD_OPTION', 'ttl and expiresAt'),
  );
});
