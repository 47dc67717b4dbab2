import { CHUNK_BYTES } from '../../protocol/value-stream.ts';

/**
 * Chunks of a size for messages, none of them empty, each in memory of its own: a message holds the whole buffer of a view, and what
 * stands beside it there may be anybody's.
 */
export async function* inChunks(parts: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array, void> {
  for await (const part of parts) {
    const { length, buffer } = part;
    if (length > 0 && length <= CHUNK_BYTES && length === buffer.byteLength) {
      yield part;
    } else {
      for (let at = 0; at < length; at += CHUNK_BYTES) yield new Uint8Array(part.subarray(at, at + CHUNK_BYTES));
    }
  }
}
