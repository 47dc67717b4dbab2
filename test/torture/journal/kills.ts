import { cpSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createRandom } from '../../crash/random-writes.ts';
import type { Durability } from '../random-steps.ts';
import { getShimFault } from '../shim.ts';
import { type Replay, type TortureReport, type TortureSuite, tellProgress } from '../suite.ts';
import { bundleProgram } from './bundle.ts';
import { findDifference } from './difference.ts';
import { type Death, runWorker } from './run-worker.ts';
import { SteppedStore, type StoreName } from './steps.ts';
import { SMALL_GENERATIONS } from './tuning.ts';

/** Milliseconds after its first step within which a process is killed. */
const MAX_LIFE_MS = 50;
/** A process that is not killed before ends by itself. */
const MAX_STEPS = 1000;
/** After this many lives the next process begins in a fresh directory. */
const LIVES_PER_DIRECTORY = 15;
/** On two cores. */
const CONCURRENCY = 2;
const STORES: readonly StoreName[] = ['cache', 'cache', 'deque', 'cache', 'index', 'cache'];

interface KillStats {
  kills: number;
  atOperations: number;
  inRecovery: number;
  steps: number;
  unacknowledged: number;
  readonly faults: string[];
}

/** Where a process may die: appending, applying, syncing, truncating, and whatever else it writes. */
const OPERATIONS = [
  'W journal',
  'W journal',
  'S journal',
  'T journal',
  'W cache.db-wal',
  'S cache.db-wal',
  'W *',
  'S *',
  'T *',
];

function chooseOperation(random: () => number, most: number): string {
  const pick = <Choice>(choices: readonly Choice[]) => choices[Math.floor(random() * choices.length)]!;
  return `${pick(OPERATIONS)} ${Math.floor(most ** random()) - 1} ${pick(['before', 'within', 'after'])}`;
}

const chooseDeath = (random: () => number): Death =>
  getShimFault() !== undefined || random() < 0.5
    ? { afterMs: random() * MAX_LIFE_MS }
    : { operation: chooseOperation(random, 800) };

/** Lets processes work in one directory until they are killed, each where the one before has left it. */
async function killInDirectory(seed: number, maxKills: number, stats: KillStats): Promise<void> {
  const folder = mkdtempSync(join(tmpdir(), 'deskcache-journal-kills-'));
  const directory = join(folder, 'store');
  const random = createRandom(seed);
  const name = STORES[seed % STORES.length]!;
  const durability: Durability = Math.floor(seed / 6) % 3 === 0 ? 'power' : 'process';
  const expected = SteppedStore.createModel(name, seed);
  const program = await bundleProgram('worker.ts', 'small', seed % 5 === 0 ? [] : SMALL_GENERATIONS);
  const common = { program, name, directory, durability, seed };
  let life = 0;
  const before = stats.kills;
  try {
    for (; life < LIVES_PER_DIRECTORY && stats.kills - before < maxKills; life++) {
      const first = expected.steps;
      const death = chooseDeath(random);
      const { acknowledged, wasKilled } = await runWorker({ ...common, first, last: first + MAX_STEPS, death });
      for (let step = 0; step < acknowledged; step++) expected.advance();
      if (wasKilled) stats.kills++;
      if (wasKilled && 'operation' in death) stats.atOperations++;
      while (getShimFault() === undefined && random() < 0.5) {
        const operation = chooseOperation(random, 30);
        const { steps } = expected;
        const recovery = await runWorker({ ...common, first: steps, last: steps, death: { operation } });
        if (!recovery.wasKilled) break;
        stats.kills++;
        stats.inRecovery++;
      }
      // Half of the next processes recover by themselves.
      const isCopied = random() < 0.5;
      const verified = isCopied ? join(folder, 'copy') : directory;
      if (isCopied) cpSync(directory, verified, { recursive: true });
      if (verify(verified, name, seed, durability, expected)) stats.unacknowledged++;
      if (isCopied) rmSync(verified, { recursive: true });
    }
  } catch (error) {
    stats.faults.push(
      `${name}, ${durability}, seed ${seed}, life ${life}, step ${expected.steps}: ${error instanceof Error ? error.message : error}`,
    );
    if (process.env['TORTURE_KEEP'] !== undefined) cpSync(directory, process.env['TORTURE_KEEP'], { recursive: true });
  } finally {
    stats.steps += expected.steps;
    rmSync(folder, { recursive: true, force: true });
    tellProgress(`kills: seed ${seed} done; ${JSON.stringify(stats)}`);
  }
}

/** Compares what is there with what was acknowledged; returns whether one more step was done, and then takes it. */
function verify(
  directory: string,
  name: StoreName,
  seed: number,
  durability: Durability,
  expected: SteppedStore,
): boolean {
  const found = SteppedStore.open(name, seed, expected.steps, directory, durability);
  try {
    const difference = findDifference(found.describe(), expected.describe());
    // One more may be done: the call had not returned, or its acknowledgement was not written.
    if (difference !== undefined) {
      expected.advance();
      found.steps = expected.steps;
      if (findDifference(found.describe(), expected.describe()) !== undefined)
        throw new Error(`what is there is not what was acknowledged: ${difference}`);
    }
    const findings = found.store.check().filter(({ code }) => code !== 'orphan');
    if (findings.length > 0) throw new Error(`check() found ${findings.map(({ message }) => message).join('; ')}`);
    return difference !== undefined;
  } finally {
    found.store.close();
  }
}

async function run(count: number, { seed: firstSeed = 1, only }: Replay = {}): Promise<TortureReport> {
  const stats: KillStats = { kills: 0, atOperations: 0, inRecovery: 0, steps: 0, unacknowledged: 0, faults: [] };
  let seed = only ?? firstSeed;
  async function work(): Promise<void> {
    do await killInDirectory(seed++, count - stats.kills, stats);
    while (only === undefined && stats.kills < count);
  }
  await Promise.all(Array.from({ length: only === undefined ? CONCURRENCY : 1 }, work));
  const { kills, atOperations, inRecovery, steps, unacknowledged, faults } = stats;
  return {
    figures:
      `${kills} kills (${atOperations} at chosen operations, ${inRecovery} in recovery), ${steps} steps acknowledged, ` +
      `${unacknowledged} done but not acknowledged, seeds ${firstSeed} to ${seed - 1}`,
    faults,
  };
}

/**
 * A process that alone has a store open may be killed at any moment, also while it recovers what the one before has left: every
 * acknowledged step is there, whole, in the stored order, and nothing else.
 */
export const journalKillSuite: TortureSuite = { name: 'journal-kills', long: 1500, short: 16, run };
