import { cpSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { Cache, Deque } from '../../main/engine/index.ts';
import type { CacheOptions } from '../../protocol/options.ts';
import { errorMatching } from '../matchers.ts';
import { mountSmallDisk, type SmallDisk } from './small-disk.ts';

const MiB = 1024 * 1024;
const DISK_BYTES = 24 * MiB;
/** Items at rest, and then pending ones: half of them replace an item. */
const ITEMS = 20_000;
const SETS = 10_000;
/** Longer than what is at rest, so that applying needs space. */
const VALUE_LENGTH = 200;
const EXPECTED_SIZE = ITEMS + SETS / 2;

const probe = mountSmallDisk(DISK_BYTES);
probe?.[Symbol.dispose]();

const toKey = (nth: number): string => `item ${(nth * 7919) % ITEMS}`;

/** Opens an exclusive store with items at rest and a long journal, then fills the disk as another program would. */
function openOnFullDisk(disk: SmallDisk, options: CacheOptions = {}) {
  const cache = new Cache<string, string>(join(disk.path, 'store'), { exclusive: true, ...options });
  for (let nth = 0; nth < ITEMS; nth++) cache.set(toKey(nth), 'x'.repeat(100), { tag: nth % 2 });
  expect(cache.size).toBe(ITEMS);
  for (let nth = 0; nth < SETS; nth++)
    cache.set(nth % 2 === 0 ? toKey(nth * 3) : `new ${nth}`, 'y'.repeat(VALUE_LENGTH), { tag: nth % 2 });
  return { cache, giveBack: disk.fill() };
}

type Freeing = (cache: Cache<string, string>) => void;

const FREEING: Readonly<Record<string, Freeing>> = {
  size: (cache) => expect(cache.size).toBe(EXPECTED_SIZE),
  'an iteration': (cache) => expect([...cache.keys()]).toHaveLength(EXPECTED_SIZE),
  '5000 single deletes': (cache) => {
    for (let nth = 0; nth < 5000; nth++) expect(cache.delete(toKey(nth))).toBe(true);
    expect(cache.size).toBe(EXPECTED_SIZE - 5000);
  },
  clear: (cache) => {
    expect(cache.clear()).toBe(EXPECTED_SIZE);
    expect(cache.size).toBe(0);
    cache.set('after', 'v');
    expect(cache.get('after')).toBe('v');
  },
  evict: (cache) => {
    expect(cache.evict(1)).toBeGreaterThan(5000);
    expect([...cache.keys()].length).toBe(cache.size);
  },
  deleteMany: (cache) => expect(cache.deleteMany(Array.from({ length: 300 }, (_, nth) => toKey(nth)))).toBe(300),
  'a transaction of deletes': (cache) => {
    cache.transact(() => {
      for (let nth = 0; nth < 100; nth++) cache.delete(toKey(nth));
    });
    expect(cache.size).toBe(EXPECTED_SIZE - 100);
  },
};

describe.skipIf(probe === undefined)(
  'an exclusive store with a long journal on a full disk (runs as root on Linux)',
  () => {
    it.each(Object.entries(FREEING))('goes on: %s', (_, free) => {
      using disk = mountSmallDisk(DISK_BYTES)!;
      const opened = openOnFullDisk(disk);
      using cache = opened.cache;
      expect(cache.get('new 1')).toBe('y'.repeat(VALUE_LENGTH));
      free(cache);
      expect(cache.check()).toEqual([]);
    });

    it('is closed with everything, and opens and frees space on the full disk', () => {
      using disk = mountSmallDisk(DISK_BYTES)!;
      openOnFullDisk(disk).cache.close();
      for (const options of [{}, { exclusive: true }, { readOnly: true }]) {
        using cache = new Cache<string, string>(join(disk.path, 'store'), options);
        expect([cache.size, cache.get('new 1')]).toEqual([EXPECTED_SIZE, 'y'.repeat(VALUE_LENGTH)]);
      }
      using cache = new Cache<string, string>(join(disk.path, 'store'), { exclusive: true });
      for (let nth = 0; nth < 1000; nth++) expect(cache.delete(toKey(nth))).toBe(true);
      expect(cache.clear()).toBe(EXPECTED_SIZE - 1000);
      expect(cache.check()).toEqual([]);
    });

    it.each([{ readOnly: true }, {}, { exclusive: true }])('opens on the full disk after a kill: %j', (options) => {
      using disk = mountSmallDisk(2 * DISK_BYTES)!;
      using other = mountSmallDisk(DISK_BYTES)!;
      const { cache } = openOnFullDisk(disk);
      cpSync(cache.directory, join(other.path, 'store'), { recursive: true });
      cache.close();
      other.fill();
      using found = new Cache<string, string>(join(other.path, 'store'), options);
      expect([found.size, found.get('new 1')]).toEqual([EXPECTED_SIZE, 'y'.repeat(VALUE_LENGTH)]);
      expect(found.check()).toEqual([]);
      if (options.readOnly) return;
      expect(found.delete(toKey(1))).toBe(true);
      expect(found.clear()).toBe(EXPECTED_SIZE - 1);
    });

    it('loses nothing and says so where the reserve was taken away, and goes on once there is space', async () => {
      using disk = mountSmallDisk(DISK_BYTES)!;
      const warnings: Error[] = [];
      const onWarning = (warning: Error) => void warnings.push(warning);
      process.on('warning', onWarning);
      const { cache, giveBack } = openOnFullDisk(disk);
      rmSync(join(cache.directory, 'reserve'));
      disk.fill();
      cache.close();
      await new Promise(setImmediate);
      process.off('warning', onWarning);
      expect(warnings.map(({ message }) => message)).toEqual([expect.stringContaining(cache.directory)]);
      giveBack();
      using again = new Cache<string, string>(join(disk.path, 'store'), { exclusive: true });
      expect([again.size, again.check()]).toEqual([EXPECTED_SIZE, []]);
    });

    it('is cleared where the reserve was taken away, with what is pending', () => {
      using disk = mountSmallDisk(DISK_BYTES)!;
      const { cache, giveBack } = openOnFullDisk(disk);
      rmSync(join(cache.directory, 'reserve'));
      disk.fill();
      expect(() => cache.size).toThrow(errorMatching('DISK_FULL'));
      expect(cache.clear()).toBe(ITEMS);
      expect([cache.size, cache.get('new 1'), cache.check()]).toEqual([0, undefined, []]);
      giveBack();
      cache.set('after', 'v');
      cache.close();
      using again = new Cache<string, string>(join(disk.path, 'store'));
      expect([[...again.keys()], again.check()]).toEqual([['after'], []]);
    });

    it('sets while the disk becomes full fail with DISK_FULL, and what was set is there', () => {
      using disk = mountSmallDisk(DISK_BYTES)!;
      using cache = new Cache<number, string>(join(disk.path, 'store'), { exclusive: true });
      let stored = 0;
      const set = () => {
        for (;;) {
          cache.set(stored, `${stored}`.padEnd(200));
          stored++;
        }
      };
      expect(set).toThrow(errorMatching('DISK_FULL'));
      expect(stored).toBeGreaterThan(20_000);
      disk.fill();
      for (let tries = 0; tries < 3; tries++) expect(set).toThrow(errorMatching('DISK_FULL'));
      expect([cache.size, cache.get(stored - 1)]).toEqual([stored, `${stored - 1}`.padEnd(200)]);
      for (let nth = 0; nth < 3000; nth++) expect(cache.delete(nth)).toBe(true);
      for (let nth = 0; nth < 1000; nth++) cache.set(nth, 'again');
      expect([cache.size, cache.check()]).toEqual([stored - 2000, []]);
    });

    it('a deque returns all its values, in order', () => {
      using disk = mountSmallDisk(DISK_BYTES)!;
      using deque = new Deque<string>(join(disk.path, 'store'), { exclusive: true, durability: 'process' });
      for (let nth = 0; nth < ITEMS; nth++) deque.push(`${nth}`.padEnd(100));
      expect([...deque.values()]).toHaveLength(ITEMS);
      for (let nth = ITEMS; nth < ITEMS + SETS; nth++) deque.push(`${nth}`.padEnd(100));
      disk.fill();
      for (let nth = 0; nth < ITEMS + SETS; nth++) expect(deque.shift()).toBe(`${nth}`.padEnd(100));
      expect([deque.length, deque.check()]).toEqual([0, []]);
    });

    it('reads and frees space with the journal of a short burst, too', () => {
      using disk = mountSmallDisk(16 * MiB)!;
      using cache = new Cache<string, string>(join(disk.path, 'store'), { exclusive: true });
      for (let n = 0; n < 2000; n++) cache.set(`applied ${n}`, 'v'.repeat(200));
      expect(cache.size).toBe(2000);
      for (let n = 0; n < 300; n++) cache.set(`pending ${n}`, 'v'.repeat(200));
      disk.fill();
      const fill = () => {
        for (let n = 0; n < 5000; n++) cache.set(`more ${n}`, 'v'.repeat(200));
      };
      expect(fill).toThrow(errorMatching('DISK_FULL'));
      const { size } = cache;
      expect(size).toBeGreaterThanOrEqual(2300);
      expect([...cache.keys({ prefix: 'pending' })]).toHaveLength(300);
      expect(cache.delete('applied 1')).toBe(true);
      expect(cache.deleteMany(Array.from({ length: 500 }, (_, n) => `pending ${n}`))).toBe(300);
      expect(cache.clear()).toBe(size - 301);
      cache.set('after', 'v');
      expect([cache.size, cache.check()]).toEqual([1, []]);
    });
  },
);
