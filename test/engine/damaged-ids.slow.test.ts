import { readFileSync, writeFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { Cache, Deque } from '../../main/engine/index.ts';
import { errorMatching } from '../matchers.ts';
import { getDatabasePath, getLeafPages, getRowOffsets } from './damaged-file.ts';
import { freshDirectory } from './fresh-directory.ts';

const ITEMS = 300;
/** Long enough that the length at the beginning of a row takes two bytes. */
const createValue = (n: number): string => `value ${n} ${'x'.repeat(150)}`;
const VALUES = Array.from({ length: ITEMS }, (_, n) => createValue(n));

/** Behind the two bytes of its length a row begins with its id; below 128 that is one byte. */
const ID_OFFSET = 2;
/** A length that leads far beyond the page: a read of many rows ends there with an error. Up to its value the row itself can be read. */
const EXCESSIVE_LENGTH = [0xff, 0x7f];

/** Changes the rows of one page of items, which are given by where they begin. */
function changeRows(directory: string, page: number, change: (bytes: Buffer, rows: readonly number[]) => void): void {
  const path = getDatabasePath(directory);
  const bytes = readFileSync(path);
  change(bytes, getRowOffsets(bytes, page));
  writeFileSync(path, bytes);
}

function readByKeys(cache: Cache<string, string>): string[] {
  return VALUES.flatMap((_, n) => {
    try {
      return cache.get(`key ${n}`) ?? [];
    } catch (error) {
      expect(error).toEqual(errorMatching('CORRUPT'));
      return [];
    }
  });
}

describe('a cache in which an item has the id of another one', () => {
  function createCache(): string {
    const directory = freshDirectory();
    using cache = new Cache<string, string>(directory);
    for (const [n, value] of VALUES.entries()) cache.set(`key ${n}`, value);
    return directory;
  }
  /** Of `key 59`, which is on a later page. */
  const OTHER_ID = 60;

  it.each([
    ['is whole but for that', false],
    ['is damaged', true],
  ])('keeps both that can be read, where the one %s and a broken row follows', (_, isValueDamaged) => {
    const directory = createCache();
    changeRows(directory, getLeafPages(directory, 'entry')[0]!, (bytes, rows) => {
      bytes[rows[3]! + ID_OFFSET] = OTHER_ID;
      if (isValueDamaged) bytes[bytes.indexOf('value 3 ', rows[3])]! ^= 1;
      bytes.set(EXCESSIVE_LENGTH, rows[6]);
    });
    using cache = new Cache<string, string>(directory, { memory: 0 });
    expect(cache.get(`key ${OTHER_ID - 1}`)).toBe(createValue(OTHER_ID - 1));
    cache.check({ repair: true });
    expect(cache.check()).toEqual([]);
    expect(readByKeys(cache)).toEqual(VALUES.filter((_value, n) => !(isValueDamaged && n === 3)));
  });
});

describe('a deque in which an item has the position of another one', () => {
  it('keeps both, in their order', () => {
    const directory = freshDirectory();
    const first = new Deque<string>(directory, { durability: 'process' });
    first.extend(VALUES);
    first.close();
    changeRows(directory, getLeafPages(directory, 'entry')[0]!, (bytes, rows) => {
      bytes[rows[5]! + ID_OFFSET] = 60;
    });
    using deque = new Deque<string>(directory);
    expect(deque.at(60)).toBe(createValue(60));
    deque.check({ repair: true });
    expect(deque.check()).toEqual([]);
    expect([...deque]).toEqual(VALUES);
  });
});

describe('a deque in which an item has a position far behind the others', () => {
  it('loses the broken row that follows, and no other', () => {
    const directory = freshDirectory();
    const first = new Deque<string>(directory, { durability: 'process' });
    // Positions below 0 are stored in nine bytes, so any other one fits in their place.
    first.unshift(...VALUES);
    first.close();
    let broken = '';
    changeRows(directory, getLeafPages(directory, 'entry')[2]!, (bytes, rows) => {
      bytes.set([0x80, 0x80, 0x80, 0xc0, 0x80, 0x80, 0x80, 0x80, 0], rows[3]! + ID_OFFSET);
      bytes.set(EXCESSIVE_LENGTH, rows[4]);
      broken = bytes.toString('latin1', bytes.indexOf('value', rows[4])).match(/^value \d+ x{150}/)![0];
    });
    using deque = new Deque<string>(directory);
    expect(deque.at(-1)).toBe(createValue(ITEMS - 1));
    deque.check({ repair: true });
    expect(deque.check()).toEqual([]);
    expect([...deque]).toEqual(VALUES.filter((value) => value !== broken));
  });
});
