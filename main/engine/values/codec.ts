import { DiskCacheError, messageOf } from '../../../protocol/error.ts';
import type { CacheOptions } from '../../../protocol/options.ts';
import { checkOf, type Stored } from './check.ts';
import { compress, decompress } from './compression.ts';
import { ZSTD } from './mode.ts';
import { isTooLarge, payloadOf, restorePayload, tooLarge } from './payload.ts';

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
  const { mode, data } = payloadOf(value, settings.codec);
  const bytes = sizeOf(data);
  const packed = settings.compression === 'none' || typeof data === 'number' ? undefined : compress(data, bytes);
  if (packed === undefined) return { mode, data, bytes, check: checkOf(mode, data) };
  return { mode: mode + ZSTD, data: packed, bytes: packed.length, check: checkOf(mode + ZSTD, packed) };
}

const sizeOf = (data: Stored): number =>
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
  if (!isByte(mode)) throw corrupt(`has the mode ${mode}, which there is not`);
  if (!isStored(data)) throw corrupt(`is stored as ${data === null ? 'NULL' : `a ${typeof data}`}`);
  if (checkOf(mode, data) !== check) throw corrupt('has another check sum than when it was stored');
  return restoreValue(mode, data, settings, owned);
}

/** `decodeValue` for data whose check has been verified already, or that has never left this process. */
export function restoreValue(mode: number, data: Stored, settings: CodecSettings, owned = false): unknown {
  try {
    if (mode < ZSTD || typeof data !== 'object') return restorePayload(mode, data, settings.codec, owned);
    return restorePayload(mode - ZSTD, decompress(data), settings.codec, true);
  } catch (cause) {
    if (cause instanceof DiskCacheError) throw cause;
    if (isTooLarge(cause))
      throw tooLarge(`The stored value is too large for this process (${messageOf(cause)})`, cause);
    throw corrupt(`cannot be decoded (${messageOf(cause)})`, cause);
  }
}

/** Modes stay within a byte. */
const isByte = (mode: unknown): boolean => Number.isInteger(mode) && mode === ((mode as number) & 0xff);

const isStored = (data: unknown): data is Stored =>
  typeof data === 'string' || typeof data === 'number' || data instanceof Uint8Array;

const corrupt = (what: string, cause?: unknown): DiskCacheError =>
  new DiskCacheError(
    'CORRUPT',
    `The stored value ${what}; it is damaged: set it anew, or run check({ repair: true })`,
    { cause },
  );
