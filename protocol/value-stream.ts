import type { ByteRange } from './byte-range.ts';
import { reads, type Signatures, writes } from './contract/signature.ts';
import type { Key } from './key.ts';
import type { SetOptions } from './options.ts';

/*
 * Values that are too large for a message: operations like those of a store's contract, each in a message of its own. Whoever
 * asks for the next chunk, or sends one, is answered when it was read or taken, and has few under way: that is the flow control.
 */

export { CHUNK_BYTES, CHUNKS_AHEAD } from './chunk-size.ts';

/** `get` answers bytes and text up to so many bytes, and `set` sends bytes, in one piece; larger values travel as streams. */
export const WHOLE_BYTES = 2 ** 20;

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

export const VALUE_STREAM: Signatures<ValueStreamContract> = /* @__PURE__ */ (() => ({
  openStream: reads('key', 'plain'),
  nextChunk: reads('plain'),
  openUpload: writes('key', 'plain', 'plain'),
  sendChunk: writes('plain', 'plain'),
  endUpload: writes('plain'),
  leaveStream: reads('plain'),
}))();
