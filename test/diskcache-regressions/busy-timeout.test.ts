import { describe, expect, it } from 'vitest';
import type { Cache } from '../../main/engine/index.ts';
import { errorMatching } from '../matchers.ts';
import { createLargeText, listValueFiles, openFixture } from './store-fixture.ts';

/** Two stores on one directory in one thread: while one holds the lock, the other can only time out. */
describe('a lock that is not released', () => {
  const writes: Record<string, (cache: Cache) => unknown> = {
    set: (cache) => cache.set('new', 1),
    'set with a file': (cache) => cache.set('new', createLargeText('n')),
    setMany: (cache) => cache.setMany([['new', 1]]),
    add: (cache) => cache.add('new', 1),
    touch: (cache) => cache.touch('k', { ttl: 1 }),
    update: (cache) => cache.update('k', () => 2),
    incr: (cache) => cache.incr('new'),
    delete: (cache) => cache.delete('k'),
    deleteMany: (cache) => cache.deleteMany(['k']),
    pop: (cache) => cache.pop('k'),
    push: (cache) => cache.push(1),
    pull: (cache) => cache.pull(),
    evict: (cache) => cache.evict('t'),
    clear: (cache) => cache.clear(),
    transact: (cache) => cache.transact(() => cache.get('k')),
  };
  it.each(Object.entries(writes))('%s is BUSY with its cause, changes nothing, and can be repeated', (_, write) => {
    using opened = openFixture();
    const { cache } = opened;
    cache.set('k', 1, { tag: 't' });
    cache.push('queued');
    const before = [...cache];
    using waiting = opened.openAnother({ timeout: 20 });
    cache.transact(() => {
      let caught: unknown;
      try {
        write(waiting);
      } catch (error) {
        caught = error;
      }
      expect(caught).toEqual(errorMatching('BUSY'));
      expect(caught).toMatchObject({
        message: expect.stringContaining(cache.directory),
        cause: { code: expect.stringContaining('SQLITE_BUSY') },
      });
    });
    expect([...waiting]).toEqual(before);
    expect(listValueFiles(cache.directory)).toEqual([]);
    write(waiting);
    cache.set('and the other', 1);
    expect(waiting.get('and the other')).toBe(1);
  });

  it('is waited for as long as the timeout says', () => {
    using opened = openFixture();
    const { cache } = opened;
    using waiting = opened.openAnother({ timeout: 300 });
    const waited = cache.transact(() => {
      const before = performance.now();
      expect(() => waiting.set('k', 1)).toThrow(errorMatching('BUSY'));
      return performance.now() - before;
    });
    // The generous upper bound, for a loaded machine, only distinguishes a timeout from an endless wait.
    expect(waited).toBeGreaterThan(250);
    expect(waited).toBeLessThan(30_000);
  });
});

describe('readers', () => {
  it.each(['least-recently-stored', 'least-recently-used', 'least-frequently-used', 'sieve'] as const)(
    'under %s, with statistics, are never blocked by a writer',
    (evictionPolicy) => {
      using opened = openFixture({ evictionPolicy, statistics: true });
      const { cache } = opened;
      cache.setMany([
        ['k', 1],
        ['file', createLargeText('f')],
      ]);
      cache.push('queued');
      using reader = opened.openAnother({ timeout: 0 });
      cache.transact(() => {
        cache.clear();
        cache.set('k', 2);
        for (let n = 0; n < 100; n++)
          expect(reader.getMany(['k', 'file', n])).toEqual([1, createLargeText('f'), undefined]);
        expect(reader.get('k')).toBe(1);
        expect(reader.has('file')).toBe(true);
        expect(reader.size).toBe(3);
        expect(reader.getEntry('k')?.value).toBe(1);
        expect(reader.peek()?.[1]).toBe('queued');
        expect(reader.peekItem({ last: false })).toEqual(['k', 1]);
        expect([...reader.keys({ order: 'key' })]).toHaveLength(3);
        expect(reader.stats()).toMatchObject({ hits: expect.any(Number) });
        expect(reader.volume()).toBeGreaterThan(50_000);
      });
      expect([...reader]).toEqual([['k', 2]]);
    },
  );

  it('in one transaction see one state and block no writer', () => {
    using opened = openFixture();
    const { cache } = opened;
    cache.setMany([1, 2, 3].map((n) => [n, 'old'] as const));
    using writer = opened.openAnother({ timeout: 0 });
    const walk = cache.entries();
    walk.next();
    expect(cache.getMany([1, 2])).toEqual(['old', 'old']);
    writer.setMany([1, 2, 3].map((n) => [n, 'new'] as const));
    expect(cache.getMany([1, 2, 3])).toEqual(['new', 'new', 'new']);
    walk.return();
  });
});
