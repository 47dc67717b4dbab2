import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { Cache } from '../../main/engine/index.ts';
import { freshDirectory } from './fresh-directory.ts';

const failure = (code: string) => expect.objectContaining({ code });

function createFilledCache(): string {
  const directory = freshDirectory();
  using cache = new Cache(directory, { evictionPolicy: 'least-recently-used', statistics: true });
  cache.set('a', 1);
  cache.set('large', 'x'.repeat(50_000));
  cache.push('job');
  return directory;
}

describe('a store that is opened read only', () => {
  it('reads everything and changes nothing', () => {
    const directory = createFilledCache();
    const bytes = readFileSync(join(directory, 'cache.db'));
    {
      using cache = new Cache(directory, { readOnly: true });
      for (let round = 0; round < 3; round++) expect(cache.getMany(['a', 'large'])).toEqual([1, 'x'.repeat(50_000)]);
      expect(cache.has('a')).toBe(true);
      expect(cache.size).toBe(3);
      expect([...cache.keys({ order: 'key', to: 'b' })]).toEqual([500_000_000_000_000, 'a']);
      expect(cache.peek()?.[1]).toBe('job');
      expect(cache.getEntry('a')).toMatchObject({ value: 1 });
      expect(cache.memoize((n: number) => n + 1, { name: 'f' })(1)).toBe(2);
      expect(cache.check()).toEqual([]);
    }
    expect(readFileSync(join(directory, 'cache.db')).equals(bytes)).toBe(true);
  });

  it('refuses every write', async () => {
    using cache = new Cache(createFilledCache(), { readOnly: true });
    const readOnly = failure('READ_ONLY');
    const writes = [
      () => cache.set('a', 2),
      () => cache.set('large', 'y'.repeat(50_000)),
      () => cache.add('b', 2),
      () => cache.touch('a', { ttl: 5 }),
      () => cache.incr('a'),
      () => cache.delete('a'),
      () => cache.pop('a'),
      () => cache.push(1),
      () => cache.pull(),
      () => cache.evict('t'),
      () => cache.expire(),
      () => cache.clear(),
      () => cache.transact(() => 1),
      () => cache.configure({ ttl: 5 }),
      () => cache.subscribe(() => {}),
    ];
    for (const write of writes) expect(write, String(write)).toThrow(readOnly);
    expect(cache.get('a')).toBe(1);
    expect(cache.get('large')).toBe('x'.repeat(50_000));
    expect(cache.check()).toEqual([]);
    expect(readdirSync(join(cache.directory, 'values', 'stage'))).toEqual([]);
  });

  it('sees what others write', async () => {
    const directory = createFilledCache();
    using cache = new Cache(directory, { readOnly: true });
    using writer = new Cache(directory);
    expect(cache.get('a')).toBe(1);
    writer.set('a', 2);
    await new Promise((resolve) => setTimeout(resolve));
    expect(cache.get('a')).toBe(2);
  });
});
