import * as zlib from 'node:zlib';
import { DiskCacheError } from '../../../protocol/error.ts';

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
  return packed.length < bytes ? packed : undefined;
}

/**
 * Throws an `Error` for bytes that are not whole.
 *
 * @throws {DiskCacheError} `BAD_OPTION` where this Node has no zstd.
 */
export function decompress(packed: Uint8Array): Uint8Array {
  assertCompression('zstd');
  return zlib.zstdDecompressSync(packed);
}
