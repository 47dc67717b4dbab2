import { existsSync, readFileSync, rmSync, statSync } from 'node:fs';
import { join } from 'node:path';
import Database from 'better-sqlite3';
import { describe, expect, it } from 'vitest';
import { Cache } from '../../main/engine/index.ts';
import { freshDirectory } from './fresh-directory.ts';

const KiB = 1024;
const PAGE_BYTES = 4 * KiB;
/** The ballast is an eighth of the store; a quarter more or less is left as it is. */
const MAX_BALLAST_FRACTION = 1.25 / 8;

const getBytes = (directory: string, file: string): number =>
  statSync(join(directory, file), { throwIfNoEntry: false })?.size ?? 0;

function countPages(directory: string): { readonly pages: number; readonly free: number } {
  const database = new Database(join(directory, 'cache.db'), { readonly: true });
  const count = (name: string) => Number(database.pragma(name, { simple: true }));
  try {
    return { pages: count('page_count'), free: count('freelist_count') };
  } finally {
    database.close();
  }
}

/** Stores values of one page each, in one transaction. */
function fill(cache: Cache<number, Uint8Array>, count: number, from = 0): void {
  cache.transact(() => {
    for (let n = from; n < from + count; n++) cache.set(n, new Uint8Array(PAGE_BYTES).fill(n % 251));
  });
}

/** In one transaction: the store itself looks for free pages after each 64th write. */
function deleteFrom(cache: Cache<number, Uint8Array>, from: number, count: number): void {
  cache.transact(() => {
    for (let n = from; n < from + count; n++) cache.delete(n);
  });
}

describe.each([{ exclusive: false }, { exclusive: true }])('a store that is closed, opened with %o', (options) => {
  it('keeps a ballast for its database, and none for the log that is gone', () => {
    const directory = freshDirectory();
    using cache = new Cache<number, string>(directory, options);
    // With a listener, an exclusive store writes directly.
    cache.subscribe(() => {});
    for (let n = 0; n < 2000; n++) {
      cache.set(n, 'x'.repeat(100));
      cache.touch(n);
    }
    const before = getBytes(directory, 'reserve');
    expect(getBytes(directory, 'cache.db-wal')).toBeGreaterThan(4 * KiB * KiB);
    cache.close();
    const after = getBytes(directory, 'reserve');
    expect(after).toBeLessThan(before / 4);
    expect(after).toBeGreaterThanOrEqual(64 * KiB);
    expect(after).toBeLessThanOrEqual(Math.max(64 * KiB, getBytes(directory, 'cache.db') * MAX_BALLAST_FRACTION));
  });

  it('gives free pages back', () => {
    const directory = freshDirectory();
    using cache = new Cache<number, Uint8Array>(directory, options);
    fill(cache, 200);
    deleteFrom(cache, 0, 48);
    cache.close();
    expect(countPages(directory).free).toBe(0);
    using again = new Cache<number, Uint8Array>(directory, options);
    expect(again.size).toBe(152);
    for (let n = 48; n < 200; n++) expect(again.get(n)?.[0]).toBe(n % 251);
    expect(again.check()).toEqual([]);
  });

  it('gives back at most 1024 pages, and the rest when it is closed later', () => {
    const directory = freshDirectory();
    {
      using cache = new Cache<number, Uint8Array>(directory, options);
      fill(cache, 4000);
      deleteFrom(cache, 0, 1300);
    }
    const once = countPages(directory);
    expect(once.free).toBeGreaterThan(200);
    {
      using cache = new Cache<number, Uint8Array>(directory, options);
      cache.set('last' as unknown as number, new Uint8Array(1));
    }
    expect(countPages(directory).free).toBeLessThan(once.free);
  });

  it('keeps a few free pages for its next writes', () => {
    const directory = freshDirectory();
    using cache = new Cache<number, Uint8Array>(directory, options);
    fill(cache, 200);
    deleteFrom(cache, 0, 10);
    cache.close();
    expect(countPages(directory).free).toBeGreaterThan(0);
  });
});

describe('closing', () => {
  it('changes nothing in a store that was only read', () => {
    const directory = freshDirectory();
    {
      using cache = new Cache<number, Uint8Array>(directory);
      fill(cache, 2000);
      deleteFrom(cache, 0, 1200);
    }
    const { free } = countPages(directory);
    expect(free).toBeGreaterThan(100);
    const bytes = readFileSync(join(directory, 'cache.db'));
    for (const readOnly of [true, false]) {
      using reader = new Cache<number, Uint8Array>(directory, { readOnly });
      expect(reader.get(1999)?.[0]).toBe(1999 % 251);
      reader.close();
      expect(readFileSync(join(directory, 'cache.db')).equals(bytes)).toBe(true);
    }
  });

  it('leaves the ballast for the log while another connection uses it', () => {
    const directory = freshDirectory();
    using cache = new Cache<number, string>(directory);
    using other = new Cache<number, string>(directory);
    for (let n = 0; n < 2000; n++) cache.set(n, 'x'.repeat(100));
    expect(other.get(1)).toBe('x'.repeat(100));
    const before = getBytes(directory, 'reserve');
    cache.close();
    expect(getBytes(directory, 'reserve')).toBe(before);
    other.close();
    expect(getBytes(directory, 'reserve')).toBeLessThan(before / 4);
  });

  it('makes no ballast where there was none', () => {
    const directory = freshDirectory();
    using cache = new Cache<number, string>(directory);
    cache.set(1, 'x');
    cache.close();
    expect(existsSync(join(directory, 'reserve'))).toBe(false);
  });

  it('succeeds after the directory was removed, and leaves nothing there', () => {
    const directory = freshDirectory();
    using cache = new Cache<number, Uint8Array>(directory);
    fill(cache, 200);
    deleteFrom(cache, 0, 100);
    rmSync(directory, { recursive: true });
    cache.close();
    expect(existsSync(directory)).toBe(false);
  });
});
