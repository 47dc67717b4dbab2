import { existsSync, mkdirSync, readFileSync, rmdirSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { Cache } from '../../main/engine/index.ts';
import type { Key } from '../../protocol/key.ts';
import { freshDirectory } from '../engine/fresh-directory.ts';
import { errorMatching } from '../matchers.ts';
import { createKey } from '../torture/journal/keys.ts';
import { copyAsKilled, openJournaled, withDatabase } from './journal-fixture.ts';

const listItems = <Stored extends Key>(cache: Cache<Stored, unknown>): [Stored, unknown][] => [...cache.entries()];

function readAsKilled(cache: Cache<string, unknown>, options = {}): [string, unknown][] {
  using found = new Cache<string, unknown>(copyAsKilled(cache), options);
  expect(found.check()).toEqual([]);
  return listItems(found);
}

describe('what a journal gives back after a crash', () => {
  it('has keys of all kinds', () => {
    using cache = new Cache<Key, unknown>(freshDirectory(), { exclusive: true });
    const keys: Key[] = [
      ...Array.from({ length: 100 }, (_, n) => createKey(n)),
      '',
      new Uint8Array(0),
      Number.NaN,
      0,
      Number.NEGATIVE_INFINITY,
      2 ** 53,
      false,
      [],
      { name: ['of', { an: 'object' }] },
      'x'.repeat(20_000),
    ];
    for (const [nth, key] of keys.entries()) cache.set(key, nth);
    for (const key of keys.slice(0, 30)) cache.delete(key);
    for (const [nth, key] of keys.slice(10, 20).entries()) cache.set(key, -nth);
    using found = new Cache<Key, unknown>(copyAsKilled(cache));
    const there = listItems(found);
    expect(there).toEqual(listItems(cache));
    expect(there).toHaveLength(keys.length - 20);
  });

  it('has values at the edges', () => {
    using cache = openJournaled();
    const values = [
      '',
      new Uint8Array(0),
      Number.NaN,
      -0,
      Number.NEGATIVE_INFINITY,
      2 ** 53,
      null,
      undefined,
      10n ** 40n,
      new Date(Number.NaN),
      new Array(2),
      'x'.repeat(16 * 1024),
      'x'.repeat(16 * 1024 + 1),
      'ü'.repeat(10_000),
      '\ud800 alone',
      new Uint8Array(16 * 1024).fill(7),
    ];
    for (const [nth, value] of values.entries()) cache.set(`${nth}`, value);
    const there = readAsKilled(cache);
    expect(there.slice(1).map(([, value]) => value)).toEqual(values);
    expect(Object.is(there[4]![1], -0)).toBe(true);
  });

  it('leaves out what has expired since, and what had expired by then', () => {
    let now = 1000;
    using cache = openJournaled(freshDirectory(), { clock: () => now });
    cache.set('short', 1, { ttl: 10 });
    cache.set('long', 1, { ttl: 1000 });
    now = 1020;
    cache.set('short', 2, { ttl: 30 });
    cache.set('late', 1);
    expect(readAsKilled(cache, { clock: () => 1030 }).map(([key]) => key)).toEqual(['first', 'long', 'short', 'late']);
    expect(readAsKilled(cache, { clock: () => 5000 }).map(([key]) => key)).toEqual(['first', 'late']);
  });

  it('is the same when the clock was set back between two changes', () => {
    const day = 86_400_000;
    let now = 100 * day;
    using cache = openJournaled(freshDirectory(), { clock: () => now });
    cache.set('kept', 1, { ttl: 10 * day });
    cache.set('gone', 1, { ttl: 1000 });
    now -= 3 * day;
    cache.set('after', 1, { ttl: 2000 });
    cache.set('kept', 2, { ttl: 10 * day });
    cache.delete('gone');
    now += 1500;
    expect(readAsKilled(cache, { clock: () => now })).toEqual(listItems(cache));
    expect(listItems(cache).map(([key]) => key)).toEqual(['first', 'kept', 'after']);
    now += 1500;
    expect(readAsKilled(cache, { clock: () => now }).map(([key]) => key)).toEqual(['first', 'kept']);
  });

  it('keeps the order where ids are nearly used up', () => {
    const first = openJournaled();
    first.set('old', 1);
    first.close();
    withDatabase(first.directory, (database) =>
      database.exec(`UPDATE entry SET id = ${2 ** 53 - 3} WHERE key = 'old'`),
    );
    using cache = new Cache<string, unknown>(first.directory, { exclusive: true });
    for (let nth = 0; nth < 10; nth++) cache.set(`k${nth}`, nth);
    const expected = ['first', 'old', ...Array.from({ length: 10 }, (_, nth) => `k${nth}`)];
    expect(readAsKilled(cache).map(([key]) => key)).toEqual(expected);
    expect([...cache.keys()]).toEqual(expected);
  });
});

describe('a directory with a journal', () => {
  it('is refused to a second opener of any kind, who is told why', () => {
    using cache = openJournaled();
    cache.set('a', 1);
    for (const options of [{}, { exclusive: true }, { readOnly: true }])
      expect(() => new Cache(cache.directory, { timeout: 0, ...options })).toThrow(errorMatching('BUSY', 'exclusive'));
    expect(readAsKilled(cache)).toEqual(listItems(cache));
  });

  it('opens where something else has the name of its file, and leaves alone what a link leads to', () => {
    const outside = join(freshDirectory(), 'outside');
    mkdirSync(join(outside, '..'), { recursive: true });
    writeFileSync(outside, 'not ours');
    const obstacles: readonly ((path: string) => void)[] = [
      (path) => symlinkSync(outside, path),
      (path) => symlinkSync(join(outside, 'nowhere'), path),
    ];
    for (const obstruct of obstacles) {
      const before = openJournaled();
      before.close();
      obstruct(join(before.directory, 'journal-0'));
      const cache = new Cache<string, unknown>(before.directory, { exclusive: true });
      cache.set('a', 1);
      cache.set('a', 2);
      expect(listItems(cache)).toEqual([
        ['first', 1],
        ['a', 2],
      ]);
      cache.close();
      using again = new Cache<string, unknown>(before.directory);
      expect(again.get('a')).toBe(2);
      expect(readFileSync(outside, 'utf8')).toBe('not ours');
    }
  });

  it('is refused where a directory has the name of its file, and opens without it', () => {
    const { directory } = openJournaled();
    const copy = copyAsKilled({ directory });
    rmSync(join(copy, 'journal-1'));
    mkdirSync(join(copy, 'journal-1'));
    for (const options of [{}, { exclusive: true }])
      expect(() => new Cache(copy, options)).toThrow(
        errorMatching(
          'BAD_OPTION',
          `${join(copy, 'journal-1')} is a directory, where the store keeps its write journal`,
        ),
      );
    rmdirSync(join(copy, 'journal-1'));
    using again = new Cache<string, unknown>(copy);
    expect(again.get('first')).toBe(1);
  });

  it('refuses to write to a link that has taken the place of its file, and says so', () => {
    const outside = join(freshDirectory(), 'outside');
    mkdirSync(join(outside, '..'), { recursive: true });
    using cache = new Cache<string, unknown>(freshDirectory(), { exclusive: true });
    cache.set('direct', 'x'.repeat(20_000));
    symlinkSync(outside, join(cache.directory, 'journal-0'));
    const write = () => {
      cache.set('a', 1);
      cache.set('b', 1);
    };
    expect(write).toThrow(errorMatching('NOT_ALLOWED', 'journal-0 is a link, where the store keeps its write journal'));
    expect(existsSync(outside)).toBe(false);
    rmSync(join(cache.directory, 'journal-0'));
    write();
    expect([...cache.keys()]).toEqual(['direct', 'a', 'b']);
  });

  it('keeps what was stored when its files are taken away while it is open', () => {
    using cache = openJournaled();
    cache.set('a', 1);
    for (const nth of [0, 1]) rmSync(join(cache.directory, `journal-${nth}`));
    cache.set('b', 1);
    expect([...cache.keys()]).toEqual(['first', 'a', 'b']);
    cache.close();
    using again = new Cache<string, unknown>(cache.directory);
    expect([...again.keys()]).toEqual(['first', 'a', 'b']);
    expect(existsSync(join(cache.directory, 'journal-0'))).toBe(false);
  });
});
