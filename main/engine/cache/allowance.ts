import { DiskCacheError } from '../../../protocol/error.ts';
import { MODE } from '../values/mode.ts';

/** The engine answers at once, so whatever is read meanwhile is read by `work`. */
let left = Number.POSITIVE_INFINITY;
let streamable = Number.POSITIVE_INFINITY;

/**
 * Runs `work`, which only reads, and reads value files of `bytes` altogether at most; of those that could be streams (plain bytes
 * and text) none that is larger than `bytesOfOne`. What is more is refused by the size that its row tells, before any of it is
 * read. Not to be nested.
 *
 * @throws {DiskCacheError} `TOO_LARGE` from the verb that wanted more; what `work` throws.
 */
export function allowing<T>(bytes: number, bytesOfOne: number, work: () => T): T {
  left = bytes;
  streamable = bytesOfOne;
  try {
    return work();
  } finally {
    left = Number.POSITIVE_INFINITY;
    streamable = Number.POSITIVE_INFINITY;
  }
}

/** Before a value file is read. @throws {DiskCacheError} `TOO_LARGE` */
export function spend(mode: number, bytes: number): void {
  const isPlain = mode === MODE.bytes || mode === MODE.text;
  if (bytes > left || (isPlain && bytes > streamable)) {
    throw new DiskCacheError(
      'TOO_LARGE',
      `The value takes ${bytes} bytes, more than may be read at once; read fewer at a time${isPlain ? ', or this one with openReadStream' : ''}`,
    );
  }
  left -= bytes;
}
