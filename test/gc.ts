import { setTimeout } from 'node:timers/promises';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';

setFlagsFromString('--expose-gc');

/** Collects garbage. What one collection finds beside the heap is swept later, and away with the next. */
export const collectGarbage = runInNewContext('gc') as () => void;

/** What weak references hold until the end of a turn, and what ends when something was collected, goes, too. */
export async function collectAllGarbage(): Promise<void> {
  for (let turn = 0; turn < 3; turn++) {
    collectGarbage();
    await setTimeout(20);
  }
}

/** Bytes on the heap and beside it, garbage included. */
export function getMemoryBytes(): number {
  const { heapUsed, external } = process.memoryUsage();
  return heapUsed + external;
}
