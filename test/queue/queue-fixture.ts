import { afterEach, vi } from 'vitest';
import { type Handler, type OpenQueueOptions, type ProcessOptions, Queue } from '../../main/queue/index.ts';
import { freshDirectory } from '../engine/fresh-directory.ts';

const cleanups: (() => Promise<void>)[] = [];

afterEach(async () => {
  for (const end of cleanups.splice(0).reverse()) await end();
});

/** A queue in a fresh directory, or one that is given, by a clock that stands still until it is moved. */
export function openQueueFixture<T = unknown>(options: OpenQueueOptions & { readonly directory?: string } = {}) {
  const { directory = freshDirectory(), ...rest } = options;
  const time = { now: 1_000_000 };
  const queue = new Queue<T>(directory, { durability: 'process', clock: () => time.now, ...rest });
  cleanups.push(async () => queue.close());
  return {
    queue,
    directory,
    time,
    /** Sets a worker on; answers how to stop it. */
    work(handler: Handler<T>, work: ProcessOptions = {}) {
      const stopping = new AbortController();
      const working = queue.process(handler, { ...work, signal: stopping.signal });
      const stop = (): Promise<void> => {
        stopping.abort(new Error('told to stop'));
        return working;
      };
      cleanups.push(stop);
      return stop;
    },
    /** Until so many jobs in all were done. */
    done: (count: number) => waitUntil(() => queue.counts().done === count),
  };
}

/** Until it is so. */
export const waitUntil = (check: () => boolean) =>
  vi.waitFor(
    () => {
      if (!check()) throw new Error(`not so yet: ${check}`);
    },
    { timeout: 10_000, interval: 2 },
  );

/** What a handler can wait for. */
export function createGate<T = void>() {
  let open!: (value: T) => void;
  const passed = new Promise<T>((resolve) => {
    open = resolve;
  });
  return { passed, open };
}
