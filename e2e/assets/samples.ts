/** What the application of this test has stored. */
export const LOGO = '<svg xmlns="http://www.w3.org/2000/svg" width="7" height="5"/>';

/** A document that would run if it were shown as one of the application's pages. */
export const PAGE_IN_STORE = '<!doctype html><title>still</title><script>document.title = "ran"</script>';

const RATE = 44_100;
const CHANNELS = 2;
const BYTES_PER_SAMPLE = 2;
const FRAME = CHANNELS * BYTES_PER_SAMPLE;

/** Seconds of the recording, which is 21 MB: more than a player fetches before it is asked to seek. */
export const SECONDS = 120;

/** A tone as a WAVE file (RIFF, uncompressed PCM), which every Chromium plays. */
export function recording(): Uint8Array {
  const data = SECONDS * RATE * FRAME;
  const file = new DataView(new ArrayBuffer(44 + data));
  const text = (at: number, letters: string) => {
    for (let n = 0; n < letters.length; n++) file.setUint8(at + n, letters.charCodeAt(n));
  };
  text(0, 'RIFF');
  file.setUint32(4, 36 + data, true);
  text(8, 'WAVEfmt ');
  file.setUint32(16, 16, true);
  file.setUint16(20, 1, true);
  file.setUint16(22, CHANNELS, true);
  file.setUint32(24, RATE, true);
  file.setUint32(28, RATE * FRAME, true);
  file.setUint16(32, FRAME, true);
  file.setUint16(34, 8 * BYTES_PER_SAMPLE, true);
  text(36, 'data');
  file.setUint32(40, data, true);
  for (let frame = 0; frame < SECONDS * RATE; frame++) {
    file.setInt16(44 + frame * FRAME, 8000 * Math.sin((frame * 440 * 2 * Math.PI) / RATE), true);
  }
  return new Uint8Array(file.buffer);
}
