import { rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it, vi } from 'vitest';
import { Cache } from '../../main/engine/index.ts';
import { Statement } from '../../main/engine/sqlite/connection.ts';
import { listValueFiles } from '../diskcache-regressions/store-fixture.ts';
import { errorMatching } from '../matchers.ts';
import { createManualClock } from './engine-fixture.ts';
import { freshDirectory } from './fresh-directory.ts';

const large = (fill: number, bytes = 50_000): Uint8Array => new Uint8Array(bytes).fill(fill);

function countRowReads(work: () => void): number {
  using spy = vi.spyOn(Statement.prototype, 'first');
  work();
  return spy.mock.calls.length;
}

describe.each([{ exclusive: false }, { exclusive: true }])('a large value that is read again, with %o', (options) => {
  it('needs no look at its row', () => {
    // A long turn looks at other connections again.
    using _now = vi.spyOn(performance, 'now').mockReturnValue(0);
    using cache = new Cache<string, Uint8Array>(freshDirectory(), options);
    cache.set('a', large(1));
    for (let time = 0; time < 2; time++) expect(cache.get('a')).toEqual(large(1));
    expect(countRowReads(() => expect(cache.get('a')).toEqual(large(1)))).toBe(0);
    expect(cache.getMany(['a', 'b'])).toEqual([large(1), undefined]);
  });

  it('is what was set, touched or deleted last', () => {
    const { clock, advance } = createManualClock();
    using cache = new Cache<string, unknown>(freshDirectory(), { ...options, clock });
    cache.set('a', large(1));
    expect(cache.get('a')).toEqual(large(1));
    cache.set('a', large(2, 60_000));
    expect(cache.get('a')).toEqual(large(2, 60_000));
    cache.set('a', 'small');
    expect(cache.get('a')).toBe('small');
    cache.set('a', large(3), { ttl: 10 });
    expect(cache.get('a')).toEqual(large(3));
    cache.touch('a', { ttl: 100 });
    advance(50);
    expect(cache.get('a')).toEqual(large(3));
    advance(50);
    expect(cache.get('a')).toBeUndefined();
    cache.set('b', large(4));
    expect(cache.get('b')).toEqual(large(4));
    expect([cache.delete('b'), cache.get('b')]).toEqual([true, undefined]);
  });

  it('is as before after a transaction that failed', () => {
    using cache = new Cache<string, Uint8Array>(freshDirectory(), options);
    cache.set('a', large(1));
    expect(cache.get('a')).toEqual(large(1));
    const work = () =>
      cache.transact(() => {
        cache.set('a', large(2));
        expect(cache.get('a')).toEqual(large(2));
        throw new Error('no');
      });
    expect(work).toThrow('no');
    expect(cache.get('a')).toEqual(large(1));
  });

  it('is reported when its file is gone or damaged since', () => {
    const directory = freshDirectory();
    using cache = new Cache<string, Uint8Array>(directory, options);
    for (const harm of [(path: string) => writeFileSync(path, large(9)), (path: string) => rmSync(path)]) {
      cache.set('a', large(1));
      expect(cache.get('a')).toEqual(large(1));
      for (const path of listValueFiles(directory)) harm(path);
      expect(() => cache.get('a')).toThrow(errorMatching('CORRUPT', join(directory, 'values')));
      expect(cache.delete('a')).toBe(true);
    }
  });

  it('counts each read as one hit', () => {
    using cache = new Cache<string, Uint8Array>(freshDirectory(), {
      ...options,
      statistics: true,
      evictionPolicy: 'least-frequently-used',
    });
    cache.set('a', large(1));
    for (let time = 0; time < 3; time++) cache.get('a');
    expect([cache.stats(), cache.getEntry('a')?.hits]).toEqual([{ hits: 3, misses: 0 }, 3]);
  });
});

describe('a large value that another connection', () => {
  it.each([
    ['replaces', large(2)],
    ['makes small', large(3, 10)],
    ['deletes', undefined],
  ])('%s is not the one in memory', (_, value) => {
    const directory = freshDirectory();
    using cache = new Cache<string, Uint8Array>(directory);
    using other = new Cache<string, Uint8Array>(directory);
    cache.set('a', large(1));
    for (let time = 0; time < 2; time++) expect(cache.get('a')).toEqual(large(1));
    if (value === undefined) other.delete('a');
    else other.set('a', value);
    expect(cache.get('a')).toEqual(value);
  });
});
