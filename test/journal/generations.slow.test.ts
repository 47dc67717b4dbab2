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
});
