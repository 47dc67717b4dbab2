import { constants } from 'node:buffer';
import { isPromise, isUint8Array } from 'node:util/types';
import { crc32 } from 'node:zlib';
import { findValueFault } from '../../../protocol/clone-check.ts';
import { getErrorMessage } from '../../../protocol/describe-value.ts';
import { DiskCacheError } from '../../../protocol/error.ts';
import { isWellFormed } from '../../../protocol/key-limits.ts';
import { getNativeKind } from '../../../protocol/native-slots.ts';
import { isByteType } from '../../../protocol/native-types.ts';
import type { CacheOptions, Codec } from '../../../protocol/options.ts';
import type { KeyColumn } from './key.ts';
import {
  CloneWalk,
  countWrittenParts,
  deserialize,
  inheritsToJson,
  JsonWalk,
  serialize,
  takeSnapshot,
} from './structured-clone.ts';

/** How a value is stored in its column or file. On disk: never renumber; append. */
export const ENCODING = {
  /** A string, unchanged. */
  text: 0,
  /** A number, unchanged. */
  number: 1,
  /** Bytes, unchanged. */
  bytes: 2,
  /** JSON text. */
  json: 3,
  /** A bigint that fits into 64 bits, as decimal digits. */
  bigint: 4,
  /** The word `undefined` or `NaN`: no column can hold these values. */
  word: 5,
  /** Structured clone, see `structured-clone.ts`. */
  structured: 6,
  /** Text returned by a custom codec. */
  customText: 7,
  /** Bytes returned by a custom codec. */
  customBytes: 8,
} as const;

/** Whether this version knows a mode. Expects the mode without `ZSTD_FLAG`. */
const isEncoding = (mode: number): boolean => (Object.values(ENCODING) as number[]).includes(mode);

/** Modes that every version and every runtime can read. */
export const PLAIN_ENCODINGS: readonly number[] = [
  ENCODING.text,
  ENCODING.number,
  ENCODING.bytes,
  ENCODING.json,
  ENCODING.bigint,
  ENCODING.word,
];

/** Added to the mode of a compressed value. On disk; all modes are smaller. */
export const ZSTD_FLAG = 64;
/** Added to the mode of a sealed value, after the other flag. On disk. */
export const SEALED_FLAG = 128;

/** Modes whose payload is text: TEXT in a column; UTF-8 bytes in a file or when compressed. */
const TEXT_ENCODINGS: ReadonlySet<number> = new Set([
  ENCODING.text,
  ENCODING.json,
  ENCODING.bigint,
  ENCODING.word,
  ENCODING.customText,
]);
export const isTextEncoding = (mode: number): boolean => TEXT_ENCODINGS.has(mode);

/** A value as a database column or a file holds it. */
export type Stored = string | number | Uint8Array;

/** zlib counts bytes in 32 bits. */
const MAX_CRC_BYTES = 1024 ** 3;

const number = new Float64Array(1);
const numberBytes = new Uint8Array(number.buffer);

/**
 * Returns the CRC-32 (ISO 3309, as in gzip) of stored data. `start` is the value's mode, so that a damaged mode is detected too, or
 * the checksum of the chunks before. Text is hashed as its UTF-8 bytes, in a column as in a file. It detects accidents, not
 * tampering: an attacker who can write the file can write the checksum. About 0.15 µs for 100 bytes, 6 GB/s.
 */
export function checksum(start: number, data: Stored): number {
  // A damaged mode must not match any checksum.
  if (start !== start >>> 0) return Number.NaN;
  // Older Nodes pass zlib a null pointer for empty data, which would reset the sum.
  if (typeof data === 'object' && data.length > MAX_CRC_BYTES) return checksumInChunks(start, data);
  if (typeof data !== 'number') return data.length === 0 ? start : crc32(data, start);
  number[0] = data;
  return crc32(numberBytes, start);
}

function checksumInChunks(start: number, data: Uint8Array): number {
  let check = start;
  for (let at = 0; at < data.length; at += MAX_CRC_BYTES) check = crc32(data.subarray(at, at + MAX_CRC_BYTES), check);
  return check;
}

/*
 * The column `checksum` of a row has two forms. The oldest rows hold the checksum of the value alone, 0 to 2^32 − 1. Newer rows that
 * are found by key hold −1 − (checksum XOR hash of the key): if a damaged index or key leads to the wrong row, its checksum doesn't
 * match the requested key. XOR can be undone, so one form converts to the other without reading the value or its file.
 */

/** FNV-1a, 32 bits (Fowler, Noll, Vo). Each step is a bijection, so changing one unit of a key always changes the hash. */
const FNV_PRIME = 0x01000193;
/** Start values of the hashes of text, numbers and bytes. On disk. */
const TEXT_HASH_START = 0x811c9dc5;
const NUMBER_HASH_START = 0x050c5d1f;
const BYTES_HASH_START = 0x24a8dd1d;

const MIN_ROW_CHECKSUM = -(2 ** 32);

const keyNumber = new Float64Array(1);
const keyNumberBytes = new Uint8Array(keyNumber.buffer);

/** Returns the hash of a key column: of the UTF-16 units of text, of the eight little-endian bytes of a number. About 1 ns per unit. */
export function hashKey(key: KeyColumn): number {
  if (typeof key === 'string') {
    let hash = TEXT_HASH_START;
    for (let at = 0; at < key.length; at++) hash = Math.imul(hash ^ key.charCodeAt(at), FNV_PRIME);
    return hash;
  }
  // Damage can turn a key into NULL.
  if (typeof key !== 'number') return hashBytes(BYTES_HASH_START, key ?? []);
  keyNumber[0] = key;
  return hashBytes(NUMBER_HASH_START, keyNumberBytes);
}

function hashBytes(start: number, bytes: ArrayLike<number>): number {
  let hash = start;
  for (let at = 0; at < bytes.length; at++) hash = Math.imul(hash ^ bytes[at]!, FNV_PRIME);
  return hash;
}

/** Returns the row's checksum for the checksum of its value. */
export const toRowChecksum = (check: number, key: KeyColumn): number => -1 - ((check ^ hashKey(key)) >>> 0);

/** Returns the checksum that the value must have if the row belongs to this key; NaN for an impossible one. */
export function toValueChecksum(rowCheck: number, key: KeyColumn): number {
  if (!(rowCheck < 0)) return rowCheck;
  return rowCheck < MIN_ROW_CHECKSUM ? Number.NaN : ((-1 - rowCheck) ^ hashKey(key)) >>> 0;
}

type CodecOption = Required<CacheOptions>['codec'];

/** An encoded value before compression. */
export interface Payload {
  readonly mode: number;
  readonly data: Stored;
}

/**
 * Returns the simplest payload from which an equal value can be restored: a native column value, JSON, or structured clone.
 *
 * @throws {DiskCacheError} `BAD_VALUE` with the path of the part that can't be stored; `TOO_LARGE`
 */
export function toPayload(value: unknown, codec: CodecOption): Payload {
  if (typeof codec === 'object') return toCustomPayload(value, codec);
  if (typeof value === 'string') {
    return isWellFormed(value) ? { mode: ENCODING.text, data: value } : toBrokenTextPayload(value, codec);
  }
  const jsonOnly = codec === 'json';
  if (!jsonOnly && typeof value !== 'object') return toPrimitivePayload(value);
  const snapshot = takeSnapshot(value);
  if (snapshot === undefined) throw badValueError(describeFault(value));
  const { copy, json, hasProxy } = snapshot;
  if (jsonOnly && !json) assertJson(copy);
  if (hasProxy && !jsonOnly) throw badValueError(describeFault(value, new CloneWalk()));
  if (typeof copy === 'number') return { mode: ENCODING.number, data: copy };
  return json || jsonOnly ? toJsonPayload(copy, jsonOnly) : toClonePayload(copy as object);
}

/** Returns why a value can't be stored. The second reading may find no fault if a getter returns something else now. */
const describeFault = (value: unknown, walk?: CloneWalk): string =>
  findValueFault(value, 'value', walk) ?? 'value has a getter or proxy that changes with each read';

/** JSON writes a shared object once per reference, so the text can be many times larger than the value. */
const MAX_WRITTEN_PARTS = 2 ** 24;

/** @throws {DiskCacheError} `BAD_VALUE`, `TOO_LARGE` */
function assertJson(copy: unknown): void {
  const fault = findValueFault(copy, 'value', new JsonWalk());
  if (fault !== undefined) throw badValueError(fault);
  if (inheritsToJson()) throw badValueError('value would be changed by the toJSON on a built-in prototype');
  const parts = countWrittenParts(copy);
  if (parts <= MAX_WRITTEN_PARTS) return;
  throw new DiskCacheError(
    'TOO_LARGE',
    `value refers to the same objects many times: JSON would write ${parts} parts, the limit is ${MAX_WRITTEN_PARTS}; refer to them by a key, or choose the codec 'structured'`,
  );
}

/** Characters that JSON needs for a lone surrogate (`\ud800`). */
const ESCAPE_CHARACTERS = 6;

/** Encodes a string with lone surrogates: as JSON, unless that could exceed the maximum length of a string. */
function toBrokenTextPayload(value: string, codec: CodecOption): Payload {
  const { MAX_STRING_LENGTH } = constants;
  if (value.length * ESCAPE_CHARACTERS + 2 <= MAX_STRING_LENGTH) return toJsonPayload(value, codec === 'json');
  if (codec !== 'json') return { mode: ENCODING.structured, data: serialize(value) };
  if (getMinJsonLength(value) > MAX_STRING_LENGTH) throw valueTooLargeError(JSON_TOO_LONG);
  return toJsonPayload(value, true);
}

/** Returns the least length of the string as JSON. Counted in advance because writing such a text takes minutes before it fails. */
function getMinJsonLength(value: string): number {
  let length = value.length + 2;
  for (let at = 0; at < value.length; at++) {
    const unit = value.charCodeAt(at);
    if (unit < 0xd800 || unit > 0xdfff) continue;
    const next = value.charCodeAt(at + 1);
    if (unit < 0xdc00 && next >= 0xdc00 && next <= 0xdfff) at++;
    else length += ESCAPE_CHARACTERS - 1;
  }
  return length;
}

const JSON_TOO_LONG = 'value as JSON is longer than a string can be; store it in parts';

/** Encodes a value that is neither a string nor an object, if the codec isn't limited to JSON. */
function toPrimitivePayload(value: unknown): Payload {
  switch (typeof value) {
    case 'number':
      return Number.isNaN(value) ? { mode: ENCODING.word, data: 'NaN' } : { mode: ENCODING.number, data: value };
    case 'undefined':
      return { mode: ENCODING.word, data: 'undefined' };
    case 'bigint':
      return BigInt.asIntN(64, value) === value
        ? { mode: ENCODING.bigint, data: String(value) }
        : { mode: ENCODING.structured, data: serialize(value) };
    case 'boolean':
      return { mode: ENCODING.json, data: String(value) };
    default:
      throw badValueError(`value is a ${typeof value}`);
  }
}

function toJsonPayload(value: unknown, jsonOnly: boolean): Payload {
  try {
    return { mode: ENCODING.json, data: JSON.stringify(value) };
  } catch (cause) {
    if (!isSizeError(cause)) throw badValueError(`value cannot be written as JSON (${getErrorMessage(cause)})`, cause);
    if (!jsonOnly) return toClonePayload(value as object);
    throw valueTooLargeError(JSON_TOO_LONG, cause);
  }
}

function toClonePayload(value: object): Payload {
  if (isByteType(getNativeKind(value))) return { mode: ENCODING.bytes, data: value as Uint8Array };
  try {
    return { mode: ENCODING.structured, data: serialize(value) };
  } catch (cause) {
    if (cause instanceof DiskCacheError) throw cause;
    if (isSizeError(cause))
      throw valueTooLargeError(`value is too large to be cloned (${getErrorMessage(cause)})`, cause);
    throw badValueError(findValueFault(value) ?? `value cannot be cloned (${getErrorMessage(cause)})`, cause);
  }
}

function toCustomPayload(value: unknown, codec: Codec): Payload {
  let data: unknown;
  try {
    data = codec.encode(value);
  } catch (cause) {
    throw badValueError(`value was refused by the codec "${codec.name}" (${getErrorMessage(cause)})`, cause);
  }
  if (typeof data === 'string' && isWellFormed(data)) return { mode: ENCODING.customText, data };
  if (isUint8Array(data)) return { mode: ENCODING.customBytes, data };
  ignoreRejection(data);
  throw badValueError(`the codec "${codec.name}" returned neither a Uint8Array nor a well-formed string`);
}

/**
 * Decodes a payload. With `owned`, bytes become the value without a copy.
 *
 * @throws {Error} for damaged data.
 * @throws {DiskCacheError} `UNSUPPORTED_VERSION`, `BAD_OPTION` (the custom codec is missing)
 */
export function restorePayload(mode: number, data: Stored, codec: CodecOption, owned: boolean): unknown {
  if (isTextEncoding(mode)) return parseText(mode, toText(data), codec);
  if (mode === ENCODING.number && typeof data === 'number') return data;
  if (typeof data !== 'object') throw new Error(`mode ${mode} does not fit a ${typeof data} column`);
  switch (mode) {
    case ENCODING.bytes:
      return toPlainBytes(data, owned);
    case ENCODING.structured:
      return deserialize(data);
    case ENCODING.customBytes:
      return decodeWithCodec(assertCustomCodec(codec), toPlainBytes(data, owned));
    default:
      if (isEncoding(mode)) throw new Error(`mode ${mode} does not fit a column of bytes`);
      throw new DiskCacheError(
        'UNSUPPORTED_VERSION',
        `The stored value has mode ${mode}, which this version does not know; it was written by a newer version: update deskcache`,
      );
  }
}

function parseText(mode: number, text: string, codec: CodecOption): unknown {
  switch (mode) {
    case ENCODING.text:
      return text;
    case ENCODING.json:
      return JSON.parse(text);
    case ENCODING.bigint:
      return BigInt(text);
    case ENCODING.customText:
      return decodeWithCodec(assertCustomCodec(codec), text);
    default:
      return parseLiteral(text);
  }
}

function parseLiteral(text: string): number | undefined {
  if (text === 'undefined') return undefined;
  if (text === 'NaN') return Number.NaN;
  throw new Error(`the word ${JSON.stringify(text)} is unknown`);
}

function toText(data: Stored): string {
  if (typeof data === 'string') return data;
  if (typeof data === 'number') throw new Error('text does not fit a number column');
  return Buffer.from(data.buffer, data.byteOffset, data.byteLength).toString();
}

/** Returns a plain `Uint8Array` (not a Buffer) whose memory holds nothing else. */
function toPlainBytes(data: Uint8Array, owned: boolean): Uint8Array {
  if (owned && data.byteLength === data.buffer.byteLength) return new Uint8Array(data.buffer);
  return new Uint8Array(data);
}

function assertCustomCodec(codec: CodecOption): Codec {
  if (typeof codec === 'object') return codec;
  throw new DiskCacheError(
    'BAD_OPTION',
    'The stored value was written by a codec of your own; open the cache with that codec',
  );
}

/** The checksum has matched, so a value that the codec refuses is not damaged: another version of the codec wrote it. */
function decodeWithCodec(codec: Codec, data: string | Uint8Array): unknown {
  try {
    const value = codec.decode(data);
    if (!isPromise(value)) return value;
    ignoreRejection(value);
  } catch (cause) {
    throw new DiskCacheError(
      'UNSUPPORTED_VERSION',
      `The codec "${codec.name}" can't decode the stored value (${getErrorMessage(cause)}); open the store with the version that wrote it`,
      { cause },
    );
  }
  throw new DiskCacheError('BAD_OPTION', `The codec "${codec.name}" decodes to a promise; give a synchronous one`);
}

/** A promise that is refused already: its own failure would be reported a second time, as unhandled. */
function ignoreRejection(refused: unknown): void {
  if (isPromise(refused)) refused.catch(() => {});
}

/**
 * Whether an error of the runtime is about size: a length, memory or stack depth. A typed array that doesn't fit its buffer is
 * a RangeError too, but means damage.
 */
export const isSizeError = (error: unknown): boolean =>
  (error instanceof RangeError && !/multiple of|offset/i.test(error.message)) ||
  /TOO_LONG|TOO_LARGE|memory_allocation/.test(String(Object(error).code));

export const valueTooLargeError = (fault: string, cause?: unknown): DiskCacheError =>
  new DiskCacheError('TOO_LARGE', fault, { cause });

const badValueError = (fault: string, cause?: unknown): DiskCacheError =>
  new DiskCacheError('BAD_VALUE', `${fault}; store plain data instead, or give the cache a codec`, { cause });
