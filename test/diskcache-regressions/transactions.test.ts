import { describe, expect, it } from 'vitest';
import type { Cache } from '../../main/engine/index.ts';
import { errorMatching } from '../matchers.ts';
import { createLargeText, listValueFiles, openFixture } from './store-fixture.ts';

function throwError(): never {
  throw new Error('on purpose');
}

describe('a rollback restores values in files (DiskCache had already removed them)', () => {
  const changes: Record<string, (cache: Cache) => unknown> = {
    set: (cache) => cache.set('k', createLargeText('new')),
    'set small': (cache) => cache.set('k', 'small'),
    setMany: (cache) => cache.setMany([['k', createLargeText('new')]]),
    update: (cache) => cache.update('k', () => createLargeText('new')),
    delete: (cache) => cache.delete('k'),
    deleteMany: (cache) => cache.deleteMany(['k']),
    pop: (cache) => cache.pop('k'),
    clear: (cache) => cache.clear(),
    evict: (cache) => cache.evict('t'),
    pull: (cache) => cache.pull(),
  };

  it.each(Object.entries(changes))('%s', (_, change) => {
    using opened = openFixture();
    const { cache } = opened;
    cache.set('k', createLargeText('k'), { tag: 't' });
    const queued = cache.push(createLargeText('q'));
    const before = [...cache];
    for (const nested of [false, true]) {
      const doomed = () =>
        cache.transact(() => {
          if (nested) cache.transact(() => change(cache));
          else change(cache);
          throwError();
        });
      expect(doomed).toThrow('on purpose');
      expect([...cache]).toEqual(before);
      expect(listValueFiles(cache.directory)).toHaveLength(2);
      using again = opened.openAnother();
      expect(again.get('k')).toBe(createLargeText('k'));
      expect(again.peek()).toEqual([queued, createLargeText('q')]);
    }
  });

  it('expire', () => {
    using opened = openFixture();
    const { cache, advance } = opened;
    cache.set('k', createLargeText('k'), { ttl: 10 });
    advance(10);
    expect(() => cache.transact(() => cache.expire() && throwError())).toThrow('on purpose');
    expect(listValueFiles(cache.directory)).toHaveLength(1);
    expect(cache.expire()).toBe(1);
    expect(listValueFiles(cache.directory)).toHaveLength(0);
  });
});

describe('nested transactions', () => {
  it('roll back a failed part even if its error is caught (DiskCache kept half of it)', () => {
    using opened = openFixture();
    const { cache } = opened;
    cache.transact(() => {
      cache.set('a', 1);
      try {
        cache.transact(() => {
          cache.set('a', 2);
          cache.set('b', createLargeText('b'));
          cache.push('c');
          throwError();
        });
      } catch {}
      cache.set('d', cache.get('a'));
    });
    expect([...cache]).toEqual([
      ['a', 1],
      ['d', 1],
    ]);
    expect(cache.peek()).toBeUndefined();
    expect(listValueFiles(cache.directory)).toHaveLength(0);
  });

  it('a failed call inside a transaction leaves the rest unchanged', () => {
    using opened = openFixture();
    const { cache } = opened;
    cache.transact(() => {
      cache.set('a', 1);
      expect(() => cache.set('b', (() => 1) as never)).toThrow(errorMatching('BAD_VALUE'));
      expect(() => cache.incr('a', Number.NaN)).toThrow(errorMatching('BAD_OPTION'));
      expect(() =>
        cache.setMany([
          ['c', 1],
          ['d', Symbol.iterator as never],
        ]),
      ).toThrow(errorMatching('BAD_VALUE'));
      cache.set('e', 1);
    });
    expect([...cache.keys()]).toEqual(['a', 'e']);
  });

  it('two flows of one thread cannot join one transaction: a promise is refused and undone', async () => {
    using opened = openFixture();
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
    expect(asynchronous).toThrow(errorMatching('BAD_OPTION'));
    expect(cache.size).toBe(0);
    await new Promise(setImmediate);
    // Code after the await is not part of a transaction: it is a write of its own.
    expect(late).toEqual(['went on']);
    expect([...cache.keys()]).toEqual(['b']);
  });

  it('an iteration started before a transaction, or spanning it, sees the current state', () => {
    using opened = openFixture();
    const { cache } = opened;
    cache.setMany([1, 2, 3].map((n) => [n, n] as const));
    const walk = cache.keys();
    expect(walk.next().value).toBe(1);
    expect(() =>
      cache.transact(() => {
        cache.delete(2);
        expect(walk.next().value).toBe(3);
        throwError();
      }),
    ).toThrow('on purpose');
    expect([...walk]).toEqual([]);
    expect([...cache.keys()]).toEqual([1, 2, 3]);
  });
});
