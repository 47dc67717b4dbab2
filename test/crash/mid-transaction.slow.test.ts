import { utimesSync } from 'node:fs';
import { expect, it } from 'vitest';
import { Cache } from '../../main/engine/index.ts';
import { freshDirectory } from '../engine/fresh-directory.ts';
import { KillableProcess } from './killable-process.ts';
import { findDanglingRows, findOrphans } from './orphan-files.ts';

it('a process killed inside a transaction leaves no change and no lock', async () => {
  const directory = freshDirectory();
  using cache = new Cache(directory, { timeout: 0 });
  cache.set('small', 'first');
  cache.set('file', 'a'.repeat(50_000));
  cache.set('other file', 'b'.repeat(40_000));
  cache.set('count', 7);
  const before = [...cache];

  const victim = new KillableProcess('./hanging-transaction.ts', directory);
  await victim.waitUntilStarted();
  expect([...cache]).toEqual(before);
  expect(() => cache.set('small', 'second')).toThrow(expect.objectContaining({ code: 'BUSY' }));
  expect(await victim.kill()).toEqual(['inside']);

  expect([...cache]).toEqual(before);
  expect(findDanglingRows(directory)).toEqual([]);
  expect(cache.check().map(({ code }) => code)).toEqual(['orphan', 'orphan', 'orphan']);
  expect(cache.check({ repair: true })).toHaveLength(3);
  expect(cache.check()).toEqual([]);
  expect(findOrphans(directory)).toEqual([]);
  cache.set('small', 'second');
  using again = new Cache(directory);
  expect(again.get('small')).toBe('second');
  expect(again.get('file')).toBe('a'.repeat(50_000));
  expect(again.size).toBe(4);
});

it('a process killed while it streams a value leaves the previous value whole', async () => {
  using cache = new Cache(freshDirectory());
  const { directory } = cache;
  for (const before of ['x'.repeat(60_000), undefined]) {
    if (before === undefined) cache.delete('k');
    else cache.set('k', before);
    const victim = new KillableProcess('./stream-writer.ts', directory);
    await victim.waitUntilStarted();
    await victim.kill();
    expect(cache.get('k')).toBe(before);
    expect(cache.check()).toEqual([]);
    const staged = findOrphans(directory);
    expect(staged).toHaveLength(1);
    expect(cache.volume()).toBeGreaterThan(2_000_000);
    for (const path of staged) utimesSync(path, 0, 0);
    cache.check({ repair: true });
    expect(findOrphans(directory)).toEqual([]);
  }
});
