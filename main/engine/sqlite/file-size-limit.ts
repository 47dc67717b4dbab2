import { readFileSync, statSync } from 'node:fs';

/** SQLite writes at most a page at once, with a header. */
const MAX_WRITE_BYTES = 65_536 + 24;

/** Returns the bytes of the largest file that the system lets this process write; Infinity where it doesn't say: Node can't ask for it. */
function readFileSizeLimit(): number {
  try {
    const [, bytes] = /^Max file size +(\d+) /m.exec(readFileSync('/proc/self/limits', 'utf8')) ?? [];
    return bytes === undefined ? Number.POSITIVE_INFINITY : Number(bytes);
  } catch {
    // Only Linux has this file.
    return Number.POSITIVE_INFINITY;
  }
}

/**
 * Returns the system's error for a write that this process may not make, because the file would become too large (`ulimit -f`); undefined if
 * all of these files may grow.
 */
export function findSizeRefusal(paths: readonly string[]): unknown {
  const limit = readFileSizeLimit();
  const isAtLimit = (path: string) => (statSync(path, { throwIfNoEntry: false })?.size ?? 0) > limit - MAX_WRITE_BYTES;
  if (limit === Number.POSITIVE_INFINITY || !paths.some(isAtLimit)) return undefined;
  return Object.assign(new Error(`EFBIG: no file may have more than ${limit} bytes`), { code: 'EFBIG' });
}
