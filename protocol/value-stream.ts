import { reads, type Signatures, writes } from './contract/signature.ts';
import { DiskCacheError } from './error.ts';
import type { Key } from './key.ts';
import type { SetOptions } from './options.ts';

/** A part of a value, as in `slice`: bytes from `start` (default 0) to `end`, exclusive (default and maximum: the size of the value). */
export interface ByteRange {
  readonly start?: number;
  readonly end?: number;
}

/**
 * Returns the range with its defaults; `end` is Infinity for the end of the value.
 *
 * @throws {DiskCacheError} `BAD_OPTION`
 */
export function resolveByteRange({ start = 0, end = Number.POSITIVE_INFINITY }: ByteRange = {}): Required<ByteRange> {
  const isPlace = (at: unknown) => Number.isSafeInteger(at) && (at as number) >= 0;
  if (isPlace(start) && (isPlace(end) || end === Number.POSITIVE_INFINITY) && start <= end) return { start, end };
  throw new DiskCacheError(
    'BAD_OPTION',
    `A range of bytes goes from start to end, whole numbers; not ${formatOffset(start)} to ${formatOffset(end)}`,
  );
}

/** Prints only numbers: printing an object or a bigint might take very long. */
const formatOffset = (at: unknown): unknown => (typeof at === 'number' ? at : typeof at);

/*
 * Values that are too large for one message travel over a byte channel (byte-channel.ts). Its steps are operations like those of a store's
 * contract, each in a message of its own.
 */

/* The limits are here and not in byte-channel.ts, because every page loads this file. */

/** Maximum size of a chunk of a byte channel. */
export const MAX_CHUNK_BYTES = 2 ** 18;

/** Maximum number of chunks of one byte channel in flight. */
export const MAX_CHUNKS_IN_FLIGHT = 4;

/** Maximum bytes and text that `get` returns, and bytes that `set` sends, in one piece; larger values are streamed. */
export const MAX_INLINE_BYTES = 2 ** 20;

/** A value of bytes or text opened for reading. */
export interface OpenedStream {
  readonly stream: string;
  /** Size of the whole value in bytes. */
  readonly size: number;
  readonly isText: boolean;
}

/** The streaming operations that a page calls on a cache. */
export interface ValueStreamContract {
  /** Returns undefined if there is no live item. */
  openStream(key: Key, range?: ByteRange): Promise<OpenedStream | undefined>;
  /** Returns undefined at the end. */
  nextChunk(stream: string): Promise<Uint8Array | undefined>;
  /** Opens a stream to store. `asValue` replaces a `set`; it returns undefined if the store encodes bytes in its own way. */
  openUpload(key: Key, options?: SetOptions, asValue?: boolean): string | undefined;
  /** Resolves when the store is ready for the next chunk. */
  sendChunk(stream: string, chunk: Uint8Array): Promise<void>;
  /** Resolves when the whole item is stored. */
  endUpload(stream: string): Promise<void>;
  /** Aborts a stream; nothing of an upload is kept. */
  leaveStream(stream: string): Promise<void>;
}

export const VALUE_STREAM_SIGNATURES: Signatures<ValueStreamContract> = /* @__PURE__ */ (() => ({
  openStream: reads('key', 'plain'),
  nextChunk: reads('plain'),
  openUpload: writes('key', 'plain', 'plain'),
  sendChunk: writes('plain', 'plain'),
  endUpload: writes('plain'),
  leaveStream: reads('plain'),
}))();
