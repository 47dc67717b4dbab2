/*
 * The flow of what travels in chunks. A file of its own, for code that a page loads on demand has these and nothing else of value-stream.ts.
 */

/** A chunk holds at most so many bytes. */
export const CHUNK_BYTES = 2 ** 18;

/** Chunks of one stream that may be under way. */
export const CHUNKS_AHEAD = 4;
