import { DiskCacheError } from './error.ts';

/** A part of a value, as in `slice`: bytes from `start` (default 0) up to, and without, `end` (default, and at most, its size). */
export interface ByteRange {
  readonly start?: number;
  readonly end?: number;
}

/** The range with its defaults; `end` is Infinity where it is the end of the value. @throws {DiskCacheError} `BAD_OPTION` */
export function fullRange({ start = 0, end = Number.POSITIVE_INFINITY }: ByteRange = {}): Required<ByteRange> {
  const isPlace = (at: unknown) => Number.isSafeInteger(at) && (at as number) >= 0;
  if (isPlace(start) && (isPlace(end) || end === Number.POSITIVE_INFINITY) && start <= end) return { start, end };
  throw new DiskCacheError(
    'BAD_OPTION',
    `A range of bytes goes from start to end, whole numbers; not ${shown(start)} to ${shown(end)}`,
  );
}

/** An object, or a bigint, might be written out for very long. */
const shown = (at: unknown): unknown => (typeof at === 'number' ? at : typeof at);
