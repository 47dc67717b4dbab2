import { inspect } from 'node:util';
import { crc32 } from 'node:zlib';

/** Returns a number below `limit`. */
export type RandomInt = (limit: number) => number;

const SHORT_TEXT = 40;
/** Beyond what a journal takes, and beyond what a row takes. */
const [LARGE_BYTES, FILE_BYTES] = [20_000, 40_000];

const createText = (index: number, length: number): string => `${index}.`.repeat(length / 4 + 2).slice(0, length);

/** A value that tells which step wrote it, except for the smallest ones. */
export function createValue(draw: RandomInt, index: number): unknown {
  const dice = draw(24);
  if (dice === 0) return '';
  if (dice === 1) return new Uint8Array(0);
  if (dice === 2) return [Number.NaN, -0, 0, Number.POSITIVE_INFINITY, 2 ** 53 - 1][draw(5)];
  if (dice === 3) return { index, list: [index, `${index}`, null] };
  if (dice === 4) return BigInt(index) ** 5n;
  if (dice === 5) return new Date(index);
  if (dice === 6) return [null, true, false][draw(3)];
  if (dice === 7) return new Map([[index, new Set([index])]]);
  if (dice < 12) return new Uint8Array(Buffer.from(createText(index, draw(600))));
  if (dice < 14) return index;
  return createText(index, 10 + draw(300));
}

/** A value that is too large for the journal: in the row, or in a file of its own. */
export const createLargeValue = (draw: RandomInt, index: number): unknown =>
  createText(index, draw(2) === 0 ? LARGE_BYTES : FILE_BYTES);

/** Equal for equal values only. */
export function toFingerprint(value: unknown): string {
  if (typeof value === 'string')
    return value.length <= SHORT_TEXT
      ? JSON.stringify(value)
      : `${value.length} chars ${value.slice(0, 12)}, ${crc32(value)}`;
  if (value instanceof Uint8Array) return `${value.length} bytes, ${crc32(value)}`;
  if (typeof value === 'number') return Object.is(value, -0) ? '-0' : String(value);
  return inspect(value, { depth: 5, breakLength: Number.POSITIVE_INFINITY });
}

/** Whether a line of a description is about a value that has a file of its own. */
export const isInFile = (line: string): boolean => line.includes(`: ${FILE_BYTES} chars `);
