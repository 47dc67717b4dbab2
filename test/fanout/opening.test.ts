import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { Cache, FanoutCache, type FanoutOptions, reopen } from '../../main/engine/index.ts';
import { freshDirectory } from '../engine/fresh-directory.ts';
import { errorMatching } from '../matchers.ts';

const manifest = (directory: string) => join(directory, 'fanout.json');

describe('the number of shards', () => {
  it('is kept in the directory, and another one is refused by both numbers', () => {
    const directory = freshDirectory();
    {
      using fanout = new FanoutCache(directory, { shards: 3 });
      fanout.set('k', 1);
      expect(JSON.parse(readFileSync(manifest(directory), 'utf8'))).toEqual({
        format: 1,
        shards: 3,
        folder: 'shards',
        id: expect.stringMatching(/^[0-9a-f-]{36}$/),
      });
    }
    expect(() => new FanoutCache(directory, { shards: 4 })).toThrow(
      errorMatching('BAD_OPTION', /3 shards, not 4; leave/),
    );
    using again = new FanoutCache(directory);
    expect([again.shards, again.get('k')]).toEqual([3, 1]);
    expect(readdirSync(directory).filter((name) => name.startsWith('fanout'))).toEqual(['fanout.json']);
  });

  it.each([0, -1, 1.5, 257, Number.NaN, '8'])('is not %o', (shards) => {
    const directory = freshDirectory();
    expect(() => new FanoutCache(directory, { shards } as FanoutOptions)).toThrow(
      errorMatching('BAD_OPTION', /1 to 256/),
    );
    expect(readdirSync(directory)).toEqual([]);
  });
});

describe('a directory', () => {
  it('of a plain cache is refused and left alone', () => {
    const directory = freshDirectory();
    new Cache(directory).close();
    expect(() => new FanoutCache(directory)).toThrow(errorMatching('BAD_OPTION', /plain cache/));
    expect(existsSync(manifest(directory))).toBe(false);
  });

  it('with a damaged or a newer manifest is refused', () => {
    const directory = freshDirectory();
    for (const text of ['', '{', '{"format":1}', '{"format":1,"shards":8,"folder":"../elsewhere"}']) {
      writeFileSync(manifest(directory), text);
      expect(() => new FanoutCache(directory)).toThrow(errorMatching('CORRUPT', /fanout\.json/));
    }
    writeFileSync(manifest(directory), '{"format":2,"shards":8,"folder":"shards"}');
    expect(() => new FanoutCache(directory)).toThrow(errorMatching('UNSUPPORTED_VERSION'));
    expect(readdirSync(directory)).toEqual(['fanout.json']);
  });

  it('that is invalid, or invalid options, create nothing', () => {
    for (const path of ['', 'a\0b', 5 as unknown as string])
      expect(() => new FanoutCache(path)).toThrow(errorMatching('BAD_OPTION'));
    const directory = freshDirectory();
    expect(() => new FanoutCache(directory, { evictionPolicy: 'x' as 'none' })).toThrow(errorMatching('BAD_OPTION'));
    expect(() => new FanoutCache(directory, { shard: 3 } as FanoutOptions)).toThrow(
      errorMatching('BAD_OPTION', /shard/),
    );
    expect(() => new FanoutCache(directory, { readOnly: true })).toThrow(errorMatching('NO_SUCH_STORE'));
    expect(readdirSync(directory)).toEqual([]);
    const file = join(directory, 'file');
    writeFileSync(file, '');
    expect(() => new FanoutCache(file)).toThrow(errorMatching('BAD_OPTION'));
  });
});

describe('settings', () => {
  it('hold for all shards, survive reopening, and follow the first shard after a crash between two', () => {
    const directory = freshDirectory();
    {
      using fanout = new FanoutCache(directory, { shards: 2, ttl: 50, sizeLimit: 2 ** 24 });
      fanout.configure({ evictionPolicy: 'sieve', statistics: true });
      expect(() => fanout.configure({ ttl: -1 })).toThrow(errorMatching('BAD_OPTION'));
    }
    using half = new Cache(join(directory, 'shards', '001'));
    half.configure({ ttl: 70, evictionPolicy: 'none' });
    half.close();
    const now = 1000;
    using fanout = new FanoutCache<number, number>(directory, { clock: () => now });
    for (let n = 0; n < 20; n++) fanout.set(n, n);
    expect(Array.from({ length: 20 }, (_, n) => fanout.getEntry(n)?.expiresAt)).toEqual(new Array(20).fill(1050));
    fanout.getMany([1, 2, 3, 99]);
    expect(fanout.stats({ reset: true })).toEqual({ hits: 3, misses: 1 });
    expect(fanout.stats()).toEqual({ hits: 0, misses: 0 });
  });
});

describe('a FanoutCache', () => {
  it('is read where it may not be written', () => {
    const directory = freshDirectory();
    using writer = new FanoutCache(directory, { shards: 2 });
    writer.set('k', 1);
    using reader = new FanoutCache(directory, { readOnly: true });
    expect(reader.get('k')).toBe(1);
    expect(() => reader.set('k', 2)).toThrow(errorMatching('READ_ONLY'));
    expect(() => reader.transact(() => reader.set('k', 2))).toThrow(errorMatching('READ_ONLY'));
    expect(reader.inTransaction).toBe(false);
  });

  it('can be held alone', () => {
    const directory = freshDirectory();
    using alone = new FanoutCache<string, number>(directory, { shards: 2, exclusive: true });
    alone.transact(() =>
      alone.setMany([
        ['a', 1],
        ['b', 2],
        ['c', 3],
      ]),
    );
    alone.shard('w').set('k', 1);
    expect([...alone.values()]).toEqual([1, 2, 3]);
    expect(() => new FanoutCache(directory, { timeout: 10 })).toThrow(errorMatching('BUSY', /exclusive/));
  });

  it('opens again from its description', () => {
    using fanout = new FanoutCache<string, number>(freshDirectory(), { shards: 2, timeout: 77, memory: 1000 });
    fanout.set('k', 1);
    const description = structuredClone(fanout.describe());
    expect(description.options).toMatchObject({ timeout: 77, memory: 1000 });
    using again = reopen(description);
    expect([again.get('k'), again.shards]).toEqual([1, 2]);
  });

  it('says that it is closed, and closes twice', () => {
    const fanout = new FanoutCache(freshDirectory(), { shards: 2 });
    const shard = fanout.shard('w');
    fanout.close();
    fanout.close();
    for (const call of [() => fanout.get(1), () => fanout.size, () => fanout.keys(), () => fanout.transact(() => 1)]) {
      expect(call).toThrow(errorMatching('CLOSED'));
    }
    expect(() => shard.get(1)).toThrow(errorMatching('CLOSED'));
  });

  it('makes its folder where parents are missing', () => {
    const directory = join(freshDirectory(), 'a', 'b');
    mkdirSync(join(directory, '..'));
    using fanout = new FanoutCache(join(directory, 'c'), { shards: 1 });
    fanout.set(1, 1);
    expect(fanout.get(1)).toBe(1);
  });
});
