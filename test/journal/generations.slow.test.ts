import { statSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { Cache } from '../../main/engine/index.ts';
import { copyAsKilled, openJournaled } from './journal-fixture.ts';

const listItems = (cache: Cache<string, unknown>): [string, unknown][] => [...cache.entries()];

function readAsKilled(cache: Cache<string, unknown>): [string, unknown][] {
  using found = new Cache<string, unknown>(copyAsKilled(cache));
  expect(found.check()).toEqual([]);
  return listItems(found);
}

describe('two generations of a journal', () => {
  it('keep the stored order of a key that was deleted in one and set in the other', () => {
    using cache = openJournaled();
    for (const key of ['a', 'b', 'c', 'd']) cache.set(key, 1);
    cache.delete('a');
    for (let nth = 0; nth < 16_400; nth++) cache.set(`filler ${nth}`, nth);
    cache.set('a', 2);
    cache.delete('b');
    cache.set('b', 2);
    cache.set('c', 2);
    cache.delete('d');
    cache.delete('filler 7');
    const there = readAsKilled(cache);
    expect(there).toHaveLength(1 + 16_399 + 3);
    expect(there.slice(0, 3)).toEqual([
      ['first', 1],
      ['c', 2],
      ['filler 0', 0],
    ]);
    expect(there.slice(-3)).toEqual([
      ['filler 16399', 16_399],
      ['a', 2],
      ['b', 2],
    ]);
    expect(listItems(cache)).toEqual(there);
  });
  it('stay within their bound when changes come in blocks', () => {
    using cache = openJournaled();
    const value = 'x'.repeat(100);
    for (let block = 0; block < 100; block++) {
      cache.setMany(Array.from({ length: 1000 }, (_, nth) => [`key ${block} ${nth}`, value] as const));
      const bytes = ['journal-0', 'journal-1'].map((file) => statSync(join(cache.directory, file)).size);
      // 16,384 changes of about 200 bytes, and the block that exceeds them.
      expect(Math.max(...bytes)).toBeLessThan(17_400 * 256);
    }
    expect(cache.size).toBe(100_001);
  });
});
