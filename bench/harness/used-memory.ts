import { readFileSync } from 'node:fs';
import { memoryUsage } from 'node:process';
import { getHeapStatistics } from 'node:v8';

/**
 * What is in use, in bytes: the heap's live objects, and all memory of the process that is not heap. Pages of files that
 * are mapped don't count where the system tells them apart; they are the system's to take back.
 */
export function measureUsedBytes(): number {
  globalThis.gc?.();
  globalThis.gc?.();
  const own = readAnonymousBytes() ?? memoryUsage.rss();
  const { total_physical_size, used_heap_size } = getHeapStatistics();
  return own - total_physical_size + used_heap_size;
}

/** Linux tells a process's own memory from mapped files (proc_pid_status(5)). */
function readAnonymousBytes(): number | undefined {
  if (process.platform !== 'linux') return undefined;
  const kilobytes = /^RssAnon:\s+(\d+) kB$/m.exec(readFileSync('/proc/self/status', 'latin1'))?.[1];
  return kilobytes === undefined ? undefined : Number(kilobytes) * 1024;
}
