import { FRAME_BYTES, makeWaveHeader, SAMPLE_RATE } from '../wave-header.ts';

/** What the application of this test has stored. */
export const LOGO = '<svg xmlns="http://www.w3.org/2000/svg" width="7" height="5"/>';

/** A document that would run if it were shown as one of the application's pages. */
export const STORED_PAGE = '<!doctype html><title>still</title><script>document.title = "ran"</script>';

/** Seconds of the recording, which is 21 MB: more than a player fetches before it is asked to seek. */
const RECORDING_SECONDS = 120;

/** Returns a tone as a WAVE file. */
export function createRecording(): Uint8Array {
  const header = makeWaveHeader(RECORDING_SECONDS * SAMPLE_RATE * FRAME_BYTES);
  const file = new DataView(new ArrayBuffer(header.length + RECORDING_SECONDS * SAMPLE_RATE * FRAME_BYTES));
  new Uint8Array(file.buffer).set(header);
  for (let frame = 0; frame < RECORDING_SECONDS * SAMPLE_RATE; frame++) {
    const level = 8000 * Math.sin((frame * 440 * 2 * Math.PI) / SAMPLE_RATE);
    file.setInt16(header.length + frame * FRAME_BYTES, level, true);
  }
  return new Uint8Array(file.buffer);
}
