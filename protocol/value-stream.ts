import { reads, type Signatures, writes } from './contract/signature.ts';
import { DiskCacheError } from './error.ts';
import type { Key } from './key.ts';
import type { SetOptions } from './options.ts';

/** A part of a value, as in `slice`: bytes from `start` (default 0) up to, and without, `end` (default, and at most, its size). */
export interface ByteRange {
  readonly start?: number;
  readonly end?: number;
}

/** The range with its defaults; `end` is Infinity where it is the end of the value. @throws {DiskCacheError} `BAD_OPTION` */
export function resolveByteRange({ start = 0, end = Number.POSITIVE_INFINITY }: ByteRange = {}): Required<ByteRange> {
  const isPlace = (at: unknown) => Number.isSafeInteger(at) && (at as number) >= 0;
  if (isPlace(start) && (isPlace(end) || end === Number.POSITIVE_INFINITY) && start <= end) return { start, end };
  throw new DiskCacheError(
    'BAD_OPTION',
    `A range of bytes goes from start to end, whole numbers; not ${formatOffset(start)} to ${formatOffset(end)}`,
  );
}

/** An object, or a bigint, might be written out for very long. */
const formatOffset = (at: unknown): unknown => (typeof at === 'number' ? at : typeof at);

/*
 * A file of its own: code that a page loads on demand needs these, and nothing else of value-stream.ts.
 */

/** The maximum size of a chunk. */
export const MAX_CHUNK_BYTES = 2 ** 18;

/** Chunks of one stream that may be in flight. */
export const MAX_CHUNKS_IN_FLIGHT = 4;

/*
 * Values that are too large for a message: operations like those of a store's contract, each in a message of its own. Whoever
 * asks for the next chunk, or sends one, is answered when it was read or taken, and has few under way: that is the flow control.
 */

/** `get` answers bytes and text up to so many bytes, and `set` sends bytes, in one piece; larger values travel as streams. */
export const MAX_INLINE_BYTES = 2 ** 20;

/** A value of bytes or text that was opened for reading. */
export interface OpenedStream {
  readonly stream: string;
  /** Bytes of the whole value. */
  readonly size: number;
  readonly isText: boolean;
}

/** The operations, which a page calls on a store that is a cache. */
export interface ValueStreamContract {
  /** Undefined when there is no live item. */
  openStream(key: Key, range?: ByteRange): Promise<OpenedStream | undefined>;
  /** Undefined when there is no more. */
  nextChunk(stream: string): Promise<Uint8Array | undefined>;
  /** A stream to be stored; `asValue`: in place of a `set`, and undefined where the store has its own way to keep bytes. */
  openUpload(key: Key, options?: SetOptions, asValue?: boolean): string | undefined;
  /** Answered when the store is ready for the next one. */
  sendChunk(stream: string, chunk: Uint8Array): Promise<void>;
  /** Answered when the item is stored, whole. */
  endUpload(stream: string): Promise<void>;
  /** Ends a stream before its end; nothing stays of what was to be stored. */
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
