import * as buffer from 'node:buffer';
import * as zlib from 'node:zlib';
import { DiskCacheError, getErrorMessage } from '../../../protocol/error.ts';
import type { CacheOptions } from '../../../protocol/options.ts';
import {
  checksum,
  isSizeError,
  restorePayload,
  type Stored,
  toPayload,
  valueTooLargeError,
  ZSTD_FLAG,
} from './encoding.ts';
import { getDecodedLimit } from './read-budget.ts';

/** Encoded values of fewer bytes stay as they are: 20 µs of work would save less than a page of the database holds anyway. */
const MIN_COMPRESSIBLE_BYTES = 1024;

/** zlib counts bytes in 32 bits, and holds the whole: what is larger stays as it is. */
const MAX_COMPRESSED_BYTES = 1024 ** 3;

/**
 * Refuses an option this process can't honour. zstd came to Node with 22.15 and 23.8.
 *
 * @throws {DiskCacheError} `BAD_OPTION`
 */
export function assertCompression(compression: 'none' | 'zstd'): void {
  if (compression === 'zstd' && typeof zlib.zstdCompressSync !== 'function') {
    throw new DiskCacheError(
      'BAD_OPTION',
      `compression 'zstd' needs Node 22.15 or newer, this is ${process.version}; update Node or leave the option out`,
    );
  }
}

/**
 * The data compressed (Zstandard, RFC 8878), or undefined where that isn't worth it: too small, too large, or not smaller.
 *
 * @throws {DiskCacheError} `BAD_OPTION` where this Node has no zstd.
 */
export function compress(data: string | Uint8Array, bytes: number): Uint8Array | undefined {
  if (bytes < MIN_COMPRESSIBLE_BYTES || bytes > MAX_COMPRESSED_BYTES) return undefined;
  assertCompression('zstd');
  const packed = zlib.zstdCompressSync(data);
  return packed.length < bytes && bytes <= getMaxInflatedBytes(packed.length) ? packed : undefined;
}

/** What compressed data may become at most: the larger of a size and a multiple of its own. What shrinks further is stored as it is. */
const ALWAYS_ALLOWED_BYTES = 16 * 1024 * 1024;
const MAX_RATIO = 256;

const getMaxInflatedBytes = (packedBytes: number): number => Math.max(ALWAYS_ALLOWED_BYTES, packedBytes * MAX_RATIO);

/**
 * Throws an `Error` for bytes that are not whole.
 *
 * @throws {DiskCacheError} `TOO_LARGE` for bytes that would become more than `compress` lets them, for a few can be made to
 * fill all memory, and for a page that may not read so much, before more than that is decompressed; `BAD_OPTION` where this Node has no zstd.
 */
export function decompress(packed: Uint8Array): Uint8Array {
  assertCompression('zstd');
  const most = Math.min(getMaxInflatedBytes(packed.length), buffer.constants.MAX_LENGTH);
  const limit = Math.min(getDecodedLimit(), most);
  const tooLarge = (cause?: unknown) =>
    limit < most ? overBudgetError() : decompressionBombError(packed.length, most, cause);
  const size = getContentSize(packed);
  if (size !== undefined && size > limit) throw tooLarge();
  try {
    // In one piece where its size is known, with a byte to spare: of pieces a second copy would be made.
    const chunkSize = Math.min(Math.max((size ?? 0) + 1, MIN_CHUNK_BYTES), MAX_CHUNK_BYTES);
    return zlib.zstdDecompressSync(packed, { chunkSize, maxOutputLength: Math.max(1, Math.floor(limit)) });
  } catch (cause) {
    if ((cause as NodeJS.ErrnoException).code === 'ERR_BUFFER_TOO_LARGE') throw tooLarge(cause);
    throw cause;
  }
}

const MIN_CHUNK_BYTES = 16 * 1024;
/** Damaged bytes may claim any size. */
const MAX_CHUNK_BYTES = 64 * 2 ** 20;

/** What the header of a frame tells (RFC 8878, 3.1.1.1); undefined where it doesn't. */
function getContentSize(packed: Uint8Array): number | undefined {
  const descriptor = packed[4];
  if (descriptor === undefined) return undefined;
  const isSingleSegment = (descriptor & 0x20) !== 0;
  const flag = descriptor >> 6;
  const length = flag === 0 ? Number(isSingleSegment) : 2 ** flag;
  const start = 5 + Number(!isSingleSegment) + DICTIONARY_ID_BYTES[descriptor & 3]!;
  const field = packed.subarray(start, start + length);
  if (length === 0 || field.length < length) return undefined;
  // Little-endian; two bytes count from 256.
  return field.reduceRight((size, byte) => size * 256 + byte, 0) + (length === 2 ? 256 : 0);
}

const DICTIONARY_ID_BYTES = [0, 1, 2, 4] as const;

const decompressionBombError = (packedBytes: number, most: number, cause: unknown) =>
  new DiskCacheError(
    'TOO_LARGE',
    `The compressed value of ${packedBytes} bytes would become more than ${most}, which deskcache never writes; delete the item`,
    { cause },
  );

const overBudgetError = () =>
  new DiskCacheError(
    'TOO_LARGE',
    'The value is larger, decompressed, than what may be read at once; read fewer at a time',
  );

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

/**
 * A value as it is stored: natively where a column holds it faithfully, as JSON where JSON does, else as structured clone.
 * O(size of the value).
 *
 * @throws {DiskCacheError} `BAD_VALUE` with the path of the part that would not come back equal.
 */
export function encodeValue(value: unknown, settings: CodecSettings): Encoded {
  const { mode, data } = toPayload(value, settings.codec);
  const bytes = getStoredBytes(data);
  const packed = settings.compression === 'none' || typeof data === 'number' ? undefined : compress(data, bytes);
  if (packed === undefined) return { mode, data, bytes, check: checksum(mode, data) };
  return { mode: mode + ZSTD_FLAG, data: packed, bytes: packed.length, check: checksum(mode + ZSTD_FLAG, packed) };
}

const getStoredBytes = (data: Stored): number =>
  typeof data === 'string' ? Buffer.byteLength(data) : typeof data === 'number' ? 8 : data.length;

/**
 * The value behind what was read from a column, or from a file as bytes. With `owned` the bytes belong to the caller of
 * this function alone and may become the value; without, the value gets a copy.
 *
 * @throws {DiskCacheError} `CORRUPT` when anything differs from what was stored; `UNSUPPORTED_VERSION` for what is as it was stored
 * and was written by a newer V8, a newer version or another codec; `TOO_LARGE` when there is not enough memory; `BAD_OPTION` for a
 * value of a custom codec that was not handed in.
 */
export function decodeValue(
  mode: number,
  data: unknown,
  check: number,
  settings: CodecSettings,
  owned = false,
): unknown {
  if (!isByte(mode)) throw corruptError(`has the mode ${mode}, which there is not`);
  if (!isStored(data)) throw corruptError(`is stored as ${data === null ? 'NULL' : `a ${typeof data}`}`);
  if (checksum(mode, data) !== check) throw corruptError('has another check sum than when it was stored');
  return restoreValue(mode, data, settings, owned);
}

/** `decodeValue` for data whose check has been verified already, or that has never left this process. */
export function restoreValue(mode: number, data: Stored, settings: CodecSettings, owned = false): unknown {
  try {
    if (mode < ZSTD_FLAG || typeof data !== 'object') return restorePayload(mode, data, settings.codec, owned);
    return restorePayload(mode - ZSTD_FLAG, decompress(data), settings.codec, true);
  } catch (cause) {
    if (cause instanceof DiskCacheError) throw cause;
    if (isSizeError(cause))
      throw valueTooLargeError(`The stored value is too large for this process (${getErrorMessage(cause)})`, cause);
    throw corruptError(`cannot be decoded (${getErrorMessage(cause)})`, cause);
  }
}

/** Modes stay within a byte. */
const isByte = (mode: unknown): boolean => Number.isInteger(mode) && mode === ((mode as number) & 0xff);

const isStored = (data: unknown): data is Stored =>
  typeof data === 'string' || typeof data === 'number' || data instanceof Uint8Array;

const corruptError = (what: string, cause?: unknown): DiskCacheError =>
  new DiskCacheError(
    'CORRUPT',
    `The stored value ${what}; it is damaged: set it anew, or run check({ repair: true })`,
    { cause },
  );
