import { expect, it, vi } from 'vitest';
import { Cache } from '../../main/engine/index.ts';
import { Statement } from '../../main/engine/sqlite/connection.ts';
import type { CacheOptions } from '../../protocol/options.ts';
import { createRandom } from '../crash/random-writes.ts';
import { createManualClock } from '../engine/engine-fixture.ts';
import { freshDirectory } from '../engine/fresh-directory.ts';
import { copyAsKilled, listRecords, openJournaled, readJournal, withDatabase } from './journal-fixture.ts';

const countRecords = (cache: Cache<string, unknown>): number => listRecords(readJournal(cache.directory)).length - 1;

it('a touch is one record, and is there after a crash', () => {
  using cache = openJournaled(freshDirectory(), { clock: () => 1000 });
  cache.set('a', 1, { tag: 'group' });
  expect(cache.size).toBe(2);
  cache.set('b', 2, { ttl: 50 });
  const before = countRecords(cache);
  const applied = vi.spyOn(Statement.prototype, 'run');
  expect([cache.touch('a', { ttl: 500 }), cache.touch('b', { ttl: 900 }), cache.touch('c', { ttl: 900 })]).toEqual([
    true,
    true,
    false,
  ]);
  expect(countRecords(cache) - before).toBe(2);
  expect(cache.getEntry('a')).toMatchObject({ value: 1, expiresAt: 1500, tag: 'group', storedAt: 1000 });
  expect([cache.get('a'), cache.get('a'), cache.has('a'), cache.get('b')]).toEqual([1, 1, true, 2]);
  cache.transact(() => {
    cache.touch('a', { ttl: 600 });
    expect(cache.getEntry('a')?.expiresAt).toBe(1600);
    cache.touch('b', { ttl: 700 });
    expect(cache.getEntry('b')).toMatchObject({ value: 2, expiresAt: 1700 });
  });
  expect(applied.mock.calls.flat()).not.toContain('journal');
  applied.mockRestore();
  using found = new Cache<string, unknown>(copyAsKilled(cache), { clock: () => 1000 });
  for (const key of ['a', 'b']) expect(found.getEntry(key)).toEqual(cache.getEntry(key));
  expect([found.getEntry('a')?.expiresAt, found.getEntry('b')?.expiresAt]).toEqual([1600, 1700]);
});

it('an item that a touch has let expire is gone, and what is set after it is new', () => {
  const { clock, advance } = createManualClock();
  using cache = openJournaled(freshDirectory(), { clock });
  cache.set('a', 1);
  cache.set('b', 1);
  expect(cache.size).toBe(3);
  cache.touch('a', { ttl: 5 });
  cache.touch('first', { ttl: 5 });
  advance(10);
  expect([cache.get('a'), cache.has('a'), cache.touch('a', { ttl: 50 }), cache.delete('first')]).toEqual([
    undefined,
    false,
    false,
    false,
  ]);
  cache.set('a', 2);
  expect([...cache.entries()]).toEqual([
    ['b', 1],
    ['a', 2],
  ]);
});

it('a touched value in a file is read, replaced and deleted', () => {
  using cache = openJournaled(freshDirectory(), { fileThreshold: 1000 });
  for (const key of ['a', 'b', 'c']) cache.set(key, key.repeat(2000));
  for (const key of ['a', 'b', 'c']) expect(cache.touch(key, { ttl: 100_000 })).toBe(true);
  expect([cache.get('a'), cache.getEntry('b')?.value]).toEqual(['a'.repeat(2000), 'b'.repeat(2000)]);
  cache.set('b', 1);
  expect(cache.delete('c')).toBe(true);
  expect([...cache.keys()]).toEqual(['first', 'a', 'b']);
  expect(cache.check()).toEqual([]);
});

const readRows = (directory: string): unknown[] =>
  withDatabase(directory, (database) =>
    database
      .prepare(
        'SELECT key, hits, visited, expires_at, floor(stored_at), tag, file IS NULL, value FROM entry ORDER BY id',
      )
      .raw()
      .all(),
  );

it.each([
  ['least-recently-stored', 1],
  ['least-recently-stored', 2],
  ['least-frequently-used', 3],
  ['sieve', 4],
] as const)('does the same as without a journal under %s (seed %i)', (evictionPolicy, seed) => {
  const random = createRandom(seed);
  const draw = (limit: number) => Math.floor(random() * limit);
  const { clock, advance } = createManualClock();
  const options: CacheOptions = { evictionPolicy, clock, fileThreshold: 20_000 };
  let journaled = openJournaled(freshDirectory(), options);
  const direct = openJournaled(freshDirectory(), { ...options, exclusive: false });
  const readAll = (cache: Cache<string, unknown>) => [...cache.entries()];
  for (let step = 0; step < 1500; step++) {
    const [dice, ttl] = [draw(100), 1 + draw(300)];
    const [key, other] = [`k${draw(15)}`, `k${draw(15)}`];
    const value = draw(60) === 0 ? 'x'.repeat(30_000) : step;
    const [first, second] = [journaled, direct].map((cache) => {
      if (dice < 30) return cache.touch(key, { ttl });
      if (dice < 50) return cache.set(key, value, { ttl: 10 * ttl, tag: other });
      if (dice < 58) return cache.get(key);
      if (dice < 66) return { ...cache.getEntry(key), accessedAt: 0 };
      if (dice < 70) return cache.delete(key);
      if (dice < 74) return cache.has(key);
      if (dice < 78) return [cache.incr('n'), cache.touch('n', { ttl: 10 * ttl })];
      if (dice < 88)
        return cache.transact(() => [
          cache.touch(key, { ttl }),
          cache.get(key),
          cache.set(other, step),
          cache.touch(other, { ttl: 1000 }),
          cache.get(other),
        ]);
      if (dice < 92) {
        expect(() =>
          cache.transact(() => {
            cache.touch(key, { ttl });
            cache.delete(other);
            throw new Error('no');
          }),
        ).toThrow('no');
        return cache.has(key);
      }
      if (dice < 93) return cache.expire() < 0;
      return cache.touch(key, { expiresAt: Number.POSITIVE_INFINITY });
    });
    expect(first).toEqual(second);
    advance(draw(8));
    if (draw(150) !== 0) continue;
    using found = new Cache<string, unknown>(copyAsKilled(journaled), options);
    const inFiles = new Set(
      readAll(journaled)
        .filter(([, held]) => String(held).length > 1000)
        .map(([name]) => name),
    );
    expect(Array.from(found.keys()).filter((name) => !inFiles.has(name))).toEqual(
      Array.from(direct.keys()).filter((name) => !inFiles.has(name)),
    );
    journaled.close();
    journaled = openJournaled(journaled.directory, options);
    journaled.delete('first');
    direct.set('first', 0);
    direct.delete('first');
  }
  for (const cache of [journaled, direct]) {
    cache.expire();
    cache.close();
  }
  expect(readRows(journaled.directory)).toEqual(readRows(direct.directory));
});
