import { describe, expect, it } from 'vitest';
import { getQueueShardIndex, getShardIndex, hashColumn } from '../../main/engine/fanout/open-fanout.ts';
import type { Key } from '../../main/engine/index.ts';
import { encodeKey } from '../../main/engine/values/key.ts';

/** On disk: a change here strands items in the wrong shard. Key, hash, shard of 8, shard of 3. */
const VECTORS: readonly (readonly [Key, number, number, number])[] = [
  ['', 0, 0, 0],
  ['a', 3320656311, 6, 2],
  ['key', 2109281448, 3, 1],
  ['é', 1955056165, 3, 1],
  ['日本', 2995264306, 5, 2],
  ['\u{1f600}', 1354780814, 2, 0],
  [0, 1784077083, 3, 1],
  [-0, 1784077083, 3, 1],
  [1, 3537184954, 6, 2],
  [-1, 2082646693, 3, 1],
  [1.5, 3468907615, 6, 2],
  [Number.NaN, 985228334, 1, 0],
  [Number.POSITIVE_INFINITY, 3717330165, 6, 2],
  [1n, 3603301536, 6, 2],
  [-5n, 2916073121, 5, 2],
  [null, 3739932501, 6, 2],
  [true, 3262305580, 6, 2],
  [false, 3503201641, 6, 2],
  [new Date(0), 21018967, 0, 0],
  [Uint8Array.of(1, 0, 255), 3812247746, 7, 2],
  [[], 3888385161, 7, 2],
  [['user', 42], 3658216558, 6, 2],
  [{ b: [null], a: 1 }, 2527432683, 4, 1],
];

describe('the shard of a key', () => {
  it.each(VECTORS)('%o has a fixed hash', (key, hash, ofEight, ofThree) => {
    expect(hashColumn(encodeKey(key))).toBe(hash);
    expect([getShardIndex(key, 8), getShardIndex(key, 3), getShardIndex(key, 1)]).toEqual([ofEight, ofThree, 0]);
  });

  it('of items of a queue is that of the queue, whatever the form of its prefix', () => {
    expect([getShardIndex(500_000_000_000_000, 8), getQueueShardIndex(undefined, 8)]).toEqual([7, 7]);
    expect([
      getShardIndex(['jobs', 500_000_000_000_003], 8),
      getQueueShardIndex('jobs', 8),
      getQueueShardIndex(['jobs'], 8),
    ]).toEqual([6, 6, 6]);
    expect([getShardIndex(['a', 1, 499_999_999_999_999], 8), getQueueShardIndex(['a', 1], 8)]).toEqual([4, 4]);
    expect(new Set(Array.from({ length: 64 }, (_, n) => getQueueShardIndex(`queue ${n}`, 8))).size).toBe(8);
  });

  it.each([
    ['short decimal strings', (n: number): Key => String(n)],
    ['whole numbers', (n: number): Key => n],
    ['numbered names', (n: number): Key => `key:${n}`],
  ])('spreads %s within ±2 % over 8 shards', (_, keyAt) => {
    const shards = new Uint32Array(8);
    for (let n = 0; n < 1_000_000; n++) shards[getShardIndex(keyAt(n), 8)]!++;
    for (const items of shards) expect(Math.abs(items / 125_000 - 1)).toBeLessThan(0.02);
  });
});
