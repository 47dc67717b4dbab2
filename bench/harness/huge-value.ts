/**
 * Stores or reads one huge value in this process and prints how long that took and how far memory rose. Arguments: where
 * ('file' or 'deskcache'), what ('set' or 'get'), the kind ('bytes' or 'text'), its bytes, and the directory.
 */
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { memoryUsage, resourceUsage } from 'node:process';
import { Cache } from '../../main/engine/index.ts';

export interface HugeValueCost {
  readonly ms: number;
  /** MiB of the peak over what the process had before; the value itself counts only for `get`, which returns it. */
  readonly peak: number;
}

export type HugeValueKind = 'bytes' | 'text';

const MiB = 2 ** 20;
const KEY = 'huge';
const LINE = 'The quick brown fox jumps over the lazy dog 0123456789.\n';

function createValue(kind: HugeValueKind, bytes: number): string | Uint8Array {
  const filled = Buffer.allocUnsafeSlow(bytes).fill(LINE);
  return kind === 'text' ? filled.toString('latin1') : new Uint8Array(filled.buffer);
}

const getLength = (value: unknown): number =>
  typeof value === 'string' || value instanceof Uint8Array ? value.length : Number.NaN;

/** Returns the peak of the process's memory so far, in bytes; libuv counts KiB on every system. */
const getPeakBytes = (): number => resourceUsage().maxRSS * 1024;

function measure(work: () => unknown, bytes: number | undefined): HugeValueCost {
  globalThis.gc?.();
  const before = memoryUsage.rss();
  const startedAt = performance.now();
  const result = work();
  const ms = performance.now() - startedAt;
  if (bytes !== undefined && getLength(result) !== bytes)
    throw new Error(`${getLength(result)} instead of ${bytes} bytes`);
  // The peak of earlier work, such as creating the value, is not below what it left.
  return { ms, peak: Math.max(0, getPeakBytes() - before) / MiB };
}

const [where, what, kind, size, directory = ''] = process.argv.slice(2);
const bytes = Number(size);
const path = join(directory, 'plain');
using cache = new Cache<string, string | Uint8Array>(join(directory, 'cache'));
const store = {
  file: {
    set: (value: string | Uint8Array) => writeFileSync(path, value),
    get: () => (kind === 'text' ? readFileSync(path, 'utf8') : readFileSync(path)),
  },
  deskcache: { set: (value: string | Uint8Array) => cache.set(KEY, value), get: () => cache.get(KEY) },
}[where as 'file' | 'deskcache'];
// Creates what both need at their first use, statements and files.
cache.set('small', 'x');

if (what === 'set') {
  const value = createValue(kind as HugeValueKind, bytes);
  console.log(JSON.stringify(measure(() => store.set(value), undefined)));
} else console.log(JSON.stringify(measure(() => store.get(), bytes)));
