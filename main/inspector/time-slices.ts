import { setImmediate } from 'node:timers/promises';

/** The main process of an application draws no frame while the inspector works longer than this. */
const TIME_SLICE_MS = 8;

/** Returns a function to be awaited between two steps of long work: it lets other work run when the slice is used up. */
export function createSlices(): () => Promise<void> | undefined {
  let endsAt = performance.now() + TIME_SLICE_MS;
  return () => {
    if (performance.now() < endsAt) return undefined;
    return setImmediate().then(() => {
      endsAt = performance.now() + TIME_SLICE_MS;
    });
  };
}
