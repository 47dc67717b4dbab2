/** How long does the main process not answer the user while a page writes? The page is a worker thread. */
import { once } from 'node:events';
import { monitorEventLoopDelay } from 'node:perf_hooks';
import { MessageChannel, type MessagePort, Worker } from 'node:worker_threads';
import { FULL_GRANT } from '../main/bridge/grant.ts';
import { openSession } from '../main/bridge/session.ts';
import type { Order, Report } from '../main/electron/utility/orders.ts';
import { Cache } from '../main/engine/index.ts';
import type { Contender, Question } from './harness/question.ts';
import { runAlone } from './harness/run-alone.ts';
import { Scratch } from './harness/scratch.ts';
import type { Delivery } from './peer/utility-thread.ts';
import type { WriteOrder, WritingPageData } from './peer/writing-page.ts';

export const question: Question = {
  name: 'delay',
  asks: 'How late is this thread’s event loop (99th percentile) while a page writes, with the engine here or elsewhere?',
  async *comparisons({ keys }) {
    using scratch = new Scratch();
    await using here = engineHere(scratch.directory());
    await using elsewhere = await engineInUtility(scratch.directory());
    const items = keys / 2;
    for (const perTurn of [100, 1000, 10_000].filter((count) => count <= items)) {
      const contender = (name: string, page: WritingPage): Contender => ({
        name,
        async round() {
          await page.clear();
          return lateness(() => page.write({ items, perTurn }));
        },
      });
      yield {
        title: `${items} sets of 100 bytes, ${perTurn} in a turn`,
        unit: 'ms',
        contenders: [
          contender("placement 'main': the engine in this thread", here),
          contender("placement 'utility': on a thread of its own", elsewhere),
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
  clear(): Promise<void>;
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

async function engineInUtility(directory: string): Promise<WritingPage> {
  const { port1, port2 } = new MessageChannel();
  const utility = new Worker(new URL('./peer/utility-thread.ts', import.meta.url));
  const tell = (order: Order, ...ports: MessagePort[]) =>
    utility.postMessage({ order, ports } satisfies Delivery, ports);
  tell({ order: 'open', opening: { directory, stores: { declarations: {} }, windows: undefined }, attached: [] });
  const [answer] = (await once(utility, 'message')) as [Report];
  if (answer.report !== 'opened') throw new Error(`The utility process did not open: ${JSON.stringify(answer)}`);
  const rights = { grant: FULL_GRANT, hasShard: false };
  tell({ order: 'session', id: 1, window: undefined, rights }, port1);
  return pageOn(port2, async () => {
    tell({ order: 'close' });
    await once(utility, 'exit');
  });
}

function pageOn(port: MessagePort, end: () => Promise<void>): WritingPage {
  const page = new Worker(new URL('./peer/writing-page.ts', import.meta.url), {
    workerData: { port } satisfies WritingPageData,
    transferList: [port],
  });
  async function obey(order: WriteOrder | 'clear', items: number): Promise<void> {
    page.postMessage(order);
    const [size] = (await once(page, 'message')) as [number];
    if (size !== items) throw new Error(`${size} items where ${items} were expected`);
  }
  return {
    clear: () => obey('clear', 0),
    write: (order) => obey(order, order.items),
    async [Symbol.asyncDispose]() {
      await page.terminate();
      await end();
    },
  };
}

if (import.meta.main) await runAlone(question);
