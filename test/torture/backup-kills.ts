import { mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { Cache } from '../../main/engine/index.ts';
import { KillableProcess } from '../crash/killable-process.ts';
import type { TortureReport, TortureSuite } from './suite.ts';

/** Milliseconds after its first backup within which a process is killed: some backups and restorations. */
const MAX_LIFE_MS = 400;

/** What may be incomplete. */
const UNFINISHED = /\.(incomplete|restoring)-/;

/** Returns what is wrong with a directory that has to be a whole store in one of its states. */
function findFault(directory: string): string | undefined {
  using store = new Cache<string, unknown>(directory, { fileThreshold: 100 });
  const [first, large, last] = store.getMany(['first', 'large', 'last']);
  if (typeof first !== 'number' || last !== first || large !== `${first} `.padEnd(1000))
    return `${directory} is between two states: ${first}, ${String(large).trim()}, ${last}`;
  const found = store.check({ repair: true }).filter(({ code }) => code !== 'orphan');
  return found.length === 0 ? undefined : `${directory}: ${JSON.stringify(found).slice(0, 500)}`;
}

async function run(count: number): Promise<TortureReport> {
  const faults: string[] = [];
  let backups = 0;
  for (let kill = 0; kill < count; kill++) {
    const root = mkdtempSync(join(tmpdir(), 'deskcache-backup-kills-'));
    try {
      const worker = new KillableProcess('../torture/backup-worker.ts', root, kill % 2 === 0 ? 'exclusive' : 'shared');
      await worker.waitUntilStarted();
      await sleep(Math.random() * MAX_LIFE_MS);
      await worker.kill();
      // The store, and every backup and replaced store that has its name, are whole.
      for (const name of readdirSync(root).filter((name) => !UNFINISHED.test(name))) {
        const fault = findFault(join(root, name));
        if (fault !== undefined) faults.push(`kill ${kill}: ${fault}`);
        backups++;
      }
    } catch (error) {
      faults.push(`kill ${kill}: ${error}`);
    } finally {
      rmSync(root, { recursive: true, force: true });
    }
  }
  return { figures: `${count} kills, ${backups} directories looked at`, faults };
}

/** A process is killed while it makes a backup or restores one: the store is the old or the new one, and a backup is whole or not there. */
export const backupKillSuite: TortureSuite = { name: 'backups', long: 200, short: 6, run };
