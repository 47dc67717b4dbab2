import { statSync, utimesSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { expect, it } from 'vitest';
import { Cache } from '../../main/engine/index.ts';
import { freshDirectory } from '../engine/directory.ts';
import { danglingRows, isStaged, orphans, valueFiles } from './leftovers.ts';
import { Expected, found, stepAt } from './plan.ts';
import { Victim } from './victim.ts';

/** Each starts a process: CI kills 50 (`WRITER_KILLS=50`). */
const KILLS = Number(process.env['WRITER_KILLS'] ?? 20);
/** Milliseconds after its first acknowledged step within which a writer is killed. */
const LIFE = 60;
/** Milliseconds for a kill: that of starting a process, on a machine that has much else to do. */
const MAX_KILL_MS = 12_000;
/** A step places so many files at most. */
const MOST_FILES = 6;

interface Toll {
  steps: number;
  /** Times the step that was not acknowledged is there, whole. */
  unacknowledged: number;
  left: number;
}

/** Kills a writer in the middle of its work, and looks at what it left; again and again in one directory. */
async function killAgainAndAgain(seed: number, directory: string, lasting?: Cache): Promise<Toll> {
  const expected = new Expected();
  const toll: Toll = { steps: 0, unacknowledged: 0, left: 0 };
  for (let kill = 0; kill < KILLS; kill++) {
    const alone = lasting === undefined && kill % 2 === 0;
    const victim = new Victim('./writer.ts', directory, `${seed}`, `${toll.steps}`, alone ? 'exclusive' : 'shared');
    await victim.isAtWork();
    await sleep(Math.random() * LIFE);
    const acknowledged = await victim.kill();
    expect(acknowledged).toEqual(acknowledged.map((_, n) => String(toll.steps + n)));

    const cache = lasting ?? new Cache(directory);
    const there = found(cache);
    if (lasting === undefined) cache.close();
    for (const _ of acknowledged) expected.apply(stepAt(seed, toll.steps++));
    // One more may be done: the call had not returned, or its acknowledgement was not written.
    if (there !== expected.shown()) {
      expected.apply(stepAt(seed, toll.steps++));
      toll.unacknowledged++;
    }
    expect(there).toBe(expected.shown());
    expect(danglingRows(directory)).toEqual([]);
  }
  toll.left = orphans(directory).length;
  return toll;
}

it('a writer killed again and again at random moments: what was acknowledged is there and whole, and only orphans are left', {
  timeout: KILLS * MAX_KILL_MS,
}, async () => {
  const alone = freshDirectory();
  const shared = freshDirectory();
  // Alone, half of them exclusively, every opening recovers; beside a process that keeps the store open, that one has to go on.
  using lasting = new Cache(shared);
  const tolls = await Promise.all([killAgainAndAgain(1, alone), killAgainAndAgain(2, shared, lasting)]);
  for (const { steps, unacknowledged, left } of tolls) {
    console.log(`${KILLS} kills, ${steps} steps, ${unacknowledged} done but not acknowledged, ${left} orphans`);
    expect(steps).toBeGreaterThan(KILLS);
    expect(left).toBeLessThanOrEqual(KILLS * MOST_FILES);
  }

  const files = valueFiles(shared).map((path) => statSync(path).size);
  expect(lasting.volume()).toBeGreaterThan(files.reduce((sum, size) => sum + size, 0));
  for (const directory of [alone, shared]) {
    using cache = new Cache(directory);
    const before = found(cache);
    expectOnlyOrphans(cache);
    expect(found(cache)).toBe(before);
  }
});

/** Nothing is wrong but files that no item names, and those can be collected. */
function expectOnlyOrphans(cache: Cache): void {
  const { directory } = cache;
  const placed = orphans(directory).filter((path) => !isStaged(path));
  const findings = cache.check();
  expect(new Set(findings.map(({ code }) => code))).toEqual(new Set(placed.length > 0 ? ['orphan'] : []));
  expect(findings.map(({ path }) => path).sort()).toEqual(placed.sort());
  cache.check({ repair: true });
  expect(cache.check()).toEqual([]);
  // What was being written when its writer died looks like what is being written: it goes when it is old enough.
  const staged = orphans(directory);
  expect(staged.filter((path) => !isStaged(path))).toEqual([]);
  for (const path of staged) utimesSync(path, 0, 0);
  cache.check({ repair: true });
  expect(orphans(directory)).toEqual([]);
}
