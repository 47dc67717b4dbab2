/** WAVE files (RIFF, uncompressed PCM): every Chromium plays them, and seeks in them as in a film. */
export const SAMPLE_RATE = 44_100;
const CHANNELS = 2;
const BYTES_PER_SAMPLE = 2;
/** The samples of all channels at one time. */
export const FRAME_BYTES = CHANNELS * BYTES_PER_SAMPLE;

/** Returns the header of a file with `dataBytes` of 16-bit stereo samples behind it. */
export function makeWaveHeader(dataBytes: number): Uint8Array {
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
  header.setUint32(24, SAMPLE_RATE, true);
  header.setUint32(28, SAMPLE_RATE * FRAME_BYTES, true);
  header.setUint16(32, FRAME_BYTES, true);
  header.setUint16(34, 8 * BYTES_PER_SAMPLE, true);
  write(36, 'data');
  header.setUint32(40, dataBytes, true);
  return new Uint8Array(header.buffer);
}
