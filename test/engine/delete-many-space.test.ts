import { describe, expect, it } from 'vitest';
import { Cache } from '../../main/engine/index.ts';
import { listRecords, readJournal } from '../journal/journal-fixture.ts';
import { freshDirectory } from './fresh-directory.ts';

const createKeys = (count: number): string[] => Array.from({ length: count }, (_, nth) => `key ${nth}`);

function openFull(count: number, exclusive: boolean): Cache {
  const cache = new Cache(freshDirectory(), { durability: 'process', exclusive });
  cache.setMany(createKeys(count).map((key) => [key, key.padEnd(200, '.')]));
  expect(cache.size).toBe(count);
  return cache;
}

describe('deleteMany', () => {
  it.each([false, true])('gives the space of most items back at once (exclusive: %s)', (exclusive) => {
    using cache = openFull(20_000, exclusive);
    const before = cache.volume();
    expect(cache.deleteMany(createKeys(18_000))).toBe(18_000);
    expect(cache.volume()).toBeLessThan(before / 2);
  });

  it('leaves the deletion of a small part in the journal', () => {
    using cache = openFull(4000, true);
    cache.set('another', 1);
    const before = listRecords(readJournal(cache.directory)).length;
    expect(cache.deleteMany(createKeys(300))).toBe(300);
    expect(listRecords(readJournal(cache.directory))).toHaveLength(before + 1);
    expect(cache.size).toBe(3701);
  });
});
