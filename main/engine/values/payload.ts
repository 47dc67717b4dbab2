import { constants } from 'node:buffer';
import { DiskCacheError, messageOf } from '../../../protocol/error.ts';
import { nativeKind } from '../../../protocol/native-kind.ts';
import { isByteKind } from '../../../protocol/natives.ts';
import type { CacheOptions, Codec } from '../../../protocol/options.ts';
import { valueFault } from '../../../protocol/value.ts';
import { isWellFormed } from '../../../protocol/well-formed.ts';
import type { Stored } from './check.ts';
import { isMode, isTextMode, MODE } from './mode.ts';
import { inheritsToJson, takeSnapshot } from './snapshot.ts';
import { deserialize, serialize } from './structured.ts';
import { CloneWalk, countWrittenParts, JsonWalk } from './walks.ts';

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
export function payloadOf(value: unknown, codec: CodecOption): Payload {
  if (typeof codec === 'object') return customPayload(value, codec);
  if (typeof value === 'string') {
    return isWellFormed(value) ? { mode: MODE.text, data: value } : brokenText(value, codec);
  }
  const jsonOnly = codec === 'json';
  if (!jsonOnly && typeof value !== 'object') return primitivePayload(value);
  const snapshot = takeSnapshot(value);
  if (snapshot === undefined) throw badValue(faultOf(value));
  const { copy, json, hasProxy } = snapshot;
  if (jsonOnly && !json) refuseOtherThanJson(copy);
  if (hasProxy && !jsonOnly) throw badValue(faultOf(value, new CloneWalk()));
  if (typeof copy === 'number') return { mode: MODE.number, data: copy };
  return json || jsonOnly ? jsonPayload(copy, jsonOnly) : clonePayload(copy as object);
}

/** What the copy was not taken for. A getter may have given something else the second time. */
const faultOf = (value: unknown, walk?: CloneWalk): string =>
  valueFault(value, 'value', walk) ?? 'value is another one each time it is read';

/** An object that is referred to often is written out as often: what is written may be many times what there is. */
const MAX_WRITTEN_PARTS = 2 ** 24;

/** @throws {DiskCacheError} `BAD_VALUE`, `TOO_LARGE` */
function refuseOtherThanJson(copy: unknown): void {
  const fault = valueFault(copy, 'value', new JsonWalk());
  if (fault !== undefined) throw badValue(fault);
  if (inheritsToJson()) throw badValue('value would be changed by the toJSON on a built-in prototype');
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
function brokenText(value: string, codec: CodecOption): Payload {
  const { MAX_STRING_LENGTH } = constants;
  if (value.length * ESCAPE_CHARACTERS + 2 <= MAX_STRING_LENGTH) return jsonPayload(value, codec === 'json');
  if (codec !== 'json') return { mode: MODE.structured, data: serialize(value) };
  if (leastJsonLength(value) > MAX_STRING_LENGTH) throw tooLarge(LONG_JSON);
  return jsonPayload(value, true);
}

/** Counted, because writing such a text takes minutes before it fails. */
function leastJsonLength(value: string): number {
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

const LONG_JSON = 'value is longer than a string can be, as JSON; store it in parts';

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

function jsonPayload(value: unknown, jsonOnly: boolean): Payload {
  try {
    return { mode: MODE.json, data: JSON.stringify(value) };
  } catch (cause) {
    if (!isTooLarge(cause)) throw badValue(`value cannot be written as JSON (${messageOf(cause)})`, cause);
    if (!jsonOnly) return clonePayload(value as object);
    throw tooLarge(LONG_JSON, cause);
  }
}

function clonePayload(value: object): Payload {
  if (isByteKind(nativeKind(value))) return { mode: MODE.bytes, data: value as Uint8Array };
  try {
    return { mode: MODE.structured, data: serialize(value) };
  } catch (cause) {
    if (cause instanceof DiskCacheError) throw cause;
    if (isTooLarge(cause)) throw tooLarge(`value is too large to be cloned (${messageOf(cause)})`, cause);
    throw badValue(valueFault(value) ?? `value cannot be cloned (${messageOf(cause)})`, cause);
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
 * The value of a payload. With `owned`, bytes become the value without a copy. Throws any `Error` for what is damaged.
 */
export function restorePayload(mode: number, data: Stored, codec: CodecOption, owned: boolean): unknown {
  if (isTextMode(mode)) return textValue(mode, textOf(data), codec);
  if (mode === MODE.number && typeof data === 'number') return data;
  if (typeof data !== 'object') throw new Error(`mode ${mode} does not stand in a ${typeof data} column`);
  switch (mode) {
    case MODE.bytes:
      return plainBytes(data, owned);
    case MODE.structured:
      return deserialize(data);
    case MODE.customBytes:
      return decodedBy(customOf(codec), plainBytes(data, owned));
    default:
      if (isMode(mode)) throw new Error(`mode ${mode} does not stand in a column of bytes`);
      throw new DiskCacheError(
        'UNSUPPORTED_VERSION',
        `The stored value has mode ${mode}, which is unknown here; it was written by a newer version: update deskcache`,
      );
  }
}

function textValue(mode: number, text: string, codec: CodecOption): unknown {
  switch (mode) {
    case MODE.text:
      return text;
    case MODE.json:
      return JSON.parse(text);
    case MODE.bigint:
      return BigInt(text);
    case MODE.customText:
      return decodedBy(customOf(codec), text);
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

/** Never a Buffer, never a window on memory that holds anything else. */
function plainBytes(data: Uint8Array, owned: boolean): Uint8Array {
  if (owned && data.byteLength === data.buffer.byteLength) return new Uint8Array(data.buffer);
  return new Uint8Array(data);
}

function customOf(codec: CodecOption): Codec {
  if (typeof codec === 'object') return codec;
  throw new DiskCacheError(
    'BAD_OPTION',
    'The stored value was written by a codec of your own; open the cache with that codec',
  );
}

/** What a codec refuses is as it was stored, so it is another version's: it is not damaged. */
function decodedBy(codec: Codec, data: string | Uint8Array): unknown {
  try {
    return codec.decode(data);
  } catch (cause) {
    throw new DiskCacheError(
      'UNSUPPORTED_VERSION',
      `The codec "${codec.name}" can't decode the stored value (${messageOf(cause)}); open the store with the version that wrote it`,
      { cause },
    );
  }
}

/**
 * Whether a runtime has refused something because of its size: a length, memory, the depth of the stack; not because a typed array doesn't
 * fit its buffer, which is damage.
 */
export const isTooLarge = (error: unknown): boolean =>
  (error instanceof RangeError && !/multiple of|offset/i.test(error.message)) ||
  /TOO_LONG|TOO_LARGE|memory_allocation/.test(String(Object(error).code));

export const tooLarge = (fault: string, cause?: unknown): DiskCacheError =>
  new DiskCacheError('TOO_LARGE', fault, { cause });

const badValue = (fault: string, cause?: unknown): DiskCacheError =>
  new DiskCacheError('BAD_VALUE', `${fault}; store plain data instead, or give the cache a codec`, { cause });
