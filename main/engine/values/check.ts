import { crc32 } from 'node:zlib';

/** What a database column or a file holds of a value. */
export type Stored = string | number | Uint8Array;

/** zlib counts bytes in 32 bits. */
const PIECE_BYTES = 1024 ** 3;

const number = new Float64Array(1);
const numberBytes = new Uint8Array(number.buffer);

/**
 * CRC-32 (ISO 3309, as in gzip) of what is stored. It starts from the value's mode, so that a changed mode is damage too, or
 * goes on from the check of the chunks before. A text has the check of its UTF-8 bytes, whether it stands in a column or in
 * a file. It finds accidents; who can write the file can write the check. About 0.15 µs for 100 bytes, 6 GB/s.
 */
export function checkOf(start: number, data: Stored): number {
  // A mode that is damaged goes with no check.
  if (start !== start >>> 0) return Number.NaN;
  // Older Nodes hand zlib a null pointer for no bytes, which resets the sum.
  if (typeof data === 'object' && data.length > PIECE_BYTES) return checkOfPieces(start, data);
  if (typeof data !== 'number') return data.length === 0 ? start : crc32(data, start);
  number[0] = data;
  return crc32(numberBytes, start);
}

function checkOfPieces(start: number, data: Uint8Array): number {
  let check = start;
  for (let at = 0; at < data.length; at += PIECE_BYTES) check = crc32(data.subarray(at, at + PIECE_BYTES), check);
  return check;
}
