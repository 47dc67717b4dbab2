import { rmSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { Cache, type CacheMethods, Deque, FanoutCache, Index } from '../../main/engine/index.ts';
import { createManualClock } from '../engine/engine-fixture.ts';
import { freshDirectory } from '../engine/fresh-directory.ts';
import { errorMatching } from '../matchers.ts';
import { mountSmallDisk, type SmallDisk } from './small-disk.ts';
import { listValueFiles } from './store-fixture.ts';

const KiB = 1024;
const DISK_BYTES = 3 * 1024 * KiB;

const probe = mountSmallDisk(DISK_BYTES);
probe?.[Symbol.dispose]();

const createContent = (n: number, size: number): Uint8Array => new Uint8Array(size).fill(n % 251);

/** A store on a disk of 3 MiB, with a larger size limit. */
function open(): { cache: Cache<number, Uint8Array>; disk: SmallDisk } & Disposable {
  const disk = mountSmallDisk(DISK_BYTES)!;
  const cache = new Cache<number, Uint8Array>(join(disk.path, 'store'));
  return {
    cache,
    disk,
    [Symbol.dispose]() {
      cache.close();
      disk[Symbol.dispose]();
    },
  };
}

/** Sets items until the disk is full, and tries some more. Returns the number of items. */
function setUntilFull(cache: Cache<number, Uint8Array>, size: number): number {
  let stored = 0;
  for (let failed = 0; failed < 20; ) {
    try {
      cache.set(stored, createContent(stored, size), { tag: 't' });
      stored++;
    } catch (error) {
      expect(error).toEqual(errorMatching('DISK_FULL'));
      failed++;
    }
    expect(stored).toBeLessThan(DISK_BYTES / size);
  }
  return stored;
}

/** Expects all items to be complete, no other files, and no findings of check. */
function expectIntact(cache: Cache<number, Uint8Array>, count: number, size: number): void {
  expect(cache.size).toBe(count);
  for (const [key, value] of cache) expect(Buffer.from(value).equals(createContent(key, size))).toBe(true);
  // Removes replaced files that are still there.
  expect(cache.check()).toEqual([]);
  const files = listValueFiles(cache.directory);
  expect(files.map((path) => statSync(path).size)).toEqual(files.map(() => size));
  expect(files).toHaveLength(size > 32 * KiB ? count : 0);
}

describe.skipIf(probe === undefined).each([
  ['files', 100 * KiB],
  ['rows', 10 * KiB],
])('a full disk, with items in %s (runs as root on Linux)', (_, size) => {
  it('fails each set with DISK_FULL, leaves no partial item, and keeps the others', () => {
    using opened = open();
    const { cache } = opened;
    const stored = setUntilFull(cache, size);
    expect(stored).toBeGreaterThan(10);
    expectIntact(cache, stored, size);
    using reader = new Cache<number, Uint8Array>(cache.directory);
    expectIntact(reader, stored, size);
  });

  it('rolls back the whole transaction and holds no lock afterwards', () => {
    using opened = open();
    const { cache } = opened;
    for (let n = 0; n < 5; n++) cache.set(n, createContent(n, size));
    const tooMuch = () =>
      cache.transact(() => {
        cache.delete(0);
        for (let n = 100; n < 100 + DISK_BYTES / size; n++) cache.set(n, createContent(n, size));
      });
    for (let attempt = 0; attempt < 3; attempt++) {
      expect(tooMuch).toThrow(errorMatching('DISK_FULL'));
      expectIntact(cache, 5, size);
    }
    using other = new Cache<number, Uint8Array>(cache.directory, { timeout: 0 });
    expect(other.delete(4)).toBe(true);
    cache.set(4, createContent(4, size));
    expectIntact(other, 5, size);
    expect(cache.check()).toEqual([]);
  });

  it('filled to the last byte by another program: reads work, writes fail with DISK_FULL until there is space', () => {
    using opened = open();
    const { cache, disk } = opened;
    for (let n = 0; n < 5; n++) cache.set(n, createContent(n, size));
    const giveBack = disk.fill();
    const write = () => {
      for (let n = 5; n < 200; n++) cache.set(n, createContent(n, size));
    };
    expect(write).toThrow(errorMatching('DISK_FULL'));
    const { size: count } = cache;
    expectIntact(cache, count, size);
    giveBack();
    cache.set(count, createContent(count, size));
    expectIntact(cache, count + 1, size);
    expect(cache.check()).toEqual([]);
  });
});

/** Ways to free space from items with the keys 0 … count - 1 and the tag `t`. Each returns the number of removed items. */
const FREEING: Readonly<Record<string, (cache: CacheMethods<number, Uint8Array>, count: number) => number>> = {
  delete: (cache, count) => listKeys(count).filter((key) => cache.delete(key)).length,
  pop: (cache, count) => listKeys(count).filter((key) => cache.pop(key) !== undefined).length,
  deleteMany: (cache, count) => cache.deleteMany(listKeys(count)),
  evict: (cache) => cache.evict('t'),
  clear: (cache) => cache.clear(),
  expire: (cache) => cache.expire(),
};

/** The ballast of a closed store is sized for small transactions. */
const KEYS_PER_STEP = 8;
const FREEING_IN_STEPS: typeof FREEING = {
  ...FREEING,
  deleteMany: (cache, count) => {
    const keys = listKeys(count);
    let deleted = 0;
    while (keys.length > 0) deleted += cache.deleteMany(keys.splice(0, KEYS_PER_STEP));
    return deleted;
  },
};

const listKeys = (count: number): number[] => Array.from({ length: count }, (_, key) => key);

/** Stores items until none fits; another program then fills the disk to the last byte. */
function fillDisk(cache: CacheMethods<number, Uint8Array>, disk: SmallDisk, size: number, ttl?: number): number {
  let stored = 0;
  const store = () => {
    for (;;) {
      cache.set(stored, createContent(stored, size), { tag: 't', ...(ttl && { ttl }) });
      stored++;
    }
  };
  expect(store).toThrow(errorMatching('DISK_FULL'));
  disk.fill();
  expect(store).toThrow(errorMatching('DISK_FULL'));
  return stored;
}

describe.skipIf(probe === undefined).each([
  ['files', 100 * KiB],
  ['rows of 10 KiB', 10 * KiB],
  ['rows of 200 bytes', 200],
])('a disk full to the last byte, with items in %s (runs as root on Linux)', (_, size) => {
  it.each(Object.keys(FREEING))('frees space by %s, and stores again', (verb) => {
    const { clock, advance } = createManualClock();
    using disk = mountSmallDisk(DISK_BYTES)!;
    using cache = new Cache<number, Uint8Array>(join(disk.path, 'store'), { clock });
    const stored = fillDisk(cache, disk, size, verb === 'expire' ? 1000 : undefined);
    advance(1000);
    expect(FREEING[verb]!(cache, stored)).toBe(stored);
    expectIntact(cache, 0, size);
    expect(cache.check()).toEqual([]);
    const most = Math.floor(stored / 2);
    for (let n = 0; n < most; n++) cache.set(n, createContent(n, size));
    expectIntact(cache, most, size);
  });

  it('frees space by pull, in order', () => {
    using opened = open();
    const { cache, disk } = opened;
    let stored = 0;
    const push = () => {
      for (;;) {
        cache.push(createContent(stored, size));
        stored++;
      }
    };
    expect(push).toThrow(errorMatching('DISK_FULL'));
    disk.fill();
    for (let n = 0; n < stored; n++) expect(Buffer.from(cache.pull()![1]).equals(createContent(n, size))).toBe(true);
    expect(cache.pull()).toBeUndefined();
    expectIntact(cache, 0, size);
    for (let n = 0; n < 5; n++) cache.set(n, createContent(n, size));
    expectIntact(cache, 5, size);
  });

  it('frees space in a process that has not written before, any number of times', () => {
    using opened = open();
    const { cache, disk } = opened;
    const stored = fillDisk(cache, disk, size);
    using other = new Cache<number, Uint8Array>(cache.directory);
    for (let n = 0; n < 10; n++) expect(other.delete(n)).toBe(true);
    cache.close();
    for (let n = 10; n < 20; n++) expect(other.delete(n)).toBe(true);
    expect(other.size).toBe(stored - 20);
    expect(other.check()).toEqual([]);
  });
});

it.skipIf(probe === undefined).each(Object.keys(FREEING).filter((verb) => verb !== 'expire'))(
  'a FanoutCache on a full disk frees space by %s and goes on',
  (verb) => {
    using disk = mountSmallDisk(2 * DISK_BYTES)!;
    using fanout = new FanoutCache<number, Uint8Array>(join(disk.path, 'store'), { shards: 3 });
    const size = 2 * KiB;
    const stored = fillDisk(fanout, disk, size);
    expect(FREEING[verb]!(fanout, stored)).toBe(stored);
    expect(fanout.size).toBe(0);
    for (let n = 0; n < 100; n++) fanout.set(n, createContent(n, size));
    expect(fanout.size).toBe(100);
    expect(fanout.check()).toEqual([]);
  },
);

describe.skipIf(probe === undefined)('a collection on a full disk', () => {
  const size = 2 * KiB;

  it('a deque returns all its values, in order, and stores others', () => {
    using disk = mountSmallDisk(DISK_BYTES)!;
    using deque = new Deque<Uint8Array>(join(disk.path, 'store'), { durability: 'process' });
    let stored = 0;
    const push = () => {
      for (;;) deque.push(createContent(stored++, size));
    };
    expect(push).toThrow(errorMatching('DISK_FULL'));
    disk.fill();
    stored = deque.length;
    for (let n = 0; n < stored - 10; n++) expect(Buffer.from(deque.shift()!).equals(createContent(n, size))).toBe(true);
    for (let n = stored; n > stored - 10; n--) expect(deque.pop()?.[0]).toBe(createContent(n - 1, size)[0]);
    expect(deque.shift()).toBeUndefined();
    deque.push(createContent(1, size));
    expect([deque.length, deque.check()]).toEqual([1, []]);
  });

  it('an index returns all its entries, in order, and stores others', () => {
    using disk = mountSmallDisk(DISK_BYTES)!;
    using index = new Index<number, Uint8Array>(join(disk.path, 'store'), { durability: 'process' });
    const store = () => {
      for (let n = 0; ; n++) index.set(n, createContent(n, size));
    };
    expect(store).toThrow(errorMatching('DISK_FULL'));
    disk.fill();
    const stored = index.size;
    for (let n = 0; n < stored - 10; n++) expect(index.popItem({ last: false })?.[0]).toBe(n);
    for (let n = stored - 10; n < stored; n++) expect(index.pop(n)?.[0]).toBe(createContent(n, size)[0]);
    index.set(1, createContent(1, size));
    expect([index.size, index.check()]).toEqual([1, []]);
  });
});

it.skipIf(probe === undefined)('what is kept for a full disk is bounded, counted, and follows the store', async () => {
  using disk = mountSmallDisk(64 * 1024 * KiB)!;
  using small = new Cache<number, string>(join(disk.path, 'small'), { sizeLimit: 4 * 1024 * KiB - 1 });
  using large = new Cache<number, string>(join(disk.path, 'large'));
  const reserve = ({ directory }: Cache<number, string>): number =>
    statSync(join(directory, 'reserve'), { throwIfNoEntry: false })?.size ?? 0;
  for (let n = 0; n < 3000; n++) {
    small.set(n, 'x'.repeat(1000));
    large.set(n, 'x'.repeat(1000));
  }
  expect(reserve(small)).toBe(0);
  expect(reserve(large)).toBeGreaterThan(256 * KiB);
  expect(reserve(large)).toBeLessThan(large.volume() / 8);
  const onDisk = ['cache.db', 'cache.db-wal', 'reserve'].map((name) => statSync(join(large.directory, name)).size);
  expect(large.volume()).toBe(onDisk.reduce((a, b) => a + b));
  large.clear();
  expect(reserve(large)).toBe(64 * KiB);
});

it.each(['rows', 'files'])('the ballast counts towards the size limit, with items in %s', (where) => {
  const sizeLimit = 8 * 1024 * KiB;
  using cache = new Cache<number, string>(freshDirectory(), { sizeLimit });
  const size = where === 'rows' ? 10_000 : 50_000;
  for (let n = 0; n * size < 2 * sizeLimit; n++) {
    cache.set(n, 'x'.repeat(size));
    if (n % 16 === 0) expect(cache.volume()).toBeLessThanOrEqual(sizeLimit);
  }
  expect(cache.has(0)).toBe(false);
  expect(cache.volume()).toBeGreaterThan(sizeLimit / 2);
  expect(statSync(join(cache.directory, 'reserve')).size).toBeGreaterThanOrEqual(64 * KiB);
});

it.skipIf(probe === undefined)(
  'creating a store on a full disk fails with DISK_FULL and works once there is space',
  () => {
    using disk = mountSmallDisk(DISK_BYTES)!;
    const giveBack = disk.fill();
    const directory = join(disk.path, 'store');
    expect(() => new Cache(directory)).toThrow(errorMatching('DISK_FULL'));
    giveBack();
    using cache = new Cache(directory);
    cache.set('k', 1);
    expect(cache.get('k')).toBe(1);
  },
);

describe.skipIf(probe === undefined)('a store that was closed, on a disk that is full since', () => {
  const stored = (disk: SmallDisk): string => {
    const directory = join(disk.path, 'store');
    using cache = new Cache<number, Uint8Array>(directory);
    for (let n = 0; n < 20; n++) cache.set(n, createContent(n, 10 * KiB));
    cache.set(20, createContent(20, 100 * KiB));
    return directory;
  };
  const expectAll = (cache: Cache<number, Uint8Array>) => {
    for (let n = 0; n < 20; n++) expect(Buffer.from(cache.get(n)!).equals(createContent(n, 10 * KiB))).toBe(true);
    expect(cache.get(20)?.length).toBe(100 * KiB);
  };

  it('opens with the help of its ballast, reads, and frees space', () => {
    using disk = mountSmallDisk(DISK_BYTES)!;
    const directory = stored(disk);
    disk.fill();
    using cache = new Cache<number, Uint8Array>(directory);
    expectAll(cache);
    expect(cache.delete(20)).toBe(true);
    cache.set(21, createContent(21, 10 * KiB));
    expect(cache.check()).toEqual([]);
  });

  it('opens read-only', () => {
    using disk = mountSmallDisk(DISK_BYTES)!;
    const directory = stored(disk);
    disk.fill();
    using cache = new Cache<number, Uint8Array>(directory, { readOnly: true });
    expectAll(cache);
  });

  it('opens read-only without a ballast, and fails with the reason when opened for writing', () => {
    using disk = mountSmallDisk(DISK_BYTES)!;
    const directory = stored(disk);
    rmSync(join(directory, 'reserve'), { force: true });
    const giveBack = disk.fill();
    expect(() => new Cache(directory)).toThrow(errorMatching('DISK_FULL'));
    {
      using cache = new Cache<number, Uint8Array>(directory, { readOnly: true });
      expectAll(cache);
    }
    giveBack();
    using cache = new Cache<number, Uint8Array>(directory);
    expectAll(cache);
  });

  describe.each([
    ['files', 100 * KiB],
    ['rows of 10 KiB', 10 * KiB],
    ['rows of 200 bytes', 200],
  ])('with items in %s', (_, size) => {
    it.each(Object.keys(FREEING_IN_STEPS))('frees space by %s, and stores again', (verb) => {
      const { clock, advance } = createManualClock();
      using disk = mountSmallDisk(DISK_BYTES)!;
      const directory = join(disk.path, 'store');
      let stored = 0;
      {
        using cache = new Cache<number, Uint8Array>(directory, { clock });
        // In one transaction the WAL is as long as the database, and both leave space for the ballast.
        cache.transact(() => {
          for (; stored * size < DISK_BYTES / 4; stored++)
            cache.set(stored, createContent(stored, size), { tag: 't', ...(verb === 'expire' && { ttl: 1000 }) });
        });
      }
      disk.fill();
      using cache = new Cache<number, Uint8Array>(directory, { clock });
      expect(cache.size).toBe(stored);
      advance(1000);
      expect(FREEING_IN_STEPS[verb]!(cache, stored)).toBe(stored);
      expectIntact(cache, 0, size);
      const most = Math.min(20, Math.floor(stored / 2));
      for (let n = 0; n < most; n++) cache.set(n, createContent(n, size));
      expectIntact(cache, most, size);
    });
  });
});
