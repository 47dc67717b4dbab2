const RATE = 44_100;
const CHANNELS = 2;
const BYTES_PER_SAMPLE = 2;
const BYTES_PER_SECOND = RATE * CHANNELS * BYTES_PER_SAMPLE;
const CHUNK_BYTES = 2 ** 20;

/** Returns a WAVE file (RIFF, uncompressed PCM) of silence, piece by piece: a player plays and seeks in it as in any film. */
export function makeWave(seconds: number): ReadableStream<Uint8Array> {
  const dataBytes = seconds * BYTES_PER_SECOND;
  let left = dataBytes;
  return new ReadableStream({
    start: (out) => out.enqueue(makeHeader(dataBytes)),
    pull(out) {
      const bytes = Math.min(left, CHUNK_BYTES);
      left -= bytes;
      if (bytes > 0) out.enqueue(new Uint8Array(bytes));
      else out.close();
    },
  });
}

function makeHeader(dataBytes: number): Uint8Array {
  const header = new DataView(new ArrayBuffer(44));
  const write = (at: number, letters: string) => {
    for (const [n, letter] of [...letters].entries()) header.setUint8(at + n, letter.charCodeAt(0));
  };
  write(0, 'RIFF');
  header.setUint32(4, 36 + dataBytes, true);
  write(8, 'WAVEfmt ');
  header.setUint32(16, 16, true);
  header.setUint16(20, 1, true);
  header.setUint16(22, CHANNELS, true);
  header.setUint32(24, RATE, true);
  header.setUint32(28, BYTES_PER_SECOND, true);
  header.setUint16(32, CHANNELS * BYTES_PER_SAMPLE, true);
  header.setUint16(34, 8 * BYTES_PER_SAMPLE, true);
  write(36, 'data');
  header.setUint32(40, dataBytes, true);
  return new Uint8Array(header.buffer);
}
