import { types } from 'node:util';
import { DiskCacheError } from '../../../protocol/error.ts';

/**
 * Values as JSON. What JSON doesn't have is an object with one member whose name begins with `$`: `{"$bytes": "base64"}`, `{"$date": "ISO 8601"}`,
 * `{"$bigint": "1"}`, `{"$number": "NaN"}`, `{"$undefined": true}`, `{"$map": [[key, value]]}`, `{"$set": [value]}`,
 * `{"$error": {name, message}}`, `{"$regexp": [source, flags]}`. An object that itself has only one such member is inside `{"$object": …}`.
 */
export const toJson = (value: unknown): unknown => convert(value, []);

/** `ancestors`: the objects that the value is in. */
function convert(value: unknown, ancestors: readonly object[]): unknown {
  if (value === undefined) return { $undefined: true };
  if (typeof value === 'bigint') return { $bigint: `${value}` };
  if (typeof value === 'number')
    return Number.isFinite(value) && !Object.is(value, -0)
      ? value
      : { $number: Object.is(value, -0) ? '-0' : `${value}` };
  if (typeof value !== 'object' || value === null) return value;
  if (ancestors.includes(value))
    throw new DiskCacheError(
      'BAD_VALUE',
      'The value contains itself, which JSON can’t express; show it in another way',
    );
  const inner = (member: unknown): unknown => convert(member, [...ancestors, value]);
  if (Array.isArray(value)) return Array.from(value, inner);
  return toTagged(value, inner) ?? toPlain(value, inner);
}

type Convert = (member: unknown) => unknown;

function toTagged(value: object, inner: Convert): object | undefined {
  if (types.isDate(value)) return { $date: Number.isNaN(value.getTime()) ? 'Invalid Date' : value.toISOString() };
  if (ArrayBuffer.isView(value)) return { $bytes: toBase64(value.buffer, value.byteOffset, value.byteLength) };
  if (types.isAnyArrayBuffer(value)) return { $bytes: toBase64(value, 0, value.byteLength) };
  if (types.isMap(value)) return { $map: Array.from(value, ([key, item]) => [inner(key), inner(item)]) };
  if (types.isSet(value)) return { $set: Array.from(value, inner) };
  if (types.isRegExp(value)) return { $regexp: [value.source, value.flags] };
  if (types.isNativeError(value)) return { $error: { name: value.name, message: value.message } };
  if (types.isBoxedPrimitive(value)) return inner(value.valueOf()) as object;
  return undefined;
}

const toBase64 = (buffer: ArrayBufferLike, offset: number, length: number): string =>
  Buffer.from(buffer, offset, length).toString('base64');

function toPlain(value: object, inner: Convert): object {
  const plain = Object.fromEntries(Object.entries(value).map(([name, member]) => [name, inner(member)]));
  return getTag(value) === undefined ? plain : { $object: plain };
}

/** Returns the only member of an object if its name begins with `$`. */
function getTag(value: object): readonly [name: string, member: unknown] | undefined {
  const [member, ...others] = Object.entries(value);
  return member?.[0].startsWith('$') && others.length === 0 ? member : undefined;
}

const READERS: Readonly<Record<string, (member: unknown) => unknown>> = {
  $undefined: () => undefined,
  $bigint: (member) => BigInt(String(member)),
  $number: (member) => Number(member),
  $date: (member) => new Date(String(member)),
  $bytes: (member) => new Uint8Array(Buffer.from(String(member), 'base64')),
  $map: (member) => new Map((member as unknown[][]).map(([key, item]) => [fromJson(key), fromJson(item)])),
  $set: (member) => new Set((member as unknown[]).map(fromJson)),
  $regexp: (member) => new RegExp(...(member as [string, string])),
  $error: (member) => Object.assign(new Error(String(Object(member).message)), { name: String(Object(member).name) }),
  $object: (member) => fromMembers(member as object),
};

/** The inverse of `toJson`, for what `JSON.parse` returns. Views of bytes come back as `Uint8Array`. */
export function fromJson(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(fromJson);
  if (!isRecord(value)) return value;
  const [tag, member] = getTag(value) ?? [];
  return tag !== undefined && Object.hasOwn(READERS, tag) ? READERS[tag]!(member) : fromMembers(value);
}

const isRecord = (value: unknown): value is Record<string, unknown> => typeof value === 'object' && value !== null;

const fromMembers = (value: object): object =>
  Object.fromEntries(Object.entries(value).map(([name, member]) => [name, fromJson(member)]));
