import { kMaxLength } from 'node:buffer';
import * as zlib from 'node:zlib';
import { DiskCacheError } from '../../../protocol/error.ts';

/** Encoded values of fewer bytes stay as they are: 20 µs of work would save less than a page of the database holds anyway. */
const COMPRESSION_THRESHOLD = 1024;

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
 * The data compressed (Zstandard, RFC 8878), or undefined where that isn't worth it: too small, or not smaller.
 *
 * @throws {DiskCacheError} `BAD_OPTION` where this Node has no zstd.
 */
export function compress(data: string | Uint8Array, bytes: number): Uint8Array | undefined {
  if (bytes < COMPRESSION_THRESHOLD) return undefined;
  assertCompression('zstd');
  const packed = zlib.zstdCompressSync(data);
  return packed.length < bytes && bytes <= maxInflated(packed.length) ? packed : undefined;
}

/** What compressed data may become at most: so much, or so many times its size. What shrinks further is stored as it is. */
const FREE_BYTES = 16 * 1024 * 1024;
const MAX_RATIO = 256;

const maxInflated = (packedBytes: number): number => Math.max(FREE_BYTES, packedBytes * MAX_RATIO);

/**
 * Throws an `Error` for bytes that are not whole.
 *
 * @throws {DiskCacheError} `TOO_LARGE` for bytes that would become more than `compress` lets them, for a few can be made to
 * fill all memory; `BAD_OPTION` where this Node has no zstd.
 */
export function decompress(packed: Uint8Array): Uint8Array {
  assertCompression('zstd');
  const most = Math.min(maxInflated(packed.length), kMaxLength);
  try {
    return zlib.zstdDecompressSync(packed, { maxOutputLength: most });
  } catch (cause) {
    if ((cause as NodeJS.ErrnoException).code !== 'ERR_BUFFER_TOO_LARGE') throw cause;
    throw new DiskCacheError(
      'TOO_LARGE',
      `The compressed value of ${packed.length} bytes would become more than ${most}, which deskcache never writes; delete the item`,
      { cause },
    );
  }
}
