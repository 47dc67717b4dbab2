import { constants } from 'node:buffer';
import { isPromise, isUint8Array } from 'node:util/types';
import { crc32 } from 'node:zlib';
import { findValueFault } from '../../../protocol/clone-check.ts';
import { DiskCacheError, getErrorMessage } from '../../../protocol/error.ts';
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

/** How a value stands in its column or file. On disk: never renumber; append. */
export const ENCODING = {
  /** A string, as it is. */
  text: 0,
  /** A number, as it is. */
  number: 1,
  /** Bytes, as they are. */
  bytes: 2,
  /** JSON text. */
  json: 3,
  /** A bigint of 64 bits, in decimal digits. */
  bigint: 4,
  /** `undefined` or `NaN`, which no column holds. */
  word: 5,
  /** Structured clone, see `structured-clone.ts`. */
  structured: 6,
  /** What a codec of the caller's own gave, a text. */
  customText: 7,
  /** What a codec of the caller's own gave, bytes. */
  customBytes: 8,
} as const;

/** Whether this version knows a mode, which is without `ZSTD`. */
export const isEncoding = (mode: number): boolean => (Object.values(ENCODING) as number[]).includes(mode);

/** Modes of values that every version and every runtime reads. */
export const PLAIN_ENCODINGS: readonly number[] = [
  ENCODING.text,
  ENCODING.number,
  ENCODING.bytes,
  ENCODING.json,
  ENCODING.bigint,
  ENCODING.word,
];

/** Added to the mode of what has been compressed. On disk, like the modes, which stay below it. */
export const ZSTD_FLAG = 64;

/** Modes whose payload is a text: in a column TEXT, in a file and under compression its UTF-8 bytes. */
const TEXT_ENCODINGS: ReadonlySet<number> = new Set([
  ENCODING.text,
  ENCODING.json,
  ENCODING.bigint,
  ENCODING.word,
  ENCODING.customText,
]);
export const isTextEncoding = (mode: number): boolean => TEXT_ENCODINGS.has(mode);

/** What a database column or a file holds of a value. */
export type Stored = string | number | Uint8Array;

/** zlib counts bytes in 32 bits. */
const MAX_CRC_BYTES = 1024 ** 3;

const number = new Float64Array(1);
const numberBytes = new Uint8Array(number.buffer);

/**
 * CRC-32 (ISO 3309, as in gzip) of what is stored. It starts from the value's mode, so that a changed mode is damage too, or
 * goes on from the check of the chunks before. A text has the check of its UTF-8 bytes, whether it stands in a column or in
 * a file. It finds accidents; who can write the file can write the check. About 0.15 µs for 100 bytes, 6 GB/s.
 */
export function checksum(start: number, data: Stored): number {
  // A mode that is damaged goes with no check.
  if (start !== start >>> 0) return Number.NaN;
  // Older Nodes hand zlib a null pointer for no bytes, which resets the sum.
  if (typeof data === 'object' && data.length > MAX_CRC_BYTES) return checksumInPieces(start, data);
  if (typeof data !== 'number') return data.length === 0 ? start : crc32(data, start);
  number[0] = data;
  return crc32(numberBytes, start);
}

function checksumInPieces(start: number, data: Uint8Array): number {
  let check = start;
  for (let at = 0; at < data.length; at += MAX_CRC_BYTES) check = crc32(data.subarray(at, at + MAX_CRC_BYTES), check);
  return check;
}

/*
 * The column `checksum` of a row. What was stored first holds the check of its value alone, from 0 to 2^32 − 1. Since then a row
 * that is found by its key holds −1 − (check XOR hash of the key): a damaged index, or a damaged key, leads to a row whose check
 * doesn't fit the key that was asked for. Exclusive or, so that neither the value nor its file has to be read to tell one from the other.
 */

/** FNV-1a, 32 bits (Fowler, Noll, Vo). Each step is a bijection, so one changed unit of a key changes the hash for certain. */
const FNV_PRIME = 0x01000193;
/** Where the hash of a text, of a number and of bytes begins. On disk. */
const TEXT_HASH_START = 0x811c9dc5;
const NUMBER_HASH_START = 0x050c5d1f;
const BYTES_HASH_START = 0x24a8dd1d;

const MIN_ROW_CHECKSUM = -(2 ** 32);

const keyNumber = new Float64Array(1);
const keyNumberBytes = new Uint8Array(keyNumber.buffer);

/** A hash of a key column: of a text its UTF-16 units, of a number its eight bytes, little-endian. About 1 ns for a unit. */
export function hashKey(key: KeyColumn): number {
  if (typeof key === 'string') {
    let hash = TEXT_HASH_START;
    for (let at = 0; at < key.length; at++) hash = Math.imul(hash ^ key.charCodeAt(at), FNV_PRIME);
    return hash;
  }
  // Damage makes NULL of a key.
  if (typeof key !== 'number') return hashBytes(BYTES_HASH_START, key ?? []);
  keyNumber[0] = key;
  return hashBytes(NUMBER_HASH_START, keyNumberBytes);
}

function hashBytes(start: number, bytes: ArrayLike<number>): number {
  let hash = start;
  for (let at = 0; at < bytes.length; at++) hash = Math.imul(hash ^ bytes[at]!, FNV_PRIME);
  return hash;
}

/** Returns what the row of a key holds for the check of its value. */
export const toRowChecksum = (check: number, key: KeyColumn): number => -1 - ((check ^ hashKey(key)) >>> 0);

/** Returns the check that the value has to have, when the row was found by, or holds, this key. */
export function toValueChecksum(rowCheck: number, key: KeyColumn): number {
  if (!(rowCheck < 0)) return rowCheck;
  return rowCheck < MIN_ROW_CHECKSUM ? Number.NaN : ((-1 - rowCheck) ^ hashKey(key)) >>> 0;
}

type CodecOption = Required<CacheOptions>['codec'];

/** A value before compression: what kind of thing stands in the column. */
export interface Payload {
  readonly mode: number;
  readonly data: Stored;
}

/**
 * The plainest payload that gives the value back equal: a column's own kind, JSON, structured clone.
 *
 * @throws {DiskCacheError} `BAD_VALUE`
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

/** What the copy was not taken for. A getter may have given something else the second time. */
const describeFault = (value: unknown, walk?: CloneWalk): string =>
  findValueFault(value, 'value', walk) ?? 'value is another one each time it is read';

/** An object that is referred to often is written out as often: what is written may be many times what there is. */
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
    `value names the same objects so often that JSON would write ${parts} parts, ${MAX_WRITTEN_PARTS} is the limit; refer to them by a key, or choose the codec 'structured'`,
  );
}

/** A character that is half a surrogate pair takes as many in JSON. */
const ESCAPE_CHARACTERS = 6;

/** A string with halves of surrogate pairs: JSON, unless that could be longer than a string can be. */
function toBrokenTextPayload(value: string, codec: CodecOption): Payload {
  const { MAX_STRING_LENGTH } = constants;
  if (value.length * ESCAPE_CHARACTERS + 2 <= MAX_STRING_LENGTH) return toJsonPayload(value, codec === 'json');
  if (codec !== 'json') return { mode: ENCODING.structured, data: serialize(value) };
  if (getMinJsonLength(value) > MAX_STRING_LENGTH) throw valueTooLargeError(JSON_TOO_LONG);
  return toJsonPayload(value, true);
}

/** Counted, because writing such a text takes minutes before it fails. */
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

const JSON_TOO_LONG = 'value is longer than a string can be, as JSON; store it in parts';

/** What is neither a string nor an object, where more than JSON is allowed. */
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
  throw badValueError(`the codec "${codec.name}" gave neither a Uint8Array nor a well-formed string`);
}

/**
 * The value of a payload. With `owned`, bytes become the value without a copy. Throws any `Error` for what is damaged.
 */
export function restorePayload(mode: number, data: Stored, codec: CodecOption, owned: boolean): unknown {
  if (isTextEncoding(mode)) return parseText(mode, toText(data), codec);
  if (mode === ENCODING.number && typeof data === 'number') return data;
  if (typeof data !== 'object') throw new Error(`mode ${mode} does not stand in a ${typeof data} column`);
  switch (mode) {
    case ENCODING.bytes:
      return toPlainBytes(data, owned);
    case ENCODING.structured:
      return deserialize(data);
    case ENCODING.customBytes:
      return decodeWithCodec(assertCustomCodec(codec), toPlainBytes(data, owned));
    default:
      if (isEncoding(mode)) throw new Error(`mode ${mode} does not stand in a column of bytes`);
      throw new DiskCacheError(
        'UNSUPPORTED_VERSION',
        `The stored value has mode ${mode}, which is unknown here; it was written by a newer version: update deskcache`,
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
  if (typeof data === 'number') throw new Error('a text does not stand in a number column');
  return Buffer.from(data.buffer, data.byteOffset, data.byteLength).toString();
}

/** Never a Buffer, never a window on memory that holds anything else. */
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

/** What a codec refuses is as it was stored, so it is another version's: it is not damaged. */
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
 * Whether a runtime has refused something because of its size: a length, memory, the depth of the stack; not because a typed array doesn't
 * fit its buffer, which is damage.
 */
export const isSizeError = (error: unknown): boolean =>
  (error instanceof RangeError && !/multiple of|offset/i.test(error.message)) ||
  /TOO_LONG|TOO_LARGE|memory_allocation/.test(String(Object(error).code));

export const valueTooLargeError = (fault: string, cause?: unknown): DiskCacheError =>
  new DiskCacheError('TOO_LARGE', fault, { cause });

const badValueError = (fault: string, cause?: unknown): DiskCacheError =>
  new DiskCacheError('BAD_VALUE', `${fault}; store plain data instead, or give the cache a codec`, { cause });
