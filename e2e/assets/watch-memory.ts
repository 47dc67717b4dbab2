import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';

/** Bytes of this process. */
export interface MemoryUsage {
  /** Resident, at this moment. */
  readonly now: number;
  /** The most there was since the last call. */
  readonly peak: number;
}

/** Milliseconds between two looks. */
const SAMPLE_INTERVAL_MS = 100;

// V8 leaves garbage lying about, up to 64 MB outside its heap, however little is in use: it is collected before each look.
setFlagsFromString('--expose-gc');
const collectGarbage = runInNewContext('gc') as () => void;

let peak = 0;

function sampleMemory(): number {
  collectGarbage();
  const now = process.memoryUsage.rss();
  peak = Math.max(peak, now);
  return now;
}
setInterval(sampleMemory, SAMPLE_INTERVAL_MS).unref();

/** Returns the memory growth since the last call and starts a new measurement. */
export function watchMemory(): MemoryUsage {
  const now = sampleMemory();
  const memory = { now, peak };
  peak = now;
  return memory;
}
