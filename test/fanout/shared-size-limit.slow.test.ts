import { describe, expect, it } from 'vitest';
import {
  type Cache,
  type CacheMethods,
  type EvictionPolicyName,
  FanoutCache,
  type FanoutOptions,
} from '../../main/engine/index.ts';
import { createManualClock } from '../engine/engine-fixture.ts';
import { freshDirectory } from '../engine/fresh-directory.ts';

const KiB = 1024;
const MiB = 1024 * KiB;

function open(options: FanoutOptions) {
  const { clock, advance } = createManualClock();
  const fanout = new FanoutCache<number, unknown>(freshDirectory(), {
    clock,
    shards: 4,
    sizeLimit: 2 * MiB,
    ...options,
  });
  return { fanout, advance, [Symbol.dispose]: () => fanout.close() };
}

const block = () => new Uint8Array(64 * KiB).fill(7);
const POLICIES = ['least-recently-stored', 'least-recently-used', 'least-frequently-used', 'sieve'] as const;

describe.each(POLICIES)('one limit over all shards, %s', (evictionPolicy) => {
  it('holds for files', () => {
    using opened = open({ evictionPolicy });
    const { fanout } = opened;
    for (let n = 0; n < 60; n++) {
      fanout.set(n, block());
      expect(fanout.volume()).toBeLessThanOrEqual(2 * MiB);
      expect(fanout.has(n)).toBe(true);
    }
    expect(fanout.size).toBeGreaterThan(15);
  });

  it('holds for rows', () => {
    using opened = open({ evictionPolicy });
    const { fanout } = opened;
    for (let first = 0; first < 2400; first += 40) {
      fanout.setMany(Array.from({ length: 40 }, (_, n) => [first + n, `value ${n}`.padEnd(1000)] as const));
      expect(fanout.volume()).toBeLessThanOrEqual(2 * MiB);
      fanout.getMany([first - 50, first - 100, first]);
    }
    for (let n = 2400; n < 2600; n++) {
      fanout.set(n, `value ${n}`.padEnd(1000));
      expect(fanout.volume()).toBeLessThanOrEqual(2 * MiB);
    }
    expect(fanout.size).toBeGreaterThan(700);
    expect(fanout.has(2599)).toBe(true);
  });

  it('evicts only as much as needed', () => {
    using opened = open({ evictionPolicy });
    const { fanout } = opened;
    let next = 0;
    fanout.set(0, block());
    while (fanout.has(0)) fanout.set(++next, block());
    const { size } = fanout;
    expect(size).toBe(next);
    for (let n = 0; n < 5; n++) fanout.set(++next, block());
    expect(fanout.size).toBe(size);
  });
});

/** Sets 0…15, lets them be used, adds others until `count` of the sixteen are gone, and answers them in the order they went. */
function findEvicted(
  evictionPolicy: EvictionPolicyName,
  count: number,
  use: (fanout: CacheMethods<number, unknown>) => void,
): number[] {
  using opened = open({ evictionPolicy });
  const { fanout } = opened;
  for (let n = 0; n < 16; n++) fanout.set(n, block());
  use(fanout);
  const evicted: number[] = [];
  for (let next = 100; evicted.length < count && next < 200; next++) {
    fanout.set(next, block());
    for (let reads = 0; reads < 20; reads++) fanout.get(next);
    for (let n = 0; n < 16; n++) if (!evicted.includes(n) && !fanout.has(n)) evicted.push(n);
  }
  return evicted;
}

describe('the evicted item, of all shards', () => {
  it('is the one that was set longest ago', () => {
    expect(findEvicted('least-recently-stored', 8, (fanout) => fanout.set(1, block()))).toEqual([
      0, 2, 3, 4, 5, 6, 7, 8,
    ]);
  });

  it('is the one that was used longest ago', () => {
    expect(findEvicted('least-recently-used', 8, (fanout) => fanout.getMany([0, 2, 5]))).toEqual([
      1, 3, 4, 6, 7, 8, 9, 10,
    ]);
  });

  it('is the one that was used least often, then longest ago', () => {
    const use = (fanout: CacheMethods<number, unknown>) => {
      for (let n = 0; n < 16; n++) for (let reads = 0; reads < 1 + (n % 4); reads++) fanout.get(n);
    };
    expect(findEvicted('least-frequently-used', 6, use)).toEqual([0, 4, 8, 12, 1, 5]);
  });

  it('is the first the hand finds unvisited', () => {
    expect(findEvicted('sieve', 5, (fanout) => fanout.getMany([0, 1, 3, 6]))).toEqual([2, 4, 5, 7, 8]);
  });

  it('does not exist under "none"', () => {
    using opened = open({ evictionPolicy: 'none' });
    const { fanout } = opened;
    const fill = () => {
      for (let n = 0; n < 100; n++) fanout.set(n, block());
    };
    expect(fill).toThrow(
      expect.objectContaining({ code: 'DISK_FULL', message: expect.stringContaining(fanout.directory) }),
    );
    const { size } = fanout;
    expect(size).toBeGreaterThan(15);
    expect([fanout.cull(), fanout.size, fanout.delete(0)]).toEqual([0, size, true]);
    fanout.set(1000, block());
    expect(fanout.volume()).toBeLessThanOrEqual(2 * MiB);
  });
});

describe('the limit', () => {
  it('is not cut into shards: one item may take nearly all, a larger one is refused and evicts nothing', () => {
    using opened = open({});
    const { fanout } = opened;
    fanout.set(1, 1);
    fanout.set(2, new Uint8Array(MiB));
    expect(fanout.get(2)).toEqual(new Uint8Array(MiB));
    expect(() => fanout.set(3, new Uint8Array(2 * MiB))).toThrow(expect.objectContaining({ code: 'TOO_LARGE' }));
    expect([...fanout.keys()]).toEqual([1, 2]);
  });

  it('holds for named shards too: items of unopened ones are evicted for the others', () => {
    using opened = open({});
    const { fanout } = opened;
    const window: Cache<number, unknown> = fanout.shard('window 1');
    for (let n = 0; n < 10; n++) window.set(n, block());
    for (let n = 0; n < 60; n++) {
      fanout.set(n, block());
      expect(fanout.volume()).toBeLessThanOrEqual(2 * MiB);
    }
    expect(window.size).toBe(0);
    window.set(1, block());
    for (let n = 0; n < 5; n++) fanout.set(100 + n, block());
    expect([window.has(1), fanout.has(104)]).toEqual([true, true]);
  });

  it('counts named shards that are not open, and those of another handle', () => {
    const directory = freshDirectory();
    {
      using fanout = new FanoutCache<number, unknown>(directory, { shards: 2, sizeLimit: 2 * MiB });
      const window = fanout.shard('w');
      for (let n = 0; n < 20; n++) window.set(n, block());
    }
    using fanout = new FanoutCache<number, unknown>(directory);
    for (let n = 0; n < 20; n++) fanout.set(n, block());
    expect(fanout.volume()).toBeLessThanOrEqual(2 * MiB);
    expect(fanout.size).toBe(20);
    expect(fanout.shard('w').size).toBeLessThan(15);
  });

  it('lowered, is reached by cull', () => {
    using opened = open({ sizeLimit: 16 * MiB, evictionPolicy: 'least-recently-used' });
    const { fanout, advance } = opened;
    for (let n = 0; n < 60; n++) fanout.set(n, block(), n % 2 === 0 ? { ttl: 10 } : {});
    fanout.configure({ sizeLimit: 2 * MiB });
    advance(10);
    expect(fanout.cull()).toBeGreaterThan(30);
    expect(fanout.volume()).toBeLessThanOrEqual(2 * MiB);
    expect([...fanout.keys()]).toEqual(Array.from({ length: 30 }, (_, n) => 2 * n + 1).slice(-fanout.size));
  });

  it('makes room for what a rolled back transaction asked for only when something is stored', () => {
    using opened = open({});
    const { fanout } = opened;
    for (let n = 0; n < 20; n++) fanout.set(n, block());
    const keys = [...fanout.keys()];
    const fail = () =>
      fanout.transact(() => {
        for (let n = 100; n < 120; n++) fanout.set(n, block());
        throw new Error('on purpose');
      });
    expect(fail).toThrow('on purpose');
    expect([...fanout.keys()]).toEqual(keys);
    fanout.set(200, block());
    expect(fanout.has(200)).toBe(true);
    expect(fanout.volume()).toBeLessThanOrEqual(2 * MiB);
  });
});
