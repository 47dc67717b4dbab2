import { describe, expect, it } from 'vitest';
import { hashKey, toRowChecksum, toValueChecksum } from '../../main/engine/values/encoding.ts';
import { encodeKey, type KeyColumn } from '../../main/engine/values/key.ts';

const hex = (digits: string): Uint8Array => new Uint8Array(Buffer.from(digits, 'hex'));

/** On users' disks: never change a line, only add. */
const FROZEN: readonly (readonly [key: KeyColumn, check: number, rowCheck: number])[] = [
  ['', 0, -2166136262],
  ['key', 0x3b8ba7c7, -1402892204],
  ['é😀', 5, -1154239909],
  [7.5, 0xffffffff, -1257078239],
  [500_000_000_000_000, 1, -3642974887],
  [hex('8020757365720010c04500000000000000'), 0x74672030, -3537390276],
];

describe('the checksum of a row', () => {
  it.each(FROZEN)('of the key %s never changes', (key, check, rowCheck) => {
    expect(toRowChecksum(check, key)).toBe(rowCheck);
    expect(toValueChecksum(rowCheck, key)).toBe(check);
  });

  it('of a row from before it covered the key is the checksum of the value', () => {
    for (const check of [0, 1, 0x3b8ba7c7, 0xffffffff]) expect(toValueChecksum(check, 'any')).toBe(check);
  });

  it('fits into four or six bytes, and a damaged one matches nothing', () => {
    for (const check of [0, 0xffffffff, 0x80000000]) {
      const rowCheck = toRowChecksum(check, 'key');
      expect(rowCheck).toBeLessThan(0);
      expect(rowCheck).toBeGreaterThanOrEqual(-(2 ** 32));
      expect(toValueChecksum(rowCheck - 2 ** 40, 'key')).toBeNaN();
    }
  });

  it('detects every changed bit of a key', () => {
    for (const key of ['key 17', 'ключ', '', 'x'.repeat(300)]) {
      const rowCheck = toRowChecksum(0x3b8ba7c7, key);
      for (let at = 0; at < key.length; at++) {
        for (let bit = 0; bit < 16; bit++) {
          const units = Array.from({ length: key.length }, (_, n) => key.charCodeAt(n) ^ (n === at ? 1 << bit : 0));
          expect(toValueChecksum(rowCheck, String.fromCharCode(...units))).not.toBe(0x3b8ba7c7);
        }
      }
    }
    const tuple = encodeKey(['user', 42]) as Uint8Array;
    const hash = hashKey(tuple);
    for (let at = 0; at < tuple.length * 8; at++) {
      const changed = tuple.slice();
      changed[at >> 3]! ^= 1 << (at & 7);
      expect(hashKey(changed)).not.toBe(hash);
    }
  });

  it('differs for a number, its text and its bytes', () => {
    expect(new Set([hashKey(7), hashKey('7'), hashKey(hex('0000000000001c40'))]).size).toBe(3);
  });
});
