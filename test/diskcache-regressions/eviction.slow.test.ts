import { statSync } from 'node:fs';
import { join } from 'node:path';
import Database from 'better-sqlite3';
import { describe, expect, it, vi } from 'vitest';
import type { Cache, EvictionPolicyName } from '../../main/engine/index.ts';
import { errorMatching } from '../matchers.ts';
import { listValueFiles, openFixture } from './store-fixture.ts';

const KiB = 1024;
const MiB = 1024 * KiB;
const POLICIES = ['least-recently-stored', 'least-recently-used', 'least-frequently-used', 'sieve'] as const;

const bytes = (count: number): Uint8Array => new Uint8Array(count).fill(1);

/** Stores items of 40 KiB (files) or 4 KiB (rows) under increasing numbers until one is evicted. Returns its key. */
function findFirstEvicted(cache: Cache<number>, size: number, from: number): number {
  const keys = new Set(cache.keys());
  for (let next = from; ; next++) {
    cache.set(next, bytes(size));
    keys.add(next);
    const there = new Set(cache.keys());
    expect(there.has(next)).toBe(true);
    const evicted = [...keys].find((key) => !there.has(key));
    if (evicted !== undefined) return evicted;
  }
}

describe.each([
  ['files', 40 * KiB],
  ['rows', 4 * KiB],
])('eviction order, with items in %s', (_, size) => {
  /** Ten items, followed by uses that the policy must notice. */
  function tenth(policy: EvictionPolicyName, use: (cache: Cache<number>) => void): number {
    using opened = openFixture<number>({ evictionPolicy: policy, sizeLimit: 2 * MiB });
    const { cache, advance } = opened;
    for (let n = 0; n < 10; n++) cache.set(n, bytes(size));
    advance(1000);
    use(cache);
    advance(1000);
    // Reads of new items, so that least-frequently-used chooses among the old ones.
    const seen = cache.set.bind(cache);
    cache.set = (key, value) => {
      seen(key, value);
      for (let reads = 0; reads < 5; reads++) cache.get(key);
    };
    return findFirstEvicted(cache, size, 100);
  }

  it('least-recently-stored: the item that was set first; reads, touch and update do not count', () => {
    const use = (cache: Cache<number>) => {
      cache.set(0, bytes(size));
      cache.get(1);
      cache.touch(1, { ttl: 1_000_000 });
    };
    expect(tenth('least-recently-stored', use)).toBe(1);
  });

  it('least-recently-used: get and getMany count; has, peekItem and iteration do not', () => {
    const use = (cache: Cache<number>) => {
      cache.get(0);
      cache.getMany([1, 2]);
      cache.has(3);
      cache.peekItem({ last: false });
      expect([...cache.values()]).toHaveLength(10);
    };
    expect(tenth('least-recently-used', use)).toBe(3);
  });

  it('least-frequently-used: the item with the fewest reads', () => {
    const use = (cache: Cache<number>) => {
      for (let n = 0; n < 10; n++) for (let reads = 0; reads < (n === 6 ? 1 : 3); reads++) cache.get(n);
    };
    expect(tenth('least-frequently-used', use)).toBe(6);
  });

  it('sieve: the oldest item that was not read', () => {
    const use = (cache: Cache<number>) => {
      for (const n of [0, 1, 3]) cache.get(n);
    };
    expect(tenth('sieve', use)).toBe(2);
  });

  it.each(POLICIES)('%s: expired items are evicted first', (policy) => {
    using opened = openFixture<number>({ evictionPolicy: policy, sizeLimit: 2 * MiB });
    const { cache, advance } = opened;
    for (let n = 0; n < 10; n++) cache.set(n, bytes(size));
    for (let n = 10; n < 20; n++) cache.set(n, bytes(size), { ttl: 5 });
    advance(5);
    const before = cache.volume();
    for (let n = 20; n < 30; n++) cache.set(n, bytes(size));
    expect([...cache.keys({ order: 'key' })]).toEqual([
      ...Array(10).keys(),
      ...[...Array(10).keys()].map((n) => n + 20),
    ]);
    if (size > 32 * KiB) expect(cache.volume()).toBeLessThan(before + size);
  });
});

describe('eviction removes only as much as needed (DiskCache removed ten, even the newest)', () => {
  it.each(POLICIES)('%s: one item is evicted per item stored, never the stored one', (policy) => {
    using opened = openFixture<number>({ evictionPolicy: policy, sizeLimit: 2 * MiB });
    const { cache } = opened;
    findFirstEvicted(cache, 64 * KiB, 0);
    const full = cache.size;
    expect(full).toBeGreaterThan(15);
    for (let n = 1000; n < 1100; n++) {
      cache.set(n, bytes(64 * KiB));
      expect(cache.has(n)).toBe(true);
      expect(cache.size).toBeGreaterThanOrEqual(full - 1);
    }
  });

  it.each([...POLICIES, 'none'] as const)(
    '%s: a value larger than the limit is TOO_LARGE and evicts nothing',
    (policy) => {
      using opened = openFixture<number>({ evictionPolicy: policy, sizeLimit: MiB });
      const { cache } = opened;
      for (let n = 0; n < 5; n++) cache.set(n, bytes(10 * KiB));
      for (const size of [MiB, 5 * MiB]) expect(() => cache.set(9, bytes(size))).toThrow(errorMatching('TOO_LARGE'));
      expect(cache.size).toBe(5);
      expect(listValueFiles(cache.directory)).toEqual([]);
    },
  );

  it('none: cull still removes expired items, and returns their number', () => {
    using opened = openFixture<number>({ evictionPolicy: 'none' });
    const { cache, advance } = opened;
    for (let n = 0; n < 50; n++) cache.set(n, n, { ttl: n < 30 ? 5 : 500 });
    advance(5);
    expect(cache.cull()).toBe(30);
    expect(cache.cull()).toBe(0);
    expect(cache.size).toBe(20);
  });

  it.each(POLICIES)('%s: works the same if it is chosen later', (policy) => {
    using opened = openFixture<number>({ evictionPolicy: 'none', sizeLimit: 2 * MiB });
    for (let n = 0; n < 20; n++) opened.cache.set(n, bytes(64 * KiB));
    opened.advance(1000);
    const cache = opened.openAnother({ evictionPolicy: policy });
    for (let n = 0; n < 20; n++) if (n !== 4) for (let reads = 0; reads < 3; reads++) cache.get(n);
    expect(findFirstEvicted(cache, 64 * KiB, 100)).toBe(policy === 'least-recently-stored' ? 0 : 4);
  });
});

describe('the size limit holds for the bytes on disk', () => {
  /** Bytes of the directory: database, log and value files, without the log's index, which SQLite maps into memory. */
  const onDisk = (directory: string): number =>
    ['cache.db', 'cache.db-wal', 'reserve']
      .map((name) => join(directory, name))
      .concat(listValueFiles(directory))
      .reduce((sum, path) => sum + (statSync(path, { throwIfNoEntry: false })?.size ?? 0), 0);

  it.each(POLICIES)('%s: with small and large values, overwriting and deleting, and volume() agrees', (policy) => {
    using opened = openFixture<number>({ evictionPolicy: policy, sizeLimit: 4 * MiB });
    const { cache } = opened;
    for (let n = 0; n < 400; n++) {
      cache.set(n % 150, bytes([100, 3000, 30 * KiB, 50 * KiB, 200 * KiB][n % 5]!));
      if (n % 7 === 0) cache.delete((n * 3) % 150);
      if (n % 20 !== 0) continue;
      expect(onDisk(cache.directory)).toBeLessThanOrEqual(4 * MiB);
      expect(cache.volume()).toBe(onDisk(cache.directory));
    }
    expect(cache.volume()).toBeGreaterThan(2 * MiB);
  });

  it('a lower limit is enforced by cull', () => {
    using opened = openFixture<number>({ sizeLimit: 16 * MiB });
    for (let n = 0; n < 2000; n++) opened.cache.set(n, bytes(4 * KiB));
    expect(opened.cache.volume()).toBeGreaterThan(8 * MiB);
    const cache = opened.openAnother({ sizeLimit: 2 * MiB });
    expect(cache.cull()).toBeGreaterThan(1000);
    expect(cache.volume()).toBeLessThanOrEqual(2 * MiB);
    expect(cache.has(1999)).toBe(true);
  });

  const removals: Record<string, (cache: Cache<number>) => unknown> = {
    clear: (cache) => cache.clear(),
    evict: (cache) => cache.evict('t'),
    deleteMany: (cache) => cache.deleteMany([...cache.keys()]),
    delete: (cache) => [...cache.keys()].map((key) => cache.delete(key)),
    pop: (cache) => [...cache.keys()].map((key) => cache.pop(key)),
    'a transaction of deletes': (cache) => cache.transact(() => [...cache.keys()].map((key) => cache.delete(key))),
  };
  // At once if the method removes many items, shortly after the last write if the caller does.
  it.each(Object.entries(removals))(
    'space comes back after mass deletion by %s, without reopening',
    async (_, remove) => {
      using opened = openFixture<number>();
      const { cache } = opened;
      cache.setMany(
        Array.from({ length: 5000 }, (_, n) => [n, 'x'.repeat(1000)] as const),
        { tag: 't' },
      );
      expect(cache.volume()).toBeGreaterThan(5 * MiB);
      remove(cache);
      expect(cache.size).toBe(0);
      cache.set(1, 1);
      await vi.waitFor(() => expect(cache.volume()).toBeLessThan(MiB), { timeout: 20_000 });
    },
    30_000,
  );

  it('space is freed after mass expiry', () => {
    using opened = openFixture<number>();
    const { cache, advance } = opened;
    cache.setMany(
      Array.from({ length: 5000 }, (_, n) => [n, 'x'.repeat(1000)] as const),
      { ttl: 5 },
    );
    advance(5);
    expect(cache.expire()).toBe(5000);
    expect(cache.volume()).toBeLessThan(MiB);
  });
});

describe('the write-ahead log is bounded (DiskCache let it grow without end during one long read)', () => {
  it('while an iteration never ends', () => {
    using opened = openFixture<number>({ sizeLimit: 8 * MiB });
    const { cache } = opened;
    for (let n = 0; n < 100; n++) cache.set(n, 'x'.repeat(1000));
    using reader = opened.openAnother();
    const walk = reader.entries();
    walk.next();
    for (let n = 0; n < 20_000; n++) cache.set(n % 100, `${n}`.repeat(250));
    expect(cache.volume()).toBeLessThanOrEqual(8 * MiB);
    expect(walk.next().done).toBe(false);
  });

  it('while another program holds a snapshot: writes are refused in time and work after it is released', () => {
    using opened = openFixture<number>({ sizeLimit: 8 * MiB, timeout: 10 });
    const { cache } = opened;
    cache.set(0, 'first');
    const stranger = new Database(join(cache.directory, 'cache.db'), { readonly: true });
    stranger.exec('BEGIN');
    stranger.prepare('SELECT count(*) FROM entry').get();
    const overwrite = () => {
      for (let n = 0; n < 20_000; n++) cache.set(n % 100, `${n}`.repeat(250));
    };
    for (let attempt = 0; attempt < 3; attempt++) {
      expect(overwrite).toThrow(errorMatching('BUSY'));
      expect(cache.volume()).toBeLessThanOrEqual(8 * MiB);
    }
    expect(cache.get(0)).toMatch(/^(\d+)\1{249}$/);
    stranger.exec('COMMIT');
    stranger.close();
    overwrite();
    expect(cache.volume()).toBeLessThanOrEqual(8 * MiB);
  });
});
