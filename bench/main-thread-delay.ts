/** How long does the main process not answer the user while a page writes? The page is a worker thread. */
import { once } from 'node:events';
import { monitorEventLoopDelay } from 'node:perf_hooks';
import { MessageChannel, type MessagePort, Worker } from 'node:worker_threads';
import { FULL_GRANT } from '../main/bridge/grant.ts';
import { openSession } from '../main/bridge/session.ts';
import type { Command, EngineEvent } from '../main/electron/utility/engine-messages.ts';
import { Cache } from '../main/engine/index.ts';
import { ALLOWED, GOALS, MAX_EVENT_LOOP_P99_MS, MAX_PAUSE_MS } from './goals.ts';
import type { Benchmark, Comparison, Contender, Goal } from './harness/benchmark.ts';
import { drawIndices, toKeys, VALUE_BYTES, Values } from './harness/keys-and-values.ts';
import { runStandalone } from './harness/run-standalone.ts';
import { Scratch } from './harness/scratch.ts';
import type { ParentMessage } from './peer/utility-worker.ts';
import type { WriteOrder, WritingPageData } from './peer/writing-page-worker.ts';

export const benchmark: Benchmark = {
  name: 'main-thread-delay',
  asks: 'How late is this thread’s event loop (99th percentile, and at most) while a page writes, with the engine here or elsewhere?',
  async *comparisons({ keys, operations }) {
    using scratch = new Scratch();
    await using here = openLocalEngine(scratch.directory(), false);
    await using exclusive = openLocalEngine(scratch.directory(), true);
    await using elsewhere = await openUtilityEngine(scratch.directory());
    const pages = { [HERE]: here, [HERE_EXCLUSIVE]: exclusive, [ELSEWHERE]: elsewhere };
    const contend = (measure: (delays: IntervalHistogram) => number, order: WriteOrder): Contender[] =>
      Object.entries(pages).map(([name, page]) => ({
        name,
        async round() {
          await page.clear();
          return measure(await recordDelays(() => page.write(order)));
        },
      }));
    const items = keys / 2;
    for (const perTurn of [100, 1000, 10_000].filter((count) => count <= items)) {
      yield {
        title: `${items} sets of 100 bytes, ${perTurn} in a turn`,
        unit: 'ms',
        contenders: [...contend(getP99, { items, perTurn }), { name: ALLOWED, round: () => MAX_EVENT_LOOP_P99_MS }],
        goals: perTurn === 10_000 ? GOALS['p99 of the event loop'].map(toHere) : [],
      } satisfies Comparison;
    }
    const order = { items: operations * BURST, perTurn: 1000 };
    yield {
      title: `the longest pause while ${order.items} sets of 100 bytes arrive, 1000 in a turn`,
      unit: 'ms',
      contenders: [...contend(getWorst, order), { name: ALLOWED, round: () => MAX_PAUSE_MS }],
      goals: GOALS['worst pause'].map(toHere),
    } satisfies Comparison;
    yield {
      title: `the longest single set of ${order.items} in a loop`,
      unit: 'ms',
      contenders: [
        ...[false, true].map((alone) => ({
          name: alone ? HERE_EXCLUSIVE : HERE,
          round: (round: number) => timeWorstSet(scratch.directory(), alone, order.items, round),
        })),
        { name: ALLOWED, round: () => MAX_PAUSE_MS },
      ],
      goals: GOALS['worst pause'].map(toHere),
    } satisfies Comparison;
  },
};

const HERE = "placement 'main': the engine in this thread";
const HERE_EXCLUSIVE = "placement 'main', exclusive";
const ELSEWHERE = "placement 'utility': on a thread of its own";
/** How many sets arrive for each operation of a usual round: 200 000. */
const BURST = 10;
const toHere = (goal: Goal): Goal => ({ ...goal, subject: HERE_EXCLUSIVE });

/** Milliseconds of the set that took longest, at random among half as many keys. */
function timeWorstSet(directory: string, exclusive: boolean, count: number, round: number): number {
  using cache = new Cache<string, Uint8Array>(directory, { exclusive });
  const indices = drawIndices(count, count / 2, round);
  const keys = toKeys(indices);
  const values = new Values('bytes', VALUE_BYTES);
  let worst = 0;
  for (let nth = 0; nth < count; nth++) {
    const startedAt = performance.now();
    cache.set(keys[nth]!, values.at(nth) as Uint8Array);
    worst = Math.max(worst, performance.now() - startedAt);
  }
  const found = new Set(keys).size;
  if (cache.size !== found) throw new Error(`${cache.size} items where ${found} were set`);
  return worst;
}

/** Milliseconds beyond the interval of the timer it is measured with. */
const INTERVAL_MS = 1;

type IntervalHistogram = ReturnType<typeof monitorEventLoopDelay>;

async function recordDelays(work: () => Promise<void>): Promise<IntervalHistogram> {
  const delays = monitorEventLoopDelay({ resolution: INTERVAL_MS });
  delays.enable();
  await work();
  delays.disable();
  return delays;
}

const toLateness = (nanoseconds: number): number => Math.max(0, nanoseconds / 1e6 - INTERVAL_MS);
const getP99 = (delays: IntervalHistogram): number => toLateness(delays.percentile(99));
const getWorst = (delays: IntervalHistogram): number => toLateness(delays.max);

interface WritingPage extends AsyncDisposable {
  clear(): Promise<void>;
  write(order: WriteOrder): Promise<void>;
}

function openLocalEngine(directory: string, exclusive: boolean): WritingPage {
  const { port1, port2 } = new MessageChannel();
  const cache = new Cache(directory, { exclusive });
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
