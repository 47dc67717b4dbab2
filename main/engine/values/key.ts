import { getErrorMessage } from '../../../protocol/describe-value.ts';
import { DiskCacheError } from '../../../protocol/error.ts';
import { findKeyFault, type Key } from '../../../protocol/key.ts';
import { isWellFormed, KEY_PARTS_HINT, MAX_KEY_BYTES } from '../../../protocol/key-limits.ts';
import type { Range } from '../../../protocol/options.ts';
import { TupleReader, TupleWriter } from './tuple.ts';

/** A key as stored in the database: TEXT, REAL or BLOB. SQLite's comparison of them is the order of keys. */
export type KeyColumn = string | number | Uint8Array;

/**
 * Encodes a key: strings as TEXT and numbers as REAL, both unchanged (−0 becomes 0); everything else, and `NaN`, as an
 * order-preserving tuple (BLOB, see `tuple.ts`). Columns are equal if and only if the keys are. O(size of the key); strings and
 * numbers cost next to nothing.
 *
 * @throws {DiskCacheError} `BAD_KEY` with the path of the part that can't be in a key, or with the size of a key that is too long.
 */
export function encodeKey(key: Key): KeyColumn {
  if (typeof key === 'string') {
    if (!isWellFormed(key)) throw badKeyError('key is a string with a lone surrogate');
    // A UTF-16 unit takes at most three bytes, so short strings need no counting.
    if (key.length * 3 > MAX_KEY_BYTES && Buffer.byteLength(key) > MAX_KEY_BYTES)
      throw tooLongError(Buffer.byteLength(key));
    return key;
  }
  // biome-ignore lint/suspicious/noSelfCompare: false for NaN alone
  if (typeof key === 'number' && key === key) return key + 0; // −0 + 0 is 0
  const fault = findKeyFault(key);
  if (fault !== undefined) throw badKeyError(fault);
  const writer = new TupleWriter();
  try {
    writer.write(key);
  } catch (error) {
    // A getter returned something else the second time.
    throw badKeyError(`key has a getter that changes with each read (${getErrorMessage(error)})`);
  }
  if (writer.length > MAX_KEY_BYTES) throw tooLongError(writer.length);
  return writer.toBytes();
}

/**
 * Decodes the key of a column. Bytes in it are plain `Uint8Array`s with memory of their own.
 *
 * @throws {DiskCacheError} `CORRUPT` if the column is not an encoded key.
 */
export function decodeKey(column: KeyColumn): Key {
  if (typeof column !== 'object') return column;
  if (column === null) throw new DiskCacheError('CORRUPT', 'A stored key is NULL; check({ repair: true }) removes it');
  try {
    return new TupleReader(column).readKey();
  } catch (cause) {
    const hex = Buffer.from(column.subarray(0, 32)).toString('hex');
    throw new DiskCacheError('CORRUPT', `The stored key x'${hex}' is damaged; check({ repair: true }) removes it`, {
      cause,
    });
  }
}

/** A range of keys: `lower` is inclusive, `upper` is exclusive, undefined means unbounded. */
export interface KeyBounds {
  readonly lower: KeyColumn | undefined;
  readonly upper: KeyColumn | undefined;
}

/**
 * Returns the intersection of `from` (inclusive), `to` (exclusive) and `prefix`. An array prefix matches every array that begins
 * with its elements, itself included; a string prefix matches every string that begins with its characters.
 *
 * @throws {DiskCacheError} `BAD_KEY` for a bound that isn't a key, `BAD_OPTION` for a prefix that is neither array nor string.
 */
export function parseKeyBounds(range: Pick<Range, 'from' | 'to' | 'prefix'>): KeyBounds {
  const lower = range.from === undefined ? undefined : encodeKey(range.from);
  const upper = range.to === undefined ? undefined : encodeKey(range.to);
  if (range.prefix === undefined) return { lower, upper };
  const within = getPrefixBounds(range.prefix);
  return {
    lower: lower === undefined || compareColumns(lower, within.lower) < 0 ? within.lower : lower,
    upper: upper === undefined || compareColumns(upper, within.upper) > 0 ? within.upper : upper,
  };
}

function getPrefixBounds(prefix: Key): { readonly lower: KeyColumn; readonly upper: KeyColumn } {
  if (typeof prefix === 'string') return { lower: encodeKey(prefix), upper: getStringUpperBound(prefix) };
  if (!isArrayKey(prefix)) {
    throw new DiskCacheError('BAD_OPTION', 'prefix is neither an array nor a string; use from and to for other keys');
  }
  const whole = encodeKey(prefix) as Uint8Array;
  const lower = whole.slice(0, -1); // without the array's end tag
  const upper = whole.slice();
  upper[upper.length - 1] = AFTER_EVERY_PART;
  return { lower, upper };
}

/** As `Array.isArray`, which throws for a proxy that was revoked; `encodeKey` tells its fault. */
export function isArrayKey(key: Key): key is readonly Key[] {
  try {
    return Array.isArray(key);
  } catch {
    throw badKeyError('key is a proxy that was revoked');
  }
}

/** Larger than every type byte. */
const AFTER_EVERY_PART = 0xff;

const LAST_CODE_POINT = 0x10ffff;
const LAST_BEFORE_SURROGATES = 0xd7ff;
const FIRST_AFTER_SURROGATES = 0xe000;

/** Returns the least column above every string with this prefix: its last code point incremented or, if none can be, the first BLOB. */
function getStringUpperBound(prefix: string): KeyColumn {
  const points = Array.from(prefix, (character) => character.codePointAt(0)!);
  while (points.at(-1) === LAST_CODE_POINT) points.pop();
  const last = points.pop();
  if (last === undefined) return new Uint8Array(0);
  return String.fromCodePoint(...points, last === LAST_BEFORE_SURROGATES ? FIRST_AFTER_SURROGATES : last + 1);
}

/** Compares two columns in SQLite's order: REAL, TEXT by UTF-8 bytes, BLOB. Returns a negative number, zero or a positive number. */
export function compareColumns(a: KeyColumn, b: KeyColumn): number {
  if (typeof a === 'number' && typeof b === 'number') return a < b ? -1 : Number(a > b);
  if (typeof a === 'string' && typeof b === 'string') return compareStrings(a, b);
  if (typeof a === 'object' && typeof b === 'object') return Buffer.compare(a, b);
  return getTypeRank(a) - getTypeRank(b);
}

/** Compares by UTF-8 bytes without encoding: UTF-16 units have the same order, except surrogates (code points above U+FFFF). */
function compareStrings(a: string, b: string): number {
  const length = Math.min(a.length, b.length);
  for (let at = 0; at < length; at++) {
    const [one, other] = [a.charCodeAt(at), b.charCodeAt(at)];
    if (one !== other) return isSurrogate(one) === isSurrogate(other) ? one - other : isSurrogate(one) ? 1 : -1;
  }
  return a.length - b.length;
}

const isSurrogate = (unit: number): boolean => unit >= 0xd800 && unit <= 0xdfff;

const getTypeRank = (column: KeyColumn): number => ['number', 'string', 'object'].indexOf(typeof column);

function badKeyError(fault: string): DiskCacheError {
  return new DiskCacheError('BAD_KEY', `${fault}; ${KEY_PARTS_HINT}`);
}

function tooLongError(bytes: number): DiskCacheError {
  return new DiskCacheError(
    'BAD_KEY',
    `key is ${bytes} bytes long, the limit is ${MAX_KEY_BYTES}; use a digest of it as the key`,
  );
}
