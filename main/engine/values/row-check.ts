import type { KeyColumn } from './key.ts';

/*
 * The column `checksum` of a row. What was stored first holds the check of its value alone, from 0 to 2^32 − 1. Since then a row
 * that is found by its key holds −1 − (check XOR hash of the key): a damaged index, or a damaged key, leads to a row whose check
 * doesn't fit the key that was asked for. Exclusive or, so that neither the value nor its file has to be read to tell one from the other.
 */

/** FNV-1a, 32 bits (Fowler, Noll, Vo). Each step is a bijection, so one changed unit of a key changes the hash for certain. */
const FNV_PRIME = 0x01000193;
/** Where the hash of a text, of a number and of bytes begins. On disk. */
const TEXT_START = 0x811c9dc5;
const NUMBER_START = 0x050c5d1f;
const BYTES_START = 0x24a8dd1d;

const SMALLEST = -(2 ** 32);

const number = new Float64Array(1);
const numberBytes = new Uint8Array(number.buffer);

/** A hash of a key column: of a text its UTF-16 units, of a number its eight bytes, little-endian. About 1 ns for a unit. */
export function getKeyHash(key: KeyColumn): number {
  if (typeof key === 'string') {
    let hash = TEXT_START;
    for (let at = 0; at < key.length; at++) hash = Math.imul(hash ^ key.charCodeAt(at), FNV_PRIME);
    return hash;
  }
  // Damage makes NULL of a key.
  if (typeof key !== 'number') return hashBytes(BYTES_START, key ?? []);
  number[0] = key;
  return hashBytes(NUMBER_START, numberBytes);
}

function hashBytes(start: number, bytes: ArrayLike<number>): number {
  let hash = start;
  for (let at = 0; at < bytes.length; at++) hash = Math.imul(hash ^ bytes[at]!, FNV_PRIME);
  return hash;
}

/** Returns what the row of a key holds for the check of its value. */
export const toRowCheck = (check: number, key: KeyColumn): number => -1 - ((check ^ getKeyHash(key)) >>> 0);

/** Returns the check that the value has to have, when the row was found by, or holds, this key. */
export function toValueCheck(rowCheck: number, key: KeyColumn): number {
  if (!(rowCheck < 0)) return rowCheck;
  return rowCheck < SMALLEST ? Number.NaN : ((-1 - rowCheck) ^ getKeyHash(key)) >>> 0;
}
