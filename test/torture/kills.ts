import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { Victim } from '../crash/victim.ts';
import type { Part, Report } from './part.ts';
import { type Durability, Expected, SUBJECT_NAMES, SUBJECTS, type SubjectName, show } from './plan.ts';

/** Milliseconds after its first acknowledged step within which a process is killed. */
const LIFE_MS = 60;
/** After this many kills a directory has grown enough: the next begins with a fresh one. */
const KILLS_PER_DIRECTORY = 25;
/** On two cores. */
const AT_ONCE = 2;

interface Toll {
  kills: number;
  steps: number;
  unacknowledged: number;
  readonly faults: string[];
}

/** Kills a process in the middle of its work, looks at what it has left, and lets the next one go on there. */
async function killAgainAndAgain(name: SubjectName, seed: number, kills: number, toll: Toll): Promise<void> {
  const directory = mkdtempSync(join(tmpdir(), 'deskcache-kills-'));
  const durability: Durability = seed % 2 === 0 ? 'process' : 'power';
  const expected = new Expected(name, seed);
  try {
    for (let kill = 0; kill < kills; kill++) {
      const victim = new Victim('../torture/worker.ts', name, directory, durability, `${seed}`, `${expected.steps}`);
      await victim.isAtWork();
      await sleep(Math.random() * LIFE_MS);
      for (const _ of await victim.kill()) expected.advance();
      toll.kills++;
      const store = SUBJECTS[name].open(directory, durability);
      try {
        const there = show(name, store).join('\n');
        // One more may be done: the call had not returned, or its acknowledgement was not written.
        if (there !== expected.show().join('\n')) {
          expected.advance();
          toll.unacknowledged++;
        }
        if (there !== expected.show().join('\n')) throw new Error('what is there is not what was acknowledged');
        const found = store.check({ repair: true }).filter(({ code }) => code !== 'orphan');
        if (found.length > 0) throw new Error(`check() found ${JSON.stringify(found).slice(0, 500)}`);
      } finally {
        store.close();
      }
    }
  } catch (error) {
    toll.faults.push(`${name}, ${durability}, seed ${seed}, step ${expected.steps}: ${error}`);
  } finally {
    toll.steps += expected.steps;
    rmSync(directory, { recursive: true, force: true });
  }
}

async function run(count: number): Promise<Report> {
  const toll: Toll = { kills: 0, steps: 0, unacknowledged: 0, faults: [] };
  let seed = 1;
  let left = count;
  async function work(): Promise<void> {
    while (left > 0) {
      const kills = Math.min(left, KILLS_PER_DIRECTORY, Math.ceil(count / SUBJECT_NAMES.length));
      left -= kills;
      const mine = seed++;
      await killAgainAndAgain(SUBJECT_NAMES[mine % SUBJECT_NAMES.length]!, mine, kills, toll);
    }
  }
  await Promise.all(Array.from({ length: AT_ONCE }, work));
  const { kills, steps, unacknowledged, faults } = toll;
  return { figures: `${kills} kills, ${steps} steps, ${unacknowledged} done but not acknowledged`, faults };
}

/** A process may die at any moment: what was acknowledged is there, whole, and nothing else. */
export const kills: Part = { name: 'kills', long: 2000, short: 16, run };
