import * as buffer from 'node:buffer';
import { isUint8Array } from 'node:util/types';
import * as zlib from 'node:zlib';
import { getErrorMessage } from '../../../protocol/describe-value.ts';
import { DiskCacheError } from '../../../protocol/error.ts';
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

/** Smaller values are not compressed: it takes 20 µs and would save less than one database page. */
const MIN_COMPRESSIBLE_BYTES = 1024;

/** Larger values are not compressed: zlib counts bytes in 32 bits and needs the whole value in memory. */
const MAX_COMPRESSED_BYTES = 1024 ** 3;

/**
 * Asserts that this process can compress. Node has zstd since 22.15 and 23.8.
 *
 * @throws {DiskCacheError} `BAD_OPTION` if `compression` is `'zstd'` and this Node has no zstd.
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
 * Returns the data compressed with Zstandard (RFC 8878), or undefined if the data is too small or too large, or would not get smaller.
 *
 * @throws {DiskCacheError} `BAD_OPTION` if this Node has no zstd.
 */
function compress(data: string | Uint8Array, bytes: number): Uint8Array | undefined {
  if (bytes < MIN_COMPRESSIBLE_BYTES || bytes > MAX_COMPRESSED_BYTES) return undefined;
  assertCompression('zstd');
  const packed = zlib.zstdCompressSync(data);
  return packed.length < bytes && bytes <= getMaxInflatedBytes(packed.length) ? packed : undefined;
}

/**
 * Decompressed data may have 16 MiB, or 256 times its compressed size if that is more. Data that compresses better is stored
 * uncompressed, so anything above this limit was not written by deskcache.
 */
const ALWAYS_ALLOWED_BYTES = 16 * 1024 * 1024;
const MAX_RATIO = 256;

const getMaxInflatedBytes = (packedBytes: number): number => Math.max(ALWAYS_ALLOWED_BYTES, packedBytes * MAX_RATIO);

/**
 * Returns the decompressed bytes.
 *
 * @throws {Error} for damaged bytes.
 * @throws {DiskCacheError} `TOO_LARGE`, before the limit is passed, if the result would exceed what `compress` allows (a few bytes
 * can be crafted to fill all memory) or the read budget of the call; `BAD_OPTION` if this Node has no zstd.
 */
function decompress(packed: Uint8Array): Uint8Array {
  assertCompression('zstd');
  const maxBytes = Math.min(getMaxInflatedBytes(packed.length), buffer.constants.MAX_LENGTH);
  const limit = Math.min(getDecodedLimit(), maxBytes);
  const tooLarge = (cause?: unknown) =>
    limit < maxBytes ? overBudgetError() : decompressionBombError(packed.length, maxBytes, cause);
  const size = getContentSize(packed);
  if (size !== undefined && size > limit) throw tooLarge();
  try {
    // With a known size, one chunk holds everything (plus one spare byte), which avoids a second copy.
    const chunkSize = Math.min(Math.max((size ?? 0) + 1, MIN_CHUNK_BYTES), MAX_CHUNK_BYTES);
    return zlib.zstdDecompressSync(packed, { chunkSize, maxOutputLength: Math.max(1, Math.floor(limit)) });
  } catch (cause) {
    if ((cause as NodeJS.ErrnoException).code === 'ERR_BUFFER_TOO_LARGE') throw tooLarge(cause);
    throw cause;
  }
}

const MIN_CHUNK_BYTES = 16 * 1024;
/** Damaged bytes may claim any size, so the first allocation is bounded. */
const MAX_CHUNK_BYTES = 64 * 2 ** 20;

/** Returns the decompressed size in bytes from the frame header (RFC 8878, 3.1.1.1), or undefined if it isn't stated. */
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

const decompressionBombError = (packedBytes: number, maxBytes: number, cause: unknown) =>
  new DiskCacheError(
    'TOO_LARGE',
    `The compressed value of ${packedBytes} bytes would decompress to more than ${maxBytes} bytes, which deskcache never writes; delete the item`,
    { cause },
  );

const overBudgetError = () =>
  new DiskCacheError(
    'TOO_LARGE',
    'The decompressed value is larger than what may be read at once; read fewer values at a time',
  );

/** A value ready to be stored. `data` may be the caller's own memory: copy it to keep it after the call. */
export interface Encoded {
  /** One of `ENCODING`, plus `ZSTD_FLAG` if compressed. */
  readonly mode: number;
  readonly data: Stored;
  /** The size of `data` as stored, in bytes. */
  readonly bytes: number;
  /** `checksum(mode, data)` */
  readonly check: number;
}

/** The options that decide how values are written. Reading understands every encoding. */
export type CodecSettings = Required<Pick<CacheOptions, 'codec' | 'compression'>>;

/**
 * Encodes a value: as a native column value if that is lossless, else as JSON if that is, else as structured clone.
 * Text of at least `fileThreshold` characters, which goes to a file, is returned as UTF-8. O(size of the value).
 *
 * @throws {DiskCacheError} `BAD_VALUE` with the path of the part that would not come back equal; `TOO_LARGE`; `BAD_OPTION` if
 * compression is on and this Node has no zstd.
 */
export function encodeValue(
  value: unknown,
  settings: CodecSettings,
  fileThreshold = Number.POSITIVE_INFINITY,
): Encoded {
  const { mode, data: payload } = toPayload(value, settings.codec);
  // Size, checksum and file would each convert it to UTF-8, which takes at least a byte per character.
  const isLongText = typeof payload === 'string' && payload.length >= fileThreshold;
  const data = isLongText ? Buffer.from(payload) : payload;
  const bytes = getStoredBytes(data);
  const packed = settings.compression === 'none' || typeof data === 'number' ? undefined : compress(data, bytes);
  if (packed === undefined) return { mode, data, bytes, check: checksum(mode, data) };
  return { mode: mode + ZSTD_FLAG, data: packed, bytes: packed.length, check: checksum(mode + ZSTD_FLAG, packed) };
}

const getStoredBytes = (data: Stored): number =>
  typeof data === 'string' ? Buffer.byteLength(data) : typeof data === 'number' ? 8 : data.length;

/**
 * Decodes what was read from a column, or from a file as bytes. With `owned`, nothing else uses the bytes and they may become
 * the value; without it, they are copied.
 *
 * @throws {DiskCacheError} `CORRUPT` if anything differs from what was stored; `UNSUPPORTED_VERSION` for an undamaged value that a
 * newer V8, a newer version or another codec wrote; `TOO_LARGE` if there is not enough memory; `BAD_OPTION` if the value was written
 * by a custom codec and the store was opened without it.
 */
export function decodeValue(
  mode: number,
  data: unknown,
  check: number,
  settings: CodecSettings,
  owned = false,
): unknown {
  return restoreValue(mode, assertChecksum(mode, data, check), settings, owned);
}

/** Returns the data of a column. @throws {DiskCacheError} `CORRUPT` if it isn't what was stored. */
export function assertChecksum(mode: number, data: unknown, check: number): Stored {
  if (!isByte(mode)) throw corruptError(`has the unknown mode ${mode}`);
  if (!isStored(data)) throw corruptError(`is stored as ${data === null ? 'NULL' : `a ${typeof data}`}`);
  if (checksum(mode, data) !== check) throw corruptError('does not match its checksum');
  return data;
}

/** Same as `decodeValue`, for data whose checksum is already verified or that never left this process. */
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

/** All modes fit into one byte. */
const isByte = (mode: unknown): boolean => Number.isInteger(mode) && mode === ((mode as number) & 0xff);

const isStored = (data: unknown): data is Stored =>
  typeof data === 'string' || typeof data === 'number' || isUint8Array(data);

const corruptError = (what: string, cause?: unknown): DiskCacheError =>
  new DiskCacheError(
    'CORRUPT',
    `The stored value ${what}; it is damaged: set it again, or run check({ repair: true })`,
    { cause },
  );
