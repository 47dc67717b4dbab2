import { statSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { Cache } from '../../main/engine/index.ts';
import { failure, valueFiles } from './opened.ts';
import { type SmallDisk, smallDisk } from './small-disk.ts';

const KiB = 1024;
const BYTES = 3 * 1024 * KiB;

const probe = smallDisk(BYTES);
probe?.[Symbol.dispose]();

const content = (n: number, size: number): Uint8Array => new Uint8Array(size).fill(n % 251);

/** A store on a disk of 3 MiB, which it believes to be larger. */
function open(): { cache: Cache<number, Uint8Array>; disk: SmallDisk } & Disposable {
  const disk = smallDisk(BYTES)!;
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

/** Sets ever more items until the disk is full, and then some; answers how many there are. */
function setUntilFull(cache: Cache<number, Uint8Array>, size: number): number {
  let stored = 0;
  for (let failed = 0; failed < 20; ) {
    try {
      cache.set(stored, content(stored, size), { tag: 't' });
      stored++;
    } catch (error) {
      expect(error).toEqual(failure('DISK_FULL'));
      failed++;
    }
    expect(stored).toBeLessThan(BYTES / size);
  }
  return stored;
}

/** Every item there, whole; no file but theirs, nothing to mend. */
function expectWhole(cache: Cache<number, Uint8Array>, count: number, size: number): void {
  expect(cache.size).toBe(count);
  for (const [key, value] of cache) expect(Buffer.from(value).equals(content(key, size))).toBe(true);
  const files = valueFiles(cache.directory);
  expect(files.map((path) => statSync(path).size)).toEqual(files.map(() => size));
  expect(files).toHaveLength(size > 32 * KiB ? count : 0);
}

describe.skipIf(probe === undefined).each([
  ['files', 100 * KiB],
  ['rows', 10 * KiB],
])('row 31 and 15.23: a full disk, of items in %s (runs as root on Linux)', (_, size) => {
  it('fails each set with DISK_FULL, leaves nothing half, and keeps what is there', () => {
    using opened = open();
    const { cache } = opened;
    const stored = setUntilFull(cache, size);
    expect(stored).toBeGreaterThan(10);
    expectWhole(cache, stored, size);
    using reader = new Cache<number, Uint8Array>(cache.directory);
    expectWhole(reader, stored, size);
  });

  it('undoes a transaction whole, and stands in nobody’s way (15.24)', () => {
    using opened = open();
    const { cache } = opened;
    for (let n = 0; n < 5; n++) cache.set(n, content(n, size));
    const tooMuch = () =>
      cache.transact(() => {
        cache.delete(0);
        for (let n = 100; n < 100 + BYTES / size; n++) cache.set(n, content(n, size));
      });
    for (let attempt = 0; attempt < 3; attempt++) {
      expect(tooMuch).toThrow(failure('DISK_FULL'));
      expectWhole(cache, 5, size);
    }
    using other = new Cache<number, Uint8Array>(cache.directory, { timeout: 0 });
    expect(other.delete(4)).toBe(true);
    cache.set(4, content(4, size));
    expectWhole(other, 5, size);
    expect(cache.check()).toEqual([]);
  });

  it('filled by a stranger to the last byte: reads go on, writes fail with DISK_FULL, and work when there is space', () => {
    using opened = open();
    const { cache, disk } = opened;
    for (let n = 0; n < 5; n++) cache.set(n, content(n, size));
    const giveBack = disk.fill();
    const write = () => {
      for (let n = 5; n < 200; n++) cache.set(n, content(n, size));
    };
    expect(write).toThrow(failure('DISK_FULL'));
    const { size: count } = cache;
    expectWhole(cache, count, size);
    giveBack();
    cache.set(count, content(count, size));
    expectWhole(cache, count + 1, size);
    expect(cache.check()).toEqual([]);
  });
});

describe.skipIf(probe === undefined)('row 31: a disk full of files (runs as root on Linux)', () => {
  const size = 100 * KiB;

  it('makes room by delete, and goes on', () => {
    using opened = open();
    const { cache } = opened;
    const stored = setUntilFull(cache, size);
    for (let n = 0; n < 5; n++) expect(cache.delete(n)).toBe(true);
    cache.set(0, content(0, size));
    expectWhole(cache, stored - 4, size);
    expect(cache.check()).toEqual([]);
  });

  it.each([
    ['evict', (cache: Cache) => cache.evict('t')],
    ['clear', (cache: Cache) => cache.clear()],
    ['deleteMany', (cache: Cache) => cache.deleteMany([...cache.keys()])],
  ])('makes room by %s, and goes on', (_name, remove) => {
    using opened = open();
    const { cache } = opened;
    const stored = setUntilFull(cache, size);
    expect(remove(cache as unknown as Cache)).toBe(stored);
    expectWhole(cache, 0, size);
    for (let n = 0; n < 5; n++) cache.set(n, content(n, size));
    expectWhole(cache, 5, size);
  });
});

it.skipIf(probe === undefined)('row 31: a store cannot be created on a full disk: DISK_FULL, and later it can', () => {
  using disk = smallDisk(BYTES)!;
  const giveBack = disk.fill();
  const directory = join(disk.path, 'store');
  expect(() => new Cache(directory)).toThrow(failure('DISK_FULL'));
  giveBack();
  using cache = new Cache(directory);
  cache.set('k', 1);
  expect(cache.get('k')).toBe(1);
});
