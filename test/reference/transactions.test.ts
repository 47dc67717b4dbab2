import { describe, expect, it } from 'vitest';
import type { Cache } from '../../main/engine/index.ts';
import { failure } from '../failure.ts';
import { large, open, valueFiles } from './opened.ts';

function fail(): never {
  throw new Error('on purpose');
}

describe('15.2 and row 7: a rollback gives file values back (DiskCache had removed them already)', () => {
  const changes: Record<string, (cache: Cache) => unknown> = {
    set: (cache) => cache.set('k', large('new')),
    'set small': (cache) => cache.set('k', 'small'),
    setMany: (cache) => cache.setMany([['k', large('new')]]),
    update: (cache) => cache.update('k', () => large('new')),
    delete: (cache) => cache.delete('k'),
    deleteMany: (cache) => cache.deleteMany(['k']),
    pop: (cache) => cache.pop('k'),
    clear: (cache) => cache.clear(),
    evict: (cache) => cache.evict('t'),
    pull: (cache) => cache.pull(),
  };

  it.each(Object.entries(changes))('%s', (_, change) => {
    using opened = open();
    const { cache } = opened;
    cache.set('k', large('k'), { tag: 't' });
    const queued = cache.push(large('q'));
    const before = [...cache];
    for (const nested of [false, true]) {
      const doomed = () =>
        cache.transact(() => {
          if (nested) cache.transact(() => change(cache));
          else change(cache);
          fail();
        });
      expect(doomed).toThrow('on purpose');
      expect([...cache]).toEqual(before);
      expect(valueFiles(cache.directory)).toHaveLength(2);
      using again = opened.another();
      expect(again.get('k')).toBe(large('k'));
      expect(again.peek()).toEqual([queued, large('q')]);
    }
  });

  it('expire', () => {
    using opened = open();
    const { cache, advance } = opened;
    cache.set('k', large('k'), { ttl: 10 });
    advance(10);
    expect(() => cache.transact(() => cache.expire() && fail())).toThrow('on purpose');
    expect(valueFiles(cache.directory)).toHaveLength(1);
    expect(cache.expire()).toBe(1);
    expect(valueFiles(cache.directory)).toHaveLength(0);
  });
});

describe('row 8: nested transactions', () => {
  it('undo what failed inside, though the error is swallowed (DiskCache kept half of it)', () => {
    using opened = open();
    const { cache } = opened;
    cache.transact(() => {
      cache.set('a', 1);
      try {
        cache.transact(() => {
          cache.set('a', 2);
          cache.set('b', large('b'));
          cache.push('c');
          fail();
        });
      } catch {}
      cache.set('d', cache.get('a'));
    });
    expect([...cache]).toEqual([
      ['a', 1],
      ['d', 1],
    ]);
    expect(cache.peek()).toBeUndefined();
    expect(valueFiles(cache.directory)).toHaveLength(0);
  });

  it('a failed call inside a transaction leaves the rest of it alone', () => {
    using opened = open();
    const { cache } = opened;
    cache.transact(() => {
      cache.set('a', 1);
      expect(() => cache.set('b', () => 1)).toThrow(failure('BAD_VALUE'));
      expect(() => cache.incr('a', Number.NaN)).toThrow(failure('BAD_OPTION'));
      expect(() =>
        cache.setMany([
          ['c', 1],
          ['d', Symbol.iterator],
        ]),
      ).toThrow(failure('BAD_VALUE'));
      cache.set('e', 1);
    });
    expect([...cache.keys()]).toEqual(['a', 'e']);
  });

  it('two flows of one thread cannot join one transaction: a promise is refused and undone', async () => {
    using opened = open();
    const { cache } = opened;
    const late: unknown[] = [];
    const asynchronous = () =>
      // @ts-expect-error: an async function
      cache.transact(async () => {
        cache.set('a', 1);
        await null;
        late.push('went on');
        cache.set('b', 1);
      });
    expect(asynchronous).toThrow(failure('BAD_OPTION'));
    expect(cache.size).toBe(0);
    await new Promise(setImmediate);
    // What stood behind the await is no part of any transaction: a write of its own.
    expect(late).toEqual(['went on']);
    expect([...cache.keys()]).toEqual(['b']);
  });

  it('a walk that was begun before, and one that lives through it, see what is so', () => {
    using opened = open();
    const { cache } = opened;
    cache.setMany([1, 2, 3].map((n) => [n, n] as const));
    const walk = cache.keys();
    expect(walk.next().value).toBe(1);
    expect(() =>
      cache.transact(() => {
        cache.delete(2);
        expect(walk.next().value).toBe(3);
        fail();
      }),
    ).toThrow('on purpose');
    expect([...walk]).toEqual([]);
    expect([...cache.keys()]).toEqual([1, 2, 3]);
  });
});
