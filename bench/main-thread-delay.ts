/** How long does the main process not answer the user while a page writes? The page is a worker thread. */
import { once } from 'node:events';
import { monitorEventLoopDelay } from 'node:perf_hooks';
import { MessageChannel, type MessagePort, Worker } from 'node:worker_threads';
import { FULL_GRANT } from '../main/bridge/grant.ts';
import { openSession } from '../main/bridge/session.ts';
import type { Command, EngineEvent } from '../main/electron/utility/engine-messages.ts';
import { Cache } from '../main/engine/index.ts';
import type { Benchmark, Contender } from './harness/benchmark.ts';
import { runStandalone } from './harness/run-standalone.ts';
import { Scratch } from './harness/scratch.ts';
import type { ParentMessage } from './peer/utility-worker.ts';
import type { WriteOrder, WritingPageData } from './peer/writing-page-worker.ts';

export const benchmark: Benchmark = {
  name: 'main-thread-delay',
  asks: 'How late is this thread’s event loop (99th percentile) while a page writes, with the engine here or elsewhere?',
  async *comparisons({ keys }) {
    using scratch = new Scratch();
    await using here = openLocalEngine(scratch.directory());
    await using elsewhere = await openUtilityEngine(scratch.directory());
    const items = keys / 2;
    for (const perTurn of [100, 1000, 10_000].filter((count) => count <= items)) {
      const contender = (name: string, page: WritingPage): Contender => ({
        name,
        async round() {
          await page.clear();
          return measureLateness(() => page.write({ items, perTurn }));
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
const INTERVAL_MS = 1;

async function measureLateness(work: () => Promise<void>): Promise<number> {
  const delays = monitorEventLoopDelay({ resolution: INTERVAL_MS });
  delays.enable();
  await work();
  delays.disable();
  return Math.max(0, delays.percentile(99) / 1e6 - INTERVAL_MS);
}

interface WritingPage extends AsyncDisposable {
  clear(): Promise<void>;
  write(order: WriteOrder): Promise<void>;
}

function openLocalEngine(directory: string): WritingPage {
  const { port1, port2 } = new MessageChannel();
  const cache = new Cache(directory);
  openSession(port1 as unknown as Parameters<typeof openSession>[0], FULL_GRANT, () => cache);
  return openWritingPage(port2, async () => {
    port1.close();
    cache.close();
  });
}

async function openUtilityEngine(directory: string): Promise<WritingPage> {
  const { port1, port2 } = new MessageChannel();
  const utility = new Worker(new URL('./peer/utility-worker.ts', import.meta.url));
  const tell = (order: Command, ...ports: MessagePort[]) =>
    utility.postMessage({ order, ports } satisfies ParentMessage, ports);
  const opening = { directory, userData: directory, stores: { declarations: {} }, windows: undefined };
  tell({ type: 'open', opening, attached: [] });
  const [answer] = (await once(utility, 'message')) as [EngineEvent];
  if (answer.event !== 'opened') throw new Error(`The utility process did not open: ${JSON.stringify(answer)}`);
  const rights = { grant: FULL_GRANT, hasShard: false };
  tell({ type: 'session', id: 1, window: undefined, rights }, port1);
  return openWritingPage(port2, async () => {
    tell({ type: 'close' });
    await once(utility, 'exit');
  });
}

function openWritingPage(port: MessagePort, end: () => Promise<void>): WritingPage {
  const page = new Worker(new URL('./peer/writing-page-worker.ts', import.meta.url), {
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

if (import.meta.main) await runStandalone(benchmark);
