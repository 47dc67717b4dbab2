/** What does a page pay for what it keeps: over the bridge, over plain comlink, or in an IndexedDB of its own? */
import { COMLINK } from './goals.ts';
import type { Benchmark, Comparison, Contender, SkippedContender } from './harness/benchmark.ts';
import { OURS } from './harness/benchmark.ts';
import { BrowserPage } from './harness/browser-page.ts';
import { Fixtures } from './harness/fixtures.ts';
import { shuffleIndices, toKeys, VALUE_BYTES } from './harness/keys-and-values.ts';
import { PageWorker } from './harness/page-worker.ts';
import { runStandalone } from './harness/run-standalone.ts';
import { Scratch } from './harness/scratch.ts';
import { type IndexedDbAction, runIndexedDb } from './peer/indexed-db.ts';
import type { PageAction } from './peer/page-worker.ts';
import { EXCLUSIVE } from './peer/stores/deskcache.ts';

const INDEXED_DB = 'IndexedDB in a window';
/** One at a time takes long, and a tenth of them says as much. */
const SEQUENTIAL_SHARE = 10;

/** How a row is done by the client of a page, by plain comlink and by IndexedDB; a store that can't do it has no action. */
interface Row {
  readonly title: string;
  readonly share: number;
  readonly bridge: PageAction;
  readonly comlink: PageAction;
  readonly indexedDb: IndexedDbAction;
}

const ROWS: readonly Row[] = [
  { title: 'one set at a time', share: SEQUENTIAL_SHARE, bridge: 'set', comlink: 'comlink set', indexedDb: 'set' },
  { title: 'sets in flight', share: 1, bridge: 'sets', comlink: 'comlink sets', indexedDb: 'sets' },
  {
    title: 'the same, of IndexedDB in one transaction',
    share: 1,
    bridge: 'sets',
    comlink: 'comlink sets',
    indexedDb: 'set in a transaction',
  },
  { title: 'one get at a time', share: SEQUENTIAL_SHARE, bridge: 'get', comlink: 'comlink get', indexedDb: 'get' },
  { title: 'gets in flight', share: 1, bridge: 'gets', comlink: 'comlink gets', indexedDb: 'gets' },
];

export const benchmark: Benchmark = {
  name: 'peers-page',
  asks: 'What does a page pay for items of 100 bytes over the bridge, over plain comlink, and in IndexedDB, each with the durability "process"?',
  asGrid: true,
  async *comparisons({ operations }) {
    const items = operations / 2;
    using fixtures = new Fixtures(items);
    await using shared = new PageWorker(fixtures.cache());
    await using exclusive = new PageWorker(fixtures.cache({ exclusive: true }));
    using scratch = new Scratch();
    await using browser = await openBrowser(scratch);
    const plan = (share: number, round: number) => shuffleIndices(0, items, round).subarray(0, items / share);
    const askIndexedDb = (action: IndexedDbAction, indices: Uint32Array, round: number): Promise<number> => {
      if (!(browser instanceof BrowserPage)) throw new Error(browser.skipped);
      const request = { action, keys: toKeys(indices), bytes: VALUE_BYTES, round, durability: 'relaxed' } as const;
      return browser.evaluate(runIndexedDb, request);
    };
    const indexedDb = (round: Contender['round']): Contender | SkippedContender =>
      browser instanceof BrowserPage ? { name: INDEXED_DB, round } : { name: INDEXED_DB, skipped: browser.skipped };
    if (browser instanceof BrowserPage) await askIndexedDb('set in a transaction', plan(1, 0), 0);

    for (const { title, share, bridge, comlink, indexedDb: action } of ROWS) {
      yield {
        title,
        unit: 'µs',
        contenders: [
          { name: OURS, round: (round) => shared.time(bridge, round, plan(share, round)) },
          { name: EXCLUSIVE, round: (round) => exclusive.time(bridge, round, plan(share, round)) },
          { name: COMLINK, round: (round) => shared.time(comlink, round, plan(share, round)) },
          indexedDb((round) => askIndexedDb(action, plan(share, round), round)),
        ],
        goals: [],
      } satisfies Comparison;
    }
  },
};

/** A browser that does not start here is reported, with the reason. */
async function openBrowser(scratch: Scratch): Promise<BrowserPage | (AsyncDisposable & { readonly skipped: string })> {
  try {
    return await BrowserPage.open(scratch);
  } catch (error) {
    const [reason] = String(error instanceof Error ? error.message : error).split('\n');
    return { skipped: `not here: ${reason}`, async [Symbol.asyncDispose]() {} };
  }
}

if (import.meta.main) await runStandalone(benchmark);
