import { FRAME_BYTES, makeWaveHeader, SAMPLE_RATE } from '../../wave-header.ts';

const CHUNK_BYTES = 2 ** 20;

/** Returns a WAVE file of silence in chunks. */
export function makeSilence(seconds: number): ReadableStream<Uint8Array> {
  const dataBytes = seconds * SAMPLE_RATE * FRAME_BYTES;
  let left = dataBytes;
  return new ReadableStream({
    start: (out) => out.enqueue(makeWaveHeader(dataBytes)),
    pull(out) {
      const bytes = Math.min(left, CHUNK_BYTES);
      left -= bytes;
      if (bytes > 0) out.enqueue(new Uint8Array(bytes));
      else out.close();
    },
  });
}
