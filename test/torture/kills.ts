import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { KillableProcess } from '../crash/killable-process.ts';
import {
  type Durability,
  describeStore,
  ExpectedState,
  STORE_NAMES,
  STORES_UNDER_TEST,
  type StoreName,
} from './random-steps.ts';
import type { TortureReport, TortureSuite } from './suite.ts';

/** Milliseconds after its first acknowledged step within which a process is killed. */
const MAX_LIFE_MS = 60;
/** After this many kills a directory has grown enough: the next begins with a fresh one. */
const KILLS_PER_DIRECTORY = 25;
/** On two cores. */
const CONCURRENCY = 2;

interface KillStats {
  kills: number;
  steps: number;
  unacknowledged: number;
  readonly faults: string[];
}

/** Kills a process in the middle of its work, looks at what it has left, and lets the next one go on there. */
async function killRepeatedly(name: StoreName, seed: number, kills: number, stats: KillStats): Promise<void> {
  const directory = mkdtempSync(join(tmpdir(), 'deskcache-kills-'));
  const durability: Durability = seed % 2 === 0 ? 'process' : 'power';
  const expected = new ExpectedState(name, seed);
  try {
    for (let kill = 0; kill < kills; kill++) {
      const writer = new KillableProcess(
        '../torture/worker.ts',
        name,
        directory,
        durability,
        `${seed}`,
        `${expected.steps}`,
      );
      await writer.waitUntilStarted();
      await sleep(Math.random() * MAX_LIFE_MS);
      for (const _ of await writer.kill()) expected.advance();
      stats.kills++;
      const store = STORES_UNDER_TEST[name].open(directory, durability);
      try {
        const there = describeStore(name, store).join('\n');
        // One more may be done: the call had not returned, or its acknowledgement was not written.
        if (there !== expected.show().join('\n')) {
          expected.advance();
          stats.unacknowledged++;
        }
        if (there !== expected.show().join('\n')) throw new Error('what is there is not what was acknowledged');
        const found = store.check({ repair: true }).filter(({ code }) => code !== 'orphan');
        if (found.length > 0) throw new Error(`check() found ${JSON.stringify(found).slice(0, 500)}`);
      } finally {
        store.close();
      }
    }
  } catch (error) {
    stats.faults.push(`${name}, ${durability}, seed ${seed}, step ${expected.steps}: ${error}`);
  } finally {
    stats.steps += expected.steps;
    rmSync(directory, { recursive: true, force: true });
  }
}

async function run(count: number): Promise<TortureReport> {
  const toll: KillStats = { kills: 0, steps: 0, unacknowledged: 0, faults: [] };
  let seed = 1;
  let left = count;
  async function work(): Promise<void> {
    while (left > 0) {
      const kills = Math.min(left, KILLS_PER_DIRECTORY, Math.ceil(count / STORE_NAMES.length));
      left -= kills;
      const mine = seed++;
      await killRepeatedly(STORE_NAMES[mine % STORE_NAMES.length]!, mine, kills, toll);
    }
  }
  await Promise.all(Array.from({ length: CONCURRENCY }, work));
  const { kills, steps, unacknowledged, faults } = toll;
  return { figures: `${kills} kills, ${steps} steps, ${unacknowledged} done but not acknowledged`, faults };
}

/** A process may be killed at any moment: every acknowledged write is there, whole, and nothing else. */
export const killSuite: TortureSuite = { name: 'kills', long: 2000, short: 16, run };
