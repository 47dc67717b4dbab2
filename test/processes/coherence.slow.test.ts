import { existsSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeAll, describe, expect, it } from 'vitest';
import { Cache, type Key } from '../../main/engine/index.ts';
import { freshDirectory } from '../engine/fresh-directory.ts';
import { type PoolWorker, startWorkers, WORKER_KINDS } from './worker-pool.ts';

/** Every value here is small and read often, so all of them come to be in the memory tier. */
describe.each(WORKER_KINDS)('data written by other %s', (kind) => {
  let other: PoolWorker;
  beforeAll(() => {
    other = startWorkers(kind, 1)[0]!;
  });

  /** Lets the other one set something while this thread is in the middle of a turn. */
  async function set(key: Key, value: unknown, { directory }: { readonly directory: string }) {
    const [release, done] = [join(directory, 'release'), join(directory, 'done')];
    await other.run('open', directory);
    void other.run('setWhen', key, value, release, done);
    return {
      begin: () => writeFileSync(release, ''),
      awaitCommit() {
        for (const start = performance.now(); !existsSync(done); )
          if (performance.now() - start > 20_000) throw new Error('the other one has not set anything');
      },
    };
  }

  it('is read at the next turn, in both directions', async () => {
    using cache = new Cache(freshDirectory());
    await other.run('open', cache.directory);
    for (let round = 1; round <= 200; round++) {
      await other.run('set', 'k', round);
      expect(cache.get('k')).toBe(round);
      expect(cache.get('k')).toBe(round);
      cache.set('k', -round);
      expect(await other.run('get', 'k')).toBe(-round);
      expect(await other.run('get', 'k')).toBe(-round);
    }
  });

  it('is seen by size, has, iteration and misses too', async () => {
    using cache = new Cache(freshDirectory());
    await other.run('open', cache.directory);
    for (let round = 1; round <= 20; round++) {
      expect(cache.get(round)).toBeUndefined();
      await other.run('set', round, round);
      expect(cache.size).toBe(round);
      expect(cache.has(round)).toBe(true);
      expect(cache.get(round)).toBe(round);
      expect([...cache.keys()].at(-1)).toBe(round);
    }
    expect(await other.run('delete', 7)).toBe(true);
    expect(cache.get(7)).toBeUndefined();
    expect(cache.size).toBe(19);
    expect(await other.run('clear')).toBe(19);
    expect(cache.getMany([1, 2, 3])).toEqual([undefined, undefined, undefined]);
    expect(cache.size).toBe(0);
  });

  it('is read by a transaction that begins after it', async () => {
    using cache = new Cache(freshDirectory());
    await other.run('open', cache.directory);
    for (let round = 1; round <= 50; round++) {
      await other.run('set', 'k', round);
      expect(cache.transact(() => cache.update('k', (current) => Number(current) * 2))).toBe(round * 2);
      expect(await other.run('get', 'k')).toBe(round * 2);
    }
  });

  it('is not read inside a transaction that began earlier, and is right after it', async () => {
    using cache = new Cache(freshDirectory());
    const meanwhile = await set('k', 'second', cache);
    cache.set('k', 'first');
    const seen = cache.transact(() => {
      meanwhile.begin();
      return Array.from({ length: 100 }, () => cache.get('k'));
    });
    expect(new Set(seen)).toEqual(new Set(['first']));
    meanwhile.awaitCommit();
    await other.run('get', 'k');
    expect(cache.get('k')).toBe('second');
  });

  const looks: readonly [verb: string, key: string, sees: (cache: Cache) => boolean][] = [
    ['get', 'k', (cache) => cache.get('k') === 'new'],
    ['getMany', 'k', (cache) => cache.getMany(['none', 'k'])[1] === 'new'],
    ['getEntry', 'k', (cache) => cache.getEntry('k')?.value === 'new'],
    ['values', 'k', (cache) => [...cache.values()].includes('new')],
    ['get of a miss', 'other', (cache) => cache.get('other') === 'new'],
    ['has', 'other', (cache) => cache.has('other')],
    ['size', 'other', (cache) => cache.size === 2],
    ['keys', 'other', (cache) => [...cache.keys()].length === 2],
    ['peekItem', 'other', (cache) => cache.peekItem()?.[0] === 'other'],
  ];
  it.each(looks)('becomes visible to %s within one long turn', async (_, key, sees) => {
    using cache = new Cache(freshDirectory());
    cache.set('k', 'old');
    const meanwhile = await set(key, 'new', cache);
    expect([cache.get('k'), cache.get('k'), sees(cache)]).toEqual(['old', 'old', false]);
    meanwhile.begin();
    // One turn of this thread, without an await; the bound is for a machine that has other things to do.
    const start = performance.now();
    while (!sees(cache) && performance.now() - start < 20_000);
    expect(sees(cache)).toBe(true);
  });

  const writes: Record<string, (cache: Cache<string, number>) => unknown> = {
    incr: (cache) => cache.incr('k', 5),
    update: (cache) => cache.update('k', (current) => (current ?? 0) + 5),
    'a transaction': (cache) => cache.transact(() => cache.set('k', (cache.get('k') ?? 0) + 5)),
    'incr after another read': (cache) => [cache.get('k'), cache.has('k'), cache.incr('k', 5)],
  };
  it.each(Object.entries(writes))('is the basis of %s in a turn that has read before', async (_, write) => {
    using cache = new Cache<string, number>(freshDirectory(), { timeout: 0 });
    cache.set('k', 1);
    const meanwhile = await set('k', 100, cache);
    expect([cache.get('k'), cache.has('k'), cache.getMany(['k'])]).toEqual([1, true, [1]]);
    meanwhile.begin();
    meanwhile.awaitCommit();
    write(cache);
    expect(cache.get('k')).toBe(105);
    expect(await other.run('get', 'k')).toBe(105);
  });

  it('a file-backed value replaced over and over is always read whole', async () => {
    using cache = new Cache<string, string>(freshDirectory());
    await other.run('open', cache.directory);
    await other.run('replaceFile', 'k', 1);
    let replacing = true;
    const done = other.run('replaceFile', 'k', 150).finally(() => {
      replacing = false;
    });
    const seen = new Set<string>();
    while (replacing) {
      for (let read = 0; read < 20; read++) {
        const text = cache.get('k')!;
        expect(text.length).toBe(50_000);
        expect(text).toBe(text[0]!.repeat(50_000));
        seen.add(text[0]!);
      }
      await new Promise(setImmediate);
    }
    await done;
    expect(seen.size).toBeGreaterThan(1);
  });
});
