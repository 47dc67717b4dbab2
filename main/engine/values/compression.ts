import * as buffer from 'node:buffer';
import * as zlib from 'node:zlib';
import { DiskCacheError } from '../../../protocol/error.ts';
import { getDecodedLimit } from './allowance.ts';

/** Encoded values of fewer bytes stay as they are: 20 µs of work would save less than a page of the database holds anyway. */
const COMPRESSION_THRESHOLD = 1024;

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
  if (bytes < COMPRESSION_THRESHOLD || bytes > MAX_COMPRESSED_BYTES) return undefined;
  assertCompression('zstd');
  const packed = zlib.zstdCompressSync(data);
  return packed.length < bytes && bytes <= maxInflated(packed.length) ? packed : undefined;
}

/** What compressed data may become at most: the larger of a size and a multiple of its own. What shrinks further is stored as it is. */
const FREE_BYTES = 16 * 1024 * 1024;
const MAX_RATIO = 256;

const maxInflated = (packedBytes: number): number => Math.max(FREE_BYTES, packedBytes * MAX_RATIO);

/**
 * Throws an `Error` for bytes that are not whole.
 *
 * @throws {DiskCacheError} `TOO_LARGE` for bytes that would become more than `compress` lets them, for a few can be made to
 * fill all memory, and for a page that may not read so much, before more than that is decompressed; `BAD_OPTION` where this Node has no zstd.
 */
export function decompress(packed: Uint8Array): Uint8Array {
  assertCompression('zstd');
  const most = Math.min(maxInflated(packed.length), buffer.constants.MAX_LENGTH);
  const limit = Math.min(getDecodedLimit(), most);
  const tooLarge = (cause?: unknown) => (limit < most ? tooLargeForPage() : bomb(packed.length, most, cause));
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

const bomb = (packedBytes: number, most: number, cause: unknown) =>
  new DiskCacheError(
    'TOO_LARGE',
    `The compressed value of ${packedBytes} bytes would become more than ${most}, which deskcache never writes; delete the item`,
    { cause },
  );

const tooLargeForPage = () =>
  new DiskCacheError(
    'TOO_LARGE',
    'The value is larger, decompressed, than what may be read at once; read fewer at a time',
  );
