import { describe, expect, it } from 'vitest';
import { type Cache, FanoutCache, type FanoutOptions, type Key } from '../../main/engine/index.ts';
import type { Cursor, Projection } from '../../protocol/contract.ts';
import type { Range } from '../../protocol/options.ts';
import { createManualClock } from '../engine/engine-fixture.ts';
import { freshDirectory } from '../engine/fresh-directory.ts';

const open = (options: FanoutOptions = {}) =>
  new FanoutCache<Key, unknown>(freshDirectory(), { shards: 5, ...options });

/** All items by pages, each cursor through what a message to a page does to it. */
function readPages(
  fanout: Pick<Cache<Key, unknown>, 'page'>,
  of: Projection,
  range: Range,
): { items: unknown[]; pages: number } {
  const items: unknown[] = [];
  let pages = 0;
  for (let after: Cursor; ; ) {
    const { items: more, next } = fanout.page(of, range, structuredClone(after));
    items.push(...more);
    pages++;
    if (next === undefined) return { items, pages };
    after = next;
  }
}

describe('order over shards', () => {
  it('is the order of first setting, even when the clock stands still or goes back', () => {
    const { clock, advance } = createManualClock(5);
    using fanout = open({ clock });
    const keys = Array.from({ length: 400 }, (_, n) => `key ${(n * 37) % 400}`);
    for (const [n, key] of keys.entries()) {
      fanout.set(key, n);
      if (n === 200) advance(-3);
    }
    fanout.set(keys[7]!, 'again');
    expect([...fanout.keys()]).toEqual(keys);
    expect([...fanout.keys({ reverse: true })]).toEqual(keys.toReversed());
    expect(fanout.peekItem({ last: false })).toEqual([keys[0], 0]);
    expect(fanout.peekItem()).toEqual([keys[399], 399]);
    fanout.close();
    using again = new FanoutCache<Key, unknown>(fanout.directory, { clock: () => 1 });
    for (let n = 0; n < 20; n++) again.set(`after ${n}`, n);
    expect([...again.keys()].slice(400)).toEqual(Array.from({ length: 20 }, (_, n) => `after ${n}`));
  });

  it('is by the clock between processes, and each key is met once where places are equal', () => {
    const { clock } = createManualClock();
    using one = open({ clock });
    using other = new FanoutCache<Key, unknown>(one.directory, { clock });
    for (let n = 0; n < 50; n++) {
      one.set(`one ${n}`, n);
      other.set(`other ${n}`, n);
    }
    for (const reverse of [false, true]) {
      const walked = [...one.keys({ reverse })];
      expect(new Set(walked).size).toBe(100);
      const ones = walked.filter((key) => String(key).startsWith('one'));
      const expected = Array.from({ length: 50 }, (_, n) => `one ${n}`);
      expect(ones).toEqual(reverse ? expected.reverse() : expected);
      expect(readPages(one, 'keys', { reverse }).items).toEqual(walked);
      for (let limit = 1; limit < 100; limit += 7)
        expect([...one.keys({ reverse, limit })]).toEqual(walked.slice(0, limit));
    }
  });

  it.each(['stored', 'key'] as const)('is the same by pages in %s order, bounded in items and bytes', (order) => {
    using fanout = open();
    fanout.setMany(Array.from({ length: 3000 }, (_, n) => [(n * 7) % 3000, n] as const));
    const all = [...fanout.keys({ order })];
    expect(all).toEqual(order === 'key' ? Array.from({ length: 3000 }, (_, n) => n) : all);
    for (const range of [{ order }, { order, reverse: true }, { order, from: 100, to: 2000, limit: 777 }]) {
      const { items, pages } = readPages(fanout, 'keys', range);
      expect(items).toEqual([...fanout.keys(range)]);
      expect(pages).toBeGreaterThan(1);
      expect(pages).toBeLessThan(30);
    }
    for (let n = 0; n < 30; n++) fanout.set(`large ${n}`, 'x'.repeat(200_000));
    const first = fanout.page('values', { prefix: 'large' });
    expect(first.items.length).toBeLessThan(12);
    expect(readPages(fanout, 'values', { prefix: 'large' }).items).toHaveLength(30);
  });

  it('refuses a cursor of something else', () => {
    using fanout = open();
    for (const cursor of [
      5,
      {},
      { at: 1, seen: 0 },
      { at: 'x', seen: 0, shard: 0 },
      { at: 1, seen: -1, shard: 0 },
      { at: 1, seen: 0, shard: 5 },
    ]) {
      expect(() => fanout.page('keys', {}, cursor)).toThrow(expect.objectContaining({ code: 'BAD_OPTION' }));
    }
    expect(() => fanout.page('sizes' as 'keys')).toThrow(expect.objectContaining({ code: 'BAD_OPTION' }));
  });
});

describe('a walk over shards', () => {
  it.each(['stored', 'key'] as const)(
    'in %s order meets what is added in front and not what is deleted before its turn',
    (order) => {
      using fanout = open();
      for (let n = 0; n < 200; n += 2) fanout.set(n, n);
      const met: Key[] = [];
      for (const key of fanout.keys({ order })) {
        met.push(key);
        if (key === 50) {
          for (let n = 100; n < 150; n += 2) fanout.delete(n);
          for (let n = 1; n < 400; n += 2) fanout.set(n, n);
        }
      }
      const kept = Array.from({ length: 200 }, (_, n) => n).filter((n) => n % 2 === 0 && !(n >= 100 && n < 150));
      const added = Array.from({ length: 200 }, (_, n) => 2 * n + 1).filter((n) => order === 'stored' || n > 50);
      const expected = [...kept, ...added];
      expect(met).toEqual(order === 'key' ? expected.sort((a, b) => a - b) : expected);
    },
  );

  it('ends with the store', () => {
    const fanout = open();
    fanout.setMany([0, 1, 2].map((n) => [n, n]));
    const walk = fanout.values();
    walk.next();
    fanout.close();
    expect(() => walk.next()).toThrow(expect.objectContaining({ code: 'CLOSED' }));
  });
});
