import { copyValue, isDense } from './clone.ts';
import { DiskCacheError } from './error.ts';
import type { Key } from './key.ts';
import { isWellFormed, MAX_KEY_BYTES, MAX_KEY_DEPTH } from './key-limits.ts';
import { isPlainObject } from './native-types.ts';

/** Bytes as lower-case hexadecimal. */
export const toHex = (bytes: Uint8Array): string =>
  Array.from(bytes, (byte) => byte.toString(16).padStart(2, '0')).join('');

/*
 * Keys as text, for URLs. The text is JSON in which an object with one property represents a type JSON lacks: {"number":"NaN"},
 * {"bigint":"5"}, {"date":0}, {"bytes":"00ff"} and, for a plain object, {"object":[["name",key],…]} with its names sorted. Invariant: two
 * texts are equal exactly when their keys are equal. Append-only: applications store URLs.
 */

/**
 * Returns the text of a key.
 *
 * @throws {DiskCacheError} `BAD_KEY` for a value that can't be a key.
 */
export function toKeyText(key: Key): string {
  let copy: unknown;
  try {
    // A private copy, so that every part is of the type it appears to be.
    copy = copyValue(key);
  } catch {
    throw badKey();
  }
  let size = 0;
  const toJson = (part: unknown, depth: number): unknown => {
    // Each part takes at least one byte when stored, so this limit also ends the walk over a key that contains itself.
    size += typeof part === 'string' ? part.length : 1;
    if (size > MAX_KEY_BYTES || depth > MAX_KEY_DEPTH) throw badKey();
    if (typeof part === 'bigint') return { bigint: String(part) };
    if (typeof part === 'number') return Number.isFinite(part) ? part : { number: String(part) };
    if (part === null || typeof part === 'boolean' || (typeof part === 'string' && isWellFormed(part))) return part;
    if (typeof part !== 'object') throw badKey();
    if (isPlainObject(part)) {
      const names = Object.keys(part).sort();
      return { object: names.map((name) => [toJson(name, depth), toJson(part[name], depth + 1)]) };
    }
    if (Array.isArray(part) && isDense(Object.keys(part), part.length)) {
      return part.map((element) => toJson(element, depth + 1));
    }
    if (part instanceof Date && !Number.isNaN(Number(part))) return { date: Number(part) };
    if (part instanceof Uint8Array) return { bytes: toHex(part) };
    throw badKey();
  };
  return JSON.stringify(toJson(copy, 0));
}

const badKey = (): DiskCacheError =>
  new DiskCacheError(
    'BAD_KEY',
    `This key has no URL: a part of it can't be in a key, or it has more than ${MAX_KEY_BYTES} bytes or ${MAX_KEY_DEPTH} levels`,
  );

/**
 * Returns the key of a text.
 *
 * @throws {DiskCacheError} `BAD_KEY` for a text that `toKeyText` can't have returned.
 */
export function parseKeyText(text: string): Key {
  let parsed: unknown;
  try {
    parsed = JSON.parse(text);
  } catch (cause) {
    throw badText('is not JSON', cause);
  }
  return reviveKey(parsed, 0);
}

function reviveKey(part: unknown, depth: number): Key {
  if (depth > MAX_KEY_DEPTH) throw badText(`is nested deeper than ${MAX_KEY_DEPTH} levels`);
  if (typeof part !== 'object' || part === null) return part as Key;
  if (Array.isArray(part)) return part.map((element) => reviveKey(element, depth + 1));
  const [[kind, content] = ['nothing', undefined], ...more] = Object.entries(part);
  const revive = Object.hasOwn(REVIVERS, kind) ? REVIVERS[kind as keyof typeof REVIVERS] : undefined;
  const key = more.length === 0 ? revive?.(content, depth) : undefined;
  if (key === undefined) throw badText(`names ${JSON.stringify(kind.slice(0, 32))}, which is not a kind of key`);
  return key;
}

const DECIMAL = /^-?\d+$/;
const HEX = /^(?:[0-9a-f]{2})*$/;
const NAMED_NUMBERS: Readonly<Record<string, number>> = {
  NaN: Number.NaN,
  Infinity: Number.POSITIVE_INFINITY,
  '-Infinity': Number.NEGATIVE_INFINITY,
};

const REVIVERS = {
  number: (name: unknown) =>
    typeof name === 'string' && Object.hasOwn(NAMED_NUMBERS, name) ? NAMED_NUMBERS[name] : undefined,
  bigint: (digits: unknown) => (typeof digits === 'string' && DECIMAL.test(digits) ? BigInt(digits) : undefined),
  date: (time: unknown) => (typeof time === 'number' ? new Date(time) : undefined),
  bytes: (digits: unknown) => (typeof digits === 'string' && HEX.test(digits) ? fromHex(digits) : undefined),
  object: (entries: unknown, depth: number) =>
    Array.isArray(entries) && entries.every(isEntry)
      ? Object.fromEntries(entries.map(([name, value]) => [name, reviveKey(value, depth + 1)]))
      : undefined,
} satisfies Record<string, (content: unknown, depth: number) => Key | undefined>;

const isEntry = (entry: unknown): entry is [string, unknown] =>
  Array.isArray(entry) && entry.length === 2 && typeof entry[0] === 'string';

const fromHex = (digits: string): Uint8Array =>
  Uint8Array.from({ length: digits.length / 2 }, (_, at) => Number.parseInt(digits.slice(2 * at, 2 * at + 2), 16));

const badText = (what: string, cause?: unknown): DiskCacheError =>
  new DiskCacheError('BAD_KEY', `The URL's key ${what}; make URLs with diskCache.url(store, key)`, { cause });
