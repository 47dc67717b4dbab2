/** Measures how long opening a test host takes, with four stores, in a temporary directory and in one that is kept. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { testHost } from '../main/testing/index.ts';
import { cache, defineStores, deque, index, settings } from '../protocol/stores.ts';

const stores = defineStores({
  api: cache(),
  notes: index(),
  outbox: deque(),
  settings: settings({ defaults: { theme: 'light' } }),
});

const ROUNDS = 41;

async function timeOpening(options: object, declared: object = stores): Promise<number> {
  const startedAt = performance.now();
  const t = await testHost({ stores: declared as typeof stores, ...options });
  const openedAt = performance.now();
  await t.page().get('k');
  await t.close();
  return openedAt - startedAt;
}

async function timeKept(): Promise<number> {
  const directory = mkdtempSync(join(tmpdir(), 'deskcache-kept-'));
  try {
    return await timeOpening({ directory });
  } finally {
    rmSync(directory, { recursive: true });
  }
}

/** Alternates, so that a busy machine slows all of them down. */
const contenders: Readonly<Record<string, () => Promise<number>>> = {
  'one store': () => timeOpening({}, defineStores({ api: cache() })),
  'four stores': () => timeOpening({}),
  'four stores in a kept directory': timeKept,
};
const times = new Map(Object.keys(contenders).map((name) => [name, [] as number[]]));
for (const open of Object.values(contenders)) await open();
for (let round = 0; round < ROUNDS; round++)
  for (const [name, open] of Object.entries(contenders)) times.get(name)?.push(await open());
for (const [name, measured] of times) {
  const sorted = measured.toSorted((a, b) => a - b);
  console.log(
    `${name}: median ${sorted[ROUNDS >> 1]!.toFixed(1)} ms, fastest ${sorted[0]!.toFixed(1)} ms, slowest ${sorted.at(-1)!.toFixed(1)} ms`,
  );
}
