import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';

/** Bytes of this process. */
export interface Memory {
  /** Resident, at this moment. */
  readonly now: number;
  /** The most there was since the last call. */
  readonly peak: number;
}

/** Milliseconds between two looks. */
const EVERY = 100;

// V8 leaves garbage lying about, up to 64 MB outside its heap, however little is in use: it is collected before each look.
setFlagsFromString('--expose-gc');
const collectGarbage = runInNewContext('gc') as () => void;

let peak = 0;

function look(): number {
  collectGarbage();
  const now = process.memoryUsage.rss();
  peak = Math.max(peak, now);
  return now;
}
setInterval(look, EVERY).unref();

/** The memory since the last call, and begins to watch anew. */
export function watchMemory(): Memory {
  const now = look();
  const memory = { now, peak };
  peak = now;
  return memory;
}
