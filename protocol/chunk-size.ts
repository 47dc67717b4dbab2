/*
 * A file of its own: code that a page loads on demand needs these, and nothing else of value-stream.ts.
 */

/** The maximum size of a chunk. */
export const CHUNK_BYTES = 2 ** 18;

/** Chunks of one stream that may be in flight. */
export const CHUNKS_AHEAD = 4;
