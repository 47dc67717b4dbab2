import { chmodSync, rmSync, statSync, truncateSync, utimesSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import Database from 'better-sqlite3';
import { describe, expect, it } from 'vitest';
import type { Cache } from '../../main/engine/index.ts';
import { errorMatching } from '../matchers.ts';
import { createLargeText, listValueFiles, openFixture } from './store-fixture.ts';

const DAMAGES: Record<string, (path: string) => void> = {
  missing: (path) => rmSync(path),
  empty: (path) => truncateSync(path),
  shorter: (path) => truncateSync(path, 49_999),
  longer: (path) => writeFileSync(path, '!', { flag: 'a' }),
  'changed in one bit': (path) => writeFileSync(path, 'j', { flag: 'r+' }),
};

describe.each(Object.entries(DAMAGES))('a value file that is %s', (_, harm) => {
  /** A single item, at both ends of its queue, with a damaged file. */
  function harmed() {
    const opened = openFixture({ memory: 0 });
    const key = opened.cache.push(createLargeText('k'), { tag: 't' });
    harm(listValueFiles(opened.cache.directory)[0]!);
    return { ...opened, key };
  }

  const reads: Record<string, (cache: Cache, key: string) => unknown> = {
    get: (cache, key) => cache.get(key),
    getMany: (cache, key) => cache.getMany([key]),
    getEntry: (cache, key) => cache.getEntry(key),
    values: (cache) => [...cache.values()],
    entries: (cache) => [...cache.entries({ order: 'key' })],
    'page of values': (cache) => cache.page('values'),
    peek: (cache) => cache.peek(),
    'peek at the back': (cache) => cache.peek({ side: 'back' }),
    peekItem: (cache) => cache.peekItem(),
    'peekItem at the beginning': (cache) => cache.peekItem({ last: false }),
    update: (cache, key) => cache.update(key, (current) => current),
    incr: (cache, key) => cache.incr(key),
  };
  it.each(Object.entries(reads))(
    '%s says so and ends (DiskCache: a miss, half a value, or an endless loop)',
    (_, read) => {
      using opened = harmed();
      const { cache, key } = opened;
      expect(() => read(cache, key as string)).toThrow(errorMatching('CORRUPT'));
      expect(() => cache.transact(() => read(cache, key as string))).toThrow(errorMatching('CORRUPT'));
      expect([...cache.keys()]).toEqual([key]);
    },
  );

  it('has, add, touch, delete, evict and set use the row, and repair the item', () => {
    using opened = harmed();
    const { cache, key } = opened;
    expect(cache.has(key)).toBe(true);
    expect(cache.add(key, 'other')).toBe(false);
    expect(cache.touch(key, { ttl: 1000 })).toBe(true);
    cache.set(key, createLargeText('new'));
    expect(cache.get(key)).toBe(createLargeText('new'));
    harm(listValueFiles(cache.directory)[0]!);
    expect(cache.delete(key)).toBe(true);
    cache.set(key, createLargeText('k'), { tag: 't' });
    harm(listValueFiles(cache.directory)[0]!);
    expect(cache.evict('t')).toBe(1);
    expect(cache.size).toBe(0);
    expect(listValueFiles(cache.directory)).toHaveLength(0);
  });

  it('a queue continues with the next item', () => {
    using opened = harmed();
    const { cache } = opened;
    cache.push('next');
    expect(() => cache.pull()).toThrow(errorMatching('CORRUPT'));
    expect(cache.pull()?.[1]).toBe('next');
    expect(cache.pull()).toBeUndefined();
  });
});

it('a value file that was intact at an earlier read and was changed since is CORRUPT', async () => {
  using opened = openFixture({ memory: 0 });
  const { cache } = opened;
  cache.set('k', createLargeText('k'));
  const path = listValueFiles(cache.directory)[0]!;
  // Longer than the tick of file times, within which the engine always verifies a file.
  await new Promise((resolve) => setTimeout(resolve, 2200));
  for (let reads = 0; reads < 3; reads++) expect(cache.get('k')).toBe(createLargeText('k'));
  const { atime, mtime } = statSync(path);
  writeFileSync(path, 'j', { flag: 'r+' });
  utimesSync(path, atime, mtime);
  expect(() => cache.get('k')).toThrow(errorMatching('CORRUPT'));
  expect(cache.check()).toEqual([expect.objectContaining({ code: 'file', key: 'k' })]);
});

it.skipIf(process.getuid?.() === 0 || process.platform === 'win32')(
  'a value file without read permission is reported as such, not as a miss',
  () => {
    using opened = openFixture({ memory: 0 });
    const { cache } = opened;
    cache.set('k', createLargeText('k'));
    chmodSync(listValueFiles(cache.directory)[0]!, 0);
    expect(() => cache.get('k')).toThrow(errorMatching('NOT_ALLOWED'));
  },
);

describe('a row that was changed outside the engine', () => {
  const changes = {
    'other bytes': "UPDATE entry SET value = 'other' WHERE key = 'k'",
    'another checksum': "UPDATE entry SET checksum = checksum + 1 WHERE key = 'k'",
    'another mode': "UPDATE entry SET mode = 3 WHERE key = 'k'",
    'no such mode': "UPDATE entry SET mode = 57 WHERE key = 'k'",
    'a path as file name': "UPDATE entry SET value = NULL, file = '../../../etc/passwd' WHERE key = 'k'",
  };
  it.each(Object.entries(changes))('%s: CORRUPT, never another value', (_, sql) => {
    using opened = openFixture({ memory: 0 });
    const { cache } = opened;
    cache.set('k', 'value');
    const database = new Database(join(cache.directory, 'cache.db'));
    database.exec(sql);
    database.close();
    expect(() => cache.get('k')).toThrow(errorMatching('CORRUPT'));
    cache.set('k', 'healed');
    expect(cache.get('k')).toBe('healed');
  });
});
