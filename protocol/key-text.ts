import { DiskCacheError } from './error.ts';
import { KEY_DEPTH, type Key } from './key.ts';
import { isByteKind, nativeKind } from './natives.ts';

/*
 * Keys as text, for addresses: JSON, in which an object with one property stands for what JSON has no word for:
 * {"number":"NaN"}, {"bigint":"5"}, {"date":0}, {"bytes":"00ff"} and, for a plain object, {"object":[["name",key],…]} with its
 * names sorted. Equal keys, and only those, are equal texts. Append-only: applications keep addresses.
 */

/** @param key a key that was looked at (`keyFault`). */
export const keyToText = (key: Key): string => JSON.stringify(plain(key));

function plain(key: Key): unknown {
  if (typeof key === 'bigint') return { bigint: String(key) };
  if (typeof key === 'number') return Number.isFinite(key) ? key : { number: String(key) };
  if (typeof key !== 'object' || key === null) return key;
  const kind = nativeKind(key);
  if (kind === 'Array') return (key as readonly Key[]).map(plain);
  if (kind === 'Date') return { date: (key as Date).getTime() };
  if (isByteKind(kind)) return { bytes: hex(key as Uint8Array) };
  const record = key as Readonly<Record<string, Key>>;
  return {
    object: Object.keys(record)
      .sort()
      .map((name) => [name, plain(record[name]!)]),
  };
}

/** @throws {DiskCacheError} `BAD_KEY` for a text that `keyToText` can't have given. */
export function keyFromText(text: string): Key {
  let parsed: unknown;
  try {
    parsed = JSON.parse(text);
  } catch (cause) {
    throw badText('is no JSON', cause);
  }
  return revived(parsed, 0);
}

function revived(part: unknown, depth: number): Key {
  if (depth > KEY_DEPTH) throw badText(`is nested deeper than ${KEY_DEPTH} levels`);
  if (typeof part !== 'object' || part === null) return part as Key;
  if (Array.isArray(part)) return part.map((element) => revived(element, depth + 1));
  const [[kind, content] = ['nothing', undefined], ...more] = Object.entries(part);
  const revive = Object.hasOwn(REVIVE, kind) ? REVIVE[kind as keyof typeof REVIVE] : undefined;
  const key = more.length === 0 ? revive?.(content, depth) : undefined;
  if (key === undefined) throw badText(`names ${JSON.stringify(kind.slice(0, 32))}, which is no kind of key`);
  return key;
}

const DECIMAL = /^-?\d+$/;
const HEX = /^(?:[0-9a-f]{2})*$/;
const NAMED_NUMBERS: Readonly<Record<string, number>> = {
  NaN: Number.NaN,
  Infinity: Number.POSITIVE_INFINITY,
  '-Infinity': Number.NEGATIVE_INFINITY,
};

const REVIVE = {
  number: (name: unknown) =>
    typeof name === 'string' && Object.hasOwn(NAMED_NUMBERS, name) ? NAMED_NUMBERS[name] : undefined,
  bigint: (digits: unknown) => (typeof digits === 'string' && DECIMAL.test(digits) ? BigInt(digits) : undefined),
  date: (time: unknown) => (typeof time === 'number' ? new Date(time) : undefined),
  bytes: (digits: unknown) => (typeof digits === 'string' && HEX.test(digits) ? unhex(digits) : undefined),
  object: (entries: unknown, depth: number) =>
    Array.isArray(entries) && entries.every(isEntry)
      ? Object.fromEntries(entries.map(([name, value]) => [name, revived(value, depth + 1)]))
      : undefined,
} satisfies Record<string, (content: unknown, depth: number) => Key | undefined>;

const isEntry = (entry: unknown): entry is [string, unknown] =>
  Array.isArray(entry) && entry.length === 2 && typeof entry[0] === 'string';

const hex = (bytes: Uint8Array): string => Array.from(bytes, (byte) => byte.toString(16).padStart(2, '0')).join('');

const unhex = (digits: string): Uint8Array =>
  Uint8Array.from({ length: digits.length / 2 }, (_, at) => Number.parseInt(digits.slice(2 * at, 2 * at + 2), 16));

const badText = (what: string, cause?: unknown): DiskCacheError =>
  new DiskCacheError('BAD_KEY', `The address's key ${what}; make addresses with diskCache.url(store, key)`, { cause });
