/** Bytes of this process. */
export interface Memory {
  /** Resident, at this moment. */
  readonly now: number;
  /** The most there was since the last call, looked at every 10 ms. */
  readonly peak: number;
}

const EVERY = 10;
let peak = 0;

setInterval(() => {
  peak = Math.max(peak, process.memoryUsage.rss());
}, EVERY).unref();

/** The memory since the last call, and begins to watch anew. */
export function watchMemory(): Memory {
  const now = process.memoryUsage.rss();
  const memory = { now, peak: Math.max(peak, now) };
  peak = now;
  return memory;
}
