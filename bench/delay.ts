/** How long does the main process not answer the user while a page writes? The page is a worker thread. */
import { once } from 'node:events';
import { monitorEventLoopDelay } from 'node:perf_hooks';
import { MessageChannel, type MessagePort, Worker } from 'node:worker_threads';
import { FULL_GRANT } from '../main/bridge/grant.ts';
import { openSession } from '../main/bridge/session.ts';
import { Cache } from '../main/engine/index.ts';
import type { Contender, Question } from './harness/question.ts';
import { runAlone } from './harness/run-alone.ts';
import { Scratch } from './harness/scratch.ts';
import type { EngineThreadData } from './peer/engine-thread.ts';
import type { WriteOrder, WritingPageData } from './peer/writing-page.ts';

export const question: Question = {
  name: 'delay',
  asks: 'How late is this thread’s event loop (99th percentile) while a page writes, with the engine here or elsewhere?',
  async *comparisons({ keys }) {
    using scratch = new Scratch();
    await using here = engineHere(scratch.directory());
    await using elsewhere = engineElsewhere(scratch.directory());
    const items = keys / 2;
    for (const perTurn of [100, 1000, 10_000].filter((count) => count <= items)) {
      const contender = (name: string, page: WritingPage): Contender => ({
        name,
        round: () => lateness(() => page.write({ items, perTurn })),
      });
      yield {
        title: `${items} sets of 100 bytes, ${perTurn} in a turn`,
        unit: 'ms',
        contenders: [
          contender('the engine in this thread', here),
          contender('the engine in a thread of its own', elsewhere),
        ],
        goals: [],
      };
    }
  },
};

/** Milliseconds beyond the interval of the timer it is measured with. */
const INTERVAL = 1;

async function lateness(work: () => Promise<void>): Promise<number> {
  const delays = monitorEventLoopDelay({ resolution: INTERVAL });
  delays.enable();
  await work();
  delays.disable();
  return Math.max(0, delays.percentile(99) / 1e6 - INTERVAL);
}

interface WritingPage extends AsyncDisposable {
  write(order: WriteOrder): Promise<void>;
}

function engineHere(directory: string): WritingPage {
  const { port1, port2 } = new MessageChannel();
  const cache = new Cache(directory);
  openSession(port1 as unknown as Parameters<typeof openSession>[0], FULL_GRANT, () => cache);
  return pageOn(port2, async () => {
    port1.close();
    cache.close();
  });
}

function engineElsewhere(directory: string): WritingPage {
  const { port1, port2 } = new MessageChannel();
  const engine = new Worker(new URL('./peer/engine-thread.ts', import.meta.url), {
    workerData: { directory, port: port1 } satisfies EngineThreadData,
    transferList: [port1],
  });
  return pageOn(port2, async () => {
    engine.postMessage('end');
    await once(engine, 'exit');
  });
}

function pageOn(port: MessagePort, end: () => Promise<void>): WritingPage {
  const page = new Worker(new URL('./peer/writing-page.ts', import.meta.url), {
    workerData: { port } satisfies WritingPageData,
    transferList: [port],
  });
  return {
    async write(order) {
      page.postMessage(order);
      const [size] = (await once(page, 'message')) as [number];
      if (size !== order.items) throw new Error(`${order.items} sets made ${size} items`);
    },
    async [Symbol.asyncDispose]() {
      await page.terminate();
      await end();
    },
  };
}

if (import.meta.main) await runAlone(question);
