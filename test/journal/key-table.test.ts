import { describe, expect, it } from 'vitest';
import { KeyTable } from '../../main/engine/journal/key-table.ts';
import { hashKey } from '../../main/engine/values/encoding.ts';
import type { KeyColumn } from '../../main/engine/values/key.ts';

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

describe('a table of pending keys', () => {
  it('finds each key and no other one, however many there are', () => {
    const table = new KeyTable();
    for (let nth = 0; nth < 5000; nth++) {
      expect(table.add(`key:${nth}`)).toBe(nth);
      if (nth < 40) {
        for (let other = 0; other <= nth; other++) expect(table.find(`key:${other}`)).toBe(other);
        expect(table.find('missing')).toBe(-1);
      }
    }
    for (let nth = 0; nth < 5000; nth++) expect([table.find(`key:${nth}`), table.at(nth)]).toEqual([nth, `key:${nth}`]);
    expect([table.size, table.find('missing'), table.find('key:5000')]).toEqual([5000, -1, -1]);
  });

  it.each([0, 100])('returns the number that a key has already, beside %i other ones', (others) => {
    const table = new KeyTable();
    for (let nth = 0; nth < others; nth++) table.add(nth);
    expect([table.add('key'), table.add('key'), table.size]).toEqual([others, others, others + 1]);
  });

  it.each([0, 100])('tells keys of different kinds apart, beside %i other ones', (others) => {
    const table = new KeyTable();
    for (let nth = 0; nth < others; nth++) table.add(`other ${nth}`);
    const keys: KeyColumn[] = ['1', 1, Uint8Array.of(0x31), Uint8Array.of(0x31, 0), ''];
    const numbers = keys.map((key) => table.add(key));
    expect(numbers).toEqual([0, 1, 2, 3, 4].map((nth) => others + nth));
    expect(keys.map((key) => table.find(key))).toEqual(numbers);
    expect(table.find(Uint8Array.of(0x31))).toBe(others + 2);
    expect(table.find(new Uint8Array(0))).toBe(-1);
  });

  it('tells keys with one hash apart', () => {
    const [one, other] = findCollision();
    const table = new KeyTable();
    for (let nth = 0; nth < 100; nth++) table.add(nth);
    table.add(one);
    expect(table.find(other)).toBe(-1);
    table.add(other);
    expect([table.find(one), table.find(other)]).toEqual([100, 101]);
  });

  it('is empty after it was cleared', () => {
    const table = new KeyTable();
    for (let nth = 0; nth < 100; nth++) table.add(nth);
    table.clear();
    expect([table.size, table.find(5)]).toEqual([0, -1]);
    expect(table.add(5)).toBe(0);
  });
});
