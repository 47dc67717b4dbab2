import { statSync, utimesSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { expect, it } from 'vitest';
import { Cache } from '../../main/engine/index.ts';
import { freshDirectory } from '../engine/fresh-directory.ts';
import { KillableProcess } from './killable-process.ts';
import { findDanglingRows, findOrphans, isStaged, listStoredFiles } from './orphan-files.ts';
import { createStep, ExpectedStore, readStoreState } from './random-writes.ts';

/** Each starts a process: CI kills 50 (`WRITER_KILLS=50`). */
const KILLS = Number(process.env['WRITER_KILLS'] ?? 20);
/** Milliseconds after its first acknowledged step within which a writer is killed. */
const MAX_LIFE_MS = 60;
/** Milliseconds for a kill: that of starting a process, on a machine that has much else to do. */
const MAX_KILL_MS = 12_000;
/** Maximum number of files that a step places. */
const MAX_FILES_PER_STEP = 6;

interface KillStats {
  steps: number;
  /** How often the unacknowledged step is there, whole. */
  unacknowledged: number;
  leftFiles: number;
}

/** Kills a writer in the middle of its work, and looks at what it left; again and again in one directory. */
async function killRepeatedly(seed: number, directory: string, durability?: Cache): Promise<KillStats> {
  const expected = new ExpectedStore();
  const stats: KillStats = { steps: 0, unacknowledged: 0, leftFiles: 0 };
  for (let kill = 0; kill < KILLS; kill++) {
    const alone = durability === undefined && kill % 2 === 0;
    const writer = new KillableProcess(
      './writer.ts',
      directory,
      `${seed}`,
      `${stats.steps}`,
      alone ? 'exclusive' : 'shared',
    );
    await writer.waitUntilStarted();
    await sleep(Math.random() * MAX_LIFE_MS);
    const acknowledged = await writer.kill();
    expect(acknowledged).toEqual(acknowledged.map((_, n) => String(stats.steps + n)));

    const cache = durability ?? new Cache(directory);
    const there = readStoreState(cache);
    if (durability === undefined) cache.close();
    for (const _ of acknowledged) expected.apply(createStep(seed, stats.steps++));
    // One more may be done: the call had not returned, or its acknowledgement was not written.
    if (there !== expected.serialize()) {
      expected.apply(createStep(seed, stats.steps++));
      stats.unacknowledged++;
    }
    expect(there).toBe(expected.serialize());
    expect(findDanglingRows(directory)).toEqual([]);
  }
  stats.leftFiles = findOrphans(directory).length;
  return stats;
}

it('after a writer is killed at random moments, acknowledged writes are intact and only orphan files are left', {
  timeout: KILLS * MAX_KILL_MS,
}, async () => {
  const alone = freshDirectory();
  const shared = freshDirectory();
  // Alone, half of them exclusively, every opening recovers; beside a process that keeps the store open, that one has to go on.
  using lasting = new Cache(shared);
  const tolls = await Promise.all([killRepeatedly(1, alone), killRepeatedly(2, shared, lasting)]);
  for (const { steps, unacknowledged, leftFiles } of tolls) {
    console.log(`${KILLS} kills, ${steps} steps, ${unacknowledged} done but not acknowledged, ${leftFiles} orphans`);
    expect(steps).toBeGreaterThan(KILLS);
    expect(leftFiles).toBeLessThanOrEqual(KILLS * MAX_FILES_PER_STEP);
  }

  const files = listStoredFiles(shared).map((path) => statSync(path).size);
  expect(lasting.volume()).toBeGreaterThan(files.reduce((sum, size) => sum + size, 0));
  for (const directory of [alone, shared]) {
    using cache = new Cache(directory);
    const before = readStoreState(cache);
    expectOnlyOrphans(cache);
    expect(readStoreState(cache)).toBe(before);
  }
});

/** Nothing is wrong but files that no item names, and those can be collected. */
function expectOnlyOrphans(cache: Cache): void {
  const { directory } = cache;
  const placed = findOrphans(directory).filter((path) => !isStaged(path));
  const findings = cache.check();
  expect(new Set(findings.map(({ code }) => code))).toEqual(new Set(placed.length > 0 ? ['orphan'] : []));
  expect(findings.map(({ path }) => path).sort()).toEqual(placed.sort());
  cache.check({ repair: true });
  expect(cache.check()).toEqual([]);
  // A file that was being written when its writer died looks like one still being written; it is removed when it is old enough.
  const staged = findOrphans(directory);
  expect(staged.filter((path) => !isStaged(path))).toEqual([]);
  for (const path of staged) utimesSync(path, 0, 0);
  cache.check({ repair: true });
  expect(findOrphans(directory)).toEqual([]);
}
