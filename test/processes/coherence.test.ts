import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeAll, describe, expect, it } from 'vitest';
import { Cache } from '../../main/engine/index.ts';
import { freshDirectory } from '../engine/directory.ts';
import { crew, KINDS, type Member } from './crew.ts';

/** Every value here is small and read often, so all of them come to be in the memory tier. */
describe.each(KINDS)('what other %s write', (kind) => {
  let other: Member;
  beforeAll(() => {
    other = crew(kind, 1)[0]!;
  });

  it('is read at the next turn, in both directions', async () => {
    using cache = new Cache(freshDirectory());
    await other.do('open', cache.directory);
    for (let round = 1; round <= 200; round++) {
      await other.do('set', 'k', round);
      expect(cache.get('k')).toBe(round);
      expect(cache.get('k')).toBe(round);
      cache.set('k', -round);
      expect(await other.do('get', 'k')).toBe(-round);
      expect(await other.do('get', 'k')).toBe(-round);
    }
  });

  it('is seen by size, has, iteration and misses too', async () => {
    using cache = new Cache(freshDirectory());
    await other.do('open', cache.directory);
    for (let round = 1; round <= 20; round++) {
      expect(cache.get(round)).toBeUndefined();
      await other.do('set', round, round);
      expect(cache.size).toBe(round);
      expect(cache.has(round)).toBe(true);
      expect(cache.get(round)).toBe(round);
      expect([...cache.keys()].at(-1)).toBe(round);
    }
    expect(await other.do('delete', 7)).toBe(true);
    expect(cache.get(7)).toBeUndefined();
    expect(cache.size).toBe(19);
    expect(await other.do('clear')).toBe(19);
    expect(cache.getMany([1, 2, 3])).toEqual([undefined, undefined, undefined]);
    expect(cache.size).toBe(0);
  });

  it('is read by a transaction, which begins after it', async () => {
    using cache = new Cache(freshDirectory());
    await other.do('open', cache.directory);
    for (let round = 1; round <= 50; round++) {
      await other.do('set', 'k', round);
      expect(cache.transact(() => cache.update('k', (current) => Number(current) * 2))).toBe(round * 2);
      expect(await other.do('get', 'k')).toBe(round * 2);
    }
  });

  it('is not read inside a transaction that began before it, and is right after it', async () => {
    using cache = new Cache(freshDirectory());
    const release = join(cache.directory, 'release');
    await other.do('open', cache.directory);
    cache.set('k', 'first');
    const seen = cache.transact(() => {
      void other.do('setWhen', 'k', 'second', release);
      writeFileSync(release, '');
      return Array.from({ length: 100 }, () => cache.get('k'));
    });
    expect(new Set(seen)).toEqual(new Set(['first']));
    expect(await other.do('get', 'k')).toBe('second');
    expect(cache.get('k')).toBe('second');
  });

  it('comes to be seen within one long turn', async () => {
    using cache = new Cache(freshDirectory());
    const release = join(cache.directory, 'release');
    await other.do('open', cache.directory);
    cache.set('k', 'old');
    expect(cache.get('k')).toBe('old');
    const writing = other.do('setWhen', 'k', 'new', release);
    writeFileSync(release, '');
    // One turn of this thread, without an await; the bound is for a machine that has other things to do.
    const start = performance.now();
    while (cache.get('k') === 'old' && performance.now() - start < 20_000);
    expect(cache.get('k')).toBe('new');
    await writing;
  });

  it('a file-backed value replaced over and over is always read whole', async () => {
    using cache = new Cache<string, string>(freshDirectory());
    await other.do('open', cache.directory);
    await other.do('replaceFile', 'k', 1);
    let replacing = true;
    const done = other.do('replaceFile', 'k', 150).finally(() => {
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
