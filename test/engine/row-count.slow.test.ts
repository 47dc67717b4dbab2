import { cpSync, existsSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { Cache } from '../../main/engine/index.ts';
import { freshDirectory } from './fresh-directory.ts';

const MANY = 10_200;
const SESSIONS = 80;
const MAX_STEPS = 12;

/** The generator of Park and Miller, so that a failure can be run again. */
function createRandom(seed: number): (below: number) => number {
  let state = seed;
  return (below) => {
    state = (state * 48_271) % 2_147_483_647;
    return state % below;
  };
}

/** What a killed process leaves. */
function copyLive(directory: string): string {
  const copy = freshDirectory();
  for (const name of ['cache.db', 'cache.db-wal', 'journal-0', 'journal-1'])
    if (existsSync(join(directory, name))) cpSync(join(directory, name), join(copy, name));
  return copy;
}

const expectCounted = (cache: Cache<string, number>, when: string) =>
  expect(cache.size, when).toBe([...cache.keys()].length);

it.each([1, 2, 3, 4])(
  'size is the number of items in sessions of owners and others, closed and killed (seed %i)',
  (seed) => {
    const random = createRandom(seed * 7919);
    let now = 1_000_000;
    let directory = freshDirectory();
    const open = (exclusive: boolean) => new Cache<string, number>(directory, { exclusive, clock: () => now });
    {
      using cache = open(true);
      cache.setMany(Array.from({ length: MANY }, (_, nth) => [`key ${nth}`, nth]));
    }
    const steps: readonly ((cache: Cache<string, number>, key: string) => unknown)[] = [
      (cache, key) => cache.set(key, 1),
      (cache, key) => cache.set(key, 1, { ttl: 50 + random(50) }),
      (cache, key) => cache.set(key, 1, { tag: 'few' }),
      (cache, key) => cache.delete(key),
      (cache, key) => cache.add(key, 1),
      (cache, key) => cache.touch(key, { ttl: 100 }),
      (cache, key) => cache.incr(key),
      (cache) => cache.push(1),
      (cache) => cache.pull(),
      (cache) => cache.evict('few'),
      (cache) => cache.expire(),
      (cache, key) => cache.deletePrefix(key),
      (cache, key) => cache.transact(() => [cache.delete(key), cache.set('in a transaction', 1)]),
      (cache, key) => {
        expect(() =>
          cache.transact(() => {
            cache.delete(key);
            cache.set('undone', 1);
            throw new Error('undone');
          }),
        ).toThrow('undone');
      },
      () => {
        now += 30;
      },
      (cache) => cache.configure({ ttl: Number.POSITIVE_INFINITY }),
    ];
    for (let session = 0; session < SESSIONS; session++) {
      const exclusive = random(3) > 0;
      const isKilled = random(4) === 0;
      const when = `session ${session}, exclusive: ${exclusive}, killed: ${isKilled}`;
      let left: string | undefined;
      {
        using cache = open(exclusive);
        using other = exclusive ? undefined : open(false);
        if (random(2) === 0) expectCounted(cache, `${when}, at first`);
        for (let step = random(MAX_STEPS); step > 0; step--) {
          const store = other !== undefined && random(2) === 0 ? other : cache;
          steps[random(steps.length)]!(store, `key ${random(MANY + 200)}`);
          if (random(6) === 0) expectCounted(cache, when);
        }
        if (isKilled) left = copyLive(directory);
        if (random(2) === 0 && other !== undefined) expectCounted(other, when);
      }
      if (left !== undefined) directory = left;
    }
    using cache = open(true);
    expectCounted(cache, 'at last');
    expect(cache.check()).toEqual([]);
  },
);
