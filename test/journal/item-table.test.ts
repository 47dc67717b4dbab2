import { describe, expect, it } from 'vitest';
import { ItemTable } from '../../main/engine/journal/item-table.ts';
import { hashKey } from '../../main/engine/values/encoding.ts';
import type { KeyColumn } from '../../main/engine/values/key.ts';

const toItem = (key: KeyColumn, nth = 0) => ({ key, nth });

/** Returns two different texts with one hash, the first ones that come along. */
function findCollision(): readonly [string, string] {
  const known = new Map<number, string>();
  for (let nth = 0; ; nth++) {
    const text = `key ${nth}`;
    const before = known.get(hashKey(text));
    if (before !== undefined) return [before, text];
    known.set(hashKey(text), text);
  }
}

describe('a table of pending items', () => {
  it('finds each key and no other one, however many there are', () => {
    const table = new ItemTable<{ key: KeyColumn; nth: number }>();
    const missing = 'missing';
    for (let nth = 0; nth < 5000; nth++) {
      expect(table.addIfAbsent(toItem(`key:${nth}`, nth))).toBeUndefined();
      if (nth < 40) {
        for (let other = 0; other <= nth; other++) expect(table.get(`key:${other}`)?.nth).toBe(other);
        expect(table.get(missing)).toBeUndefined();
      }
    }
    for (let nth = 0; nth < 5000; nth++) expect(table.get(`key:${nth}`)?.nth).toBe(nth);
    expect([table.size, table.get(missing), table.get(`key:5000`)]).toEqual([5000, undefined, undefined]);
    expect(table.items().map(({ nth }) => nth)).toEqual(Array.from({ length: 5000 }, (_, nth) => nth));
  });

  it.each([0, 100])('returns the item that has the key already, beside %i other ones', (others) => {
    const table = new ItemTable<{ key: KeyColumn; nth: number }>();
    for (let nth = 0; nth < others; nth++) table.addIfAbsent(toItem(nth, nth));
    const first = toItem('key', -1);
    expect(table.addIfAbsent(first)).toBeUndefined();
    expect(table.addIfAbsent(toItem('key', -2))).toBe(first);
    expect(table.size).toBe(others + 1);
  });

  it.each([0, 100])('tells keys of different kinds apart, beside %i other ones', (others) => {
    const table = new ItemTable<{ key: KeyColumn; nth: number }>();
    for (let nth = 0; nth < others; nth++) table.addIfAbsent(toItem(`other ${nth}`));
    const keys: KeyColumn[] = ['1', 1, Uint8Array.of(0x31), Uint8Array.of(0x31, 0), ''];
    for (const [nth, key] of keys.entries()) table.addIfAbsent(toItem(key, nth));
    expect(keys.map((key) => table.get(key)?.nth)).toEqual([0, 1, 2, 3, 4]);
    expect(table.get(Uint8Array.of(0x31))?.nth).toBe(2);
    expect(table.get(new Uint8Array(0))).toBeUndefined();
  });

  it('tells keys with one hash apart', () => {
    const [one, other] = findCollision();
    const table = new ItemTable<{ key: KeyColumn; nth: number }>();
    for (let nth = 0; nth < 100; nth++) table.addIfAbsent(toItem(nth));
    table.addIfAbsent(toItem(one, 1));
    expect(table.get(other)).toBeUndefined();
    table.addIfAbsent(toItem(other, 2));
    expect([table.get(one)?.nth, table.get(other)?.nth]).toEqual([1, 2]);
  });

  it('is empty after it was cleared', () => {
    const table = new ItemTable<{ key: KeyColumn; nth: number }>();
    for (let nth = 0; nth < 100; nth++) table.addIfAbsent(toItem(nth, nth));
    table.clear();
    expect([table.size, table.get(5), table.items()]).toEqual([0, undefined, []]);
    table.addIfAbsent(toItem(5, 6));
    expect(table.get(5)?.nth).toBe(6);
  });
});
