import { DiskCacheError } from '../../../protocol/error.ts';
import { isByteKind, nativeKind } from '../../../protocol/natives.ts';
import type { CacheOptions, Codec } from '../../../protocol/options.ts';
import { judge } from '../../../protocol/value.ts';
import { isWellFormed } from '../../../protocol/well-formed.ts';
import { checkOf, type Stored } from './check.ts';
import { compress, decompress } from './compression.ts';
import { isTextMode, MODE, ZSTD } from './mode.ts';
import { deserialize, newerFormat, serialize } from './structured.ts';

/** A value ready to be stored. `data` may be the caller's own memory: who keeps it longer than the call keeps a copy. */
export interface Encoded {
  /** One of `MODE`, plus `ZSTD` when compressed. */
  readonly mode: number;
  readonly data: Stored;
  /** The size of `data` as stored, in bytes. */
  readonly bytes: number;
  /** `checkOf(mode, data)` */
  readonly check: number;
}

/** The part of a cache's options that decides how values are stored. Reading copes with every way of storing. */
export type CodecSettings = Required<Pick<CacheOptions, 'codec' | 'compression'>>;

/** A value before compression: what kind of thing stands in the column. */
interface Payload {
  readonly mode: number;
  readonly data: Stored;
}

/**
 * A value as it is stored: natively where a column holds it faithfully, as JSON where JSON does, else as structured clone.
 * O(size of the value).
 *
 * @throws {DiskCacheError} `BAD_VALUE` with the path of the part that would not come back equal.
 */
export function encodeValue(value: unknown, settings: CodecSettings): Encoded {
  const { mode, data } = payloadOf(value, settings.codec);
  const bytes = sizeOf(data);
  if (settings.compression === 'none' || typeof data === 'number')
    return { mode, data, bytes, check: checkOf(mode, data) };
  const packed = compress(data, bytes);
  if (packed === undefined) return { mode, data, bytes, check: checkOf(mode, data) };
  const packedMode = mode + ZSTD;
  return { mode: packedMode, data: packed, bytes: packed.length, check: checkOf(packedMode, packed) };
}

const sizeOf = (data: Stored): number =>
  typeof data === 'string' ? Buffer.byteLength(data) : typeof data === 'number' ? 8 : data.length;

function payloadOf(value: unknown, codec: CodecSettings['codec']): Payload {
  if (typeof codec === 'object') return customPayload(value, codec);
  if (typeof value === 'string') {
    return isWellFormed(value) ? { mode: MODE.text, data: value } : { mode: MODE.json, data: JSON.stringify(value) };
  }
  const jsonOnly = codec === 'json';
  if (!jsonOnly && typeof value !== 'object') return primitivePayload(value);
  const verdict = judge(value, 'value', jsonOnly);
  if (typeof verdict === 'object') throw badValue(verdict.fault);
  if (typeof value === 'number') return { mode: MODE.number, data: value };
  return verdict === 'json' ? jsonPayload(value) : clonePayload(value as object);
}

/** What is neither a string nor an object, where more than JSON is allowed. */
function primitivePayload(value: unknown): Payload {
  switch (typeof value) {
    case 'number':
      return Number.isNaN(value) ? { mode: MODE.word, data: 'NaN' } : { mode: MODE.number, data: value };
    case 'undefined':
      return { mode: MODE.word, data: 'undefined' };
    case 'bigint':
      return BigInt.asIntN(64, value) === value
        ? { mode: MODE.bigint, data: String(value) }
        : { mode: MODE.structured, data: serialize(value) };
    case 'boolean':
      return { mode: MODE.json, data: String(value) };
    default:
      throw badValue(`value is a ${typeof value}`);
  }
}

function jsonPayload(value: unknown): Payload {
  try {
    return { mode: MODE.json, data: JSON.stringify(value) };
  } catch (cause) {
    throw badValue('value is longer than a string can be, as JSON', cause);
  }
}

function clonePayload(value: object): Payload {
  if (isByteKind(nativeKind(value))) return { mode: MODE.bytes, data: value as Uint8Array };
  try {
    return { mode: MODE.structured, data: serialize(value) };
  } catch (cause) {
    throw badValue(`value cannot be cloned (${messageOf(cause)})`, cause);
  }
}

function customPayload(value: unknown, codec: Codec): Payload {
  let data: unknown;
  try {
    data = codec.encode(value);
  } catch (cause) {
    throw badValue(`value was refused by the codec "${codec.name}" (${messageOf(cause)})`, cause);
  }
  if (typeof data === 'string' && isWellFormed(data)) return { mode: MODE.customText, data };
  if (data instanceof Uint8Array) return { mode: MODE.customBytes, data };
  throw badValue(`the codec "${codec.name}" gave neither a Uint8Array nor a well-formed string`);
}

/**
 * The value behind what was read from a column, or from a file as bytes. With `owned` the bytes belong to the caller of
 * this function alone and may become the value; without, the value gets a copy.
 *
 * @throws {DiskCacheError} `CORRUPT` when anything differs from what was stored; `UNSUPPORTED_VERSION` for a structured
 * clone by a newer V8; `BAD_OPTION` for a value of a custom codec that was not handed in.
 */
export function decodeValue(
  mode: number,
  data: unknown,
  check: number,
  settings: CodecSettings,
  owned = false,
): unknown {
  if (!isStored(data)) throw corrupt(`is stored as ${data === null ? 'NULL' : `a ${typeof data}`}`);
  if (checkOf(mode, data) !== check) throw corrupt('has another check sum than when it was stored');
  return restoreValue(mode, data, settings, owned);
}

/** `decodeValue` for data whose check has been verified already, or that has never left this process. */
export function restoreValue(mode: number, data: Stored, settings: CodecSettings, owned = false): unknown {
  try {
    if (mode < ZSTD || typeof data !== 'object') return payloadValue(mode, data, settings.codec, owned);
    return payloadValue(mode - ZSTD, decompress(data), settings.codec, true);
  } catch (cause) {
    if (cause instanceof DiskCacheError) throw cause;
    throw corrupt(`cannot be decoded (${messageOf(cause)})`, cause);
  }
}

function payloadValue(mode: number, data: Stored, codec: CodecSettings['codec'], owned: boolean): unknown {
  if (isTextMode(mode)) return textValue(mode, textOf(data), codec);
  if (mode === MODE.number && typeof data === 'number') return data;
  if (typeof data !== 'object') throw new Error(`mode ${mode} does not stand in a ${typeof data} column`);
  switch (mode) {
    case MODE.bytes:
      return plainBytes(data, owned);
    case MODE.structured:
      return structuredValue(data);
    case MODE.customBytes:
      return customOf(codec).decode(plainBytes(data, owned));
    default:
      throw new Error(`mode ${mode} is unknown`);
  }
}

function textValue(mode: number, text: string, codec: CodecSettings['codec']): unknown {
  switch (mode) {
    case MODE.text:
      return text;
    case MODE.json:
      return JSON.parse(text);
    case MODE.bigint:
      return BigInt(text);
    case MODE.customText:
      return customOf(codec).decode(text);
    default:
      return wordOf(text);
  }
}

function wordOf(text: string): number | undefined {
  if (text === 'undefined') return undefined;
  if (text === 'NaN') return Number.NaN;
  throw new Error(`the word ${JSON.stringify(text)} is unknown`);
}

function textOf(data: Stored): string {
  if (typeof data === 'string') return data;
  if (typeof data === 'number') throw new Error('a text does not stand in a number column');
  return Buffer.from(data.buffer, data.byteOffset, data.byteLength).toString();
}

function structuredValue(data: Uint8Array): unknown {
  const version = newerFormat(data);
  if (version === undefined) return deserialize(data);
  throw new DiskCacheError(
    'UNSUPPORTED_VERSION',
    `The stored value was written by a newer V8 (format ${version}); open it with the version of Node or Electron that wrote it`,
  );
}

/** Never a Buffer, never a window on memory that holds anything else. */
function plainBytes(data: Uint8Array, owned: boolean): Uint8Array {
  if (owned && data.byteLength === data.buffer.byteLength) return new Uint8Array(data.buffer);
  return new Uint8Array(data);
}

function customOf(codec: CodecSettings['codec']): Codec {
  if (typeof codec === 'object') return codec;
  throw new DiskCacheError(
    'BAD_OPTION',
    'The stored value was written by a codec of your own; open the cache with that codec',
  );
}

const isStored = (data: unknown): data is Stored =>
  typeof data === 'string' || typeof data === 'number' || data instanceof Uint8Array;

const messageOf = (error: unknown): string => (error instanceof Error ? error.message : String(error));

const corrupt = (what: string, cause?: unknown): DiskCacheError =>
  new DiskCacheError(
    'CORRUPT',
    `The stored value ${what}; it is damaged: set it anew, or run check({ repair: true })`,
    { cause },
  );

const badValue = (fault: string, cause?: unknown): DiskCacheError =>
  new DiskCacheError('BAD_VALUE', `${fault}; store plain data instead, or give the cache a codec`, { cause });
