import type { ByteRange } from '../../protocol/byte-range.ts';
import type { Key } from '../../protocol/key.ts';
import type { SetOptions } from '../../protocol/options.ts';

/** How values travel as streams, past the port; a page has `deskcache://` for it. */
export interface ValueStreams {
  openReadStream(store: string, key: Key, range?: ByteRange): Promise<ReadableStream<Uint8Array> | undefined>;
  writeStream(store: string, key: Key, chunks: AsyncIterable<Uint8Array>, options?: SetOptions): Promise<void>;
}
