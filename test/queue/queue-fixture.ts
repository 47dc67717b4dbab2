import { afterEach, vi } from 'vitest';
import { type Handler, type OpenQueueOptions, type ProcessOptions, Queue } from '../../main/queue/index.ts';
import { freshDirectory } from '../engine/fresh-directory.ts';

const cleanups: (() => Promise<void>)[] = [];

afterEach(async () => {
  for (const end of cleanups.splice(0).reverse()) await end();
});

/** A queue in a new or given directory, with a clock that moves only by hand. */
export function openQueueFixture<T = unknown>(options: OpenQueueOptions & { readonly directory?: string } = {}) {
  const { directory = freshDirectory(), ...rest } = options;
  const time = { now: 1_000_000 };
  const queue = new Queue<T>(directory, { durability: 'process', clock: () => time.now, ...rest });
  cleanups.push(async () => queue.close());
  return {
    queue,
    directory,
    time,
    /** Starts a worker. Returns a function that stops it. */
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
    /** Resolves when this number of jobs has been done in all. */
    done: (count: number) => waitUntil(() => queue.counts().done === count),
  };
}

/** Resolves when the condition is true. */
export const waitUntil = (check: () => boolean) =>
  vi.waitFor(
    () => {
      if (!check()) throw new Error(`not so yet: ${check}`);
    },
    { timeout: 10_000, interval: 2 },
  );

/** A gate that a handler can wait for. */
export function createGate<T = void>() {
  let open!: (value: T) => void;
  const passed = new Promise<T>((resolve) => {
    open = resolve;
  });
  return { passed, open };
}
