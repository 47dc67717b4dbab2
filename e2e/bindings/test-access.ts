/** Functions that the specs call in a page, as one could in the developer tools. */
import { diskCache } from 'deskcache/renderer';
import type { stores } from './stores.ts';

interface Frames {
  /** Milliseconds from one frame to the next. */
  readonly intervals: readonly number[];
  /** Milliseconds from the moment at which a frame was due until it was rendered: what must be less than 16. */
  readonly work: readonly number[];
}

/** Measures the frames of the next `duration` milliseconds. */
async function measureFrames(duration: number): Promise<Frames> {
  const intervals: number[] = [];
  const work: number[] = [];
  const start = performance.now();
  for (let last = await nextFrame(); last - start < duration; ) {
    const now = await nextFrame();
    intervals.push(now - last);
    // The first task after the callbacks of a frame runs when it has been rendered.
    await nextTask();
    work.push(performance.now() - now);
    last = now;
  }
  return { intervals, work };
}

const nextFrame = () => new Promise<number>((resolve) => requestAnimationFrame(resolve));

const nextTask = () =>
  new Promise<void>((resolve) => {
    const { port1, port2 } = new MessageChannel();
    port1.onmessage = () => {
      port1.close();
      resolve();
    };
    port2.postMessage(null);
  });

/** Returns the first rows of the store, as the page shows them. */
async function readShownRows(): Promise<string[]> {
  const entries = await diskCache.as<typeof stores>().rows.entries({ limit: 16 });
  return entries.map(([, { name, price }]) => `${name}${price}`);
}

/** Called: a module that is only imported is left out, since package.json says that this package's modules do nothing by themselves. */
export const exposeForTests = () => Object.assign(globalThis, { diskCache, measureFrames, readShownRows });
