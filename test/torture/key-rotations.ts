import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { Cache } from '../../main/engine/index.ts';
import { KillableProcess } from '../crash/killable-process.ts';
import { createKey, createValue, ITEMS, isValue } from './key-rotation-items.ts';
import type { TortureReport, TortureSuite } from './suite.ts';

/** Milliseconds within which a process is killed. */
const MAX_LIFE_MS = 400;

const openStore = (directory: string, key: number): Cache =>
  new Cache(directory, {
    encryptionKey: createKey(key),
    previousEncryptionKey: createKey(key - 1),
    exclusive: true,
    fileThreshold: 2000,
  });

/** @throws {Error} for a value that can't be read, or was never written. */
function assertReadable(cache: Cache): void {
  for (let item = 0; item < ITEMS; item++) {
    const value = cache.get(item);
    if (!isValue(item, value)) throw new Error(`item ${item} is ${String(value).slice(0, 40)}`);
  }
  const found = cache.check({ repair: true }).filter(({ code }) => code !== 'orphan');
  if (found.length > 0) throw new Error(`check() found ${JSON.stringify(found).slice(0, 500)}`);
}

async function run(count: number): Promise<TortureReport> {
  const directory = mkdtempSync(join(tmpdir(), 'deskcache-rotations-'));
  const faults: string[] = [];
  let key = 1;
  let kills = 0;
  try {
    const filled = openStore(directory, key);
    for (let item = 0; item < ITEMS; item++) filled.set(item, createValue(item, 0));
    filled.close();
    for (; kills < count && faults.length === 0; kills++) {
      const writer = new KillableProcess('../torture/key-rotation-worker.ts', directory, `${key}`);
      await writer.waitUntilStarted();
      await sleep(Math.random() * MAX_LIFE_MS);
      // The last one that was told is complete, and the next one has perhaps begun.
      key = Math.max(key, ...(await writer.kill()).map(Number)) + 1;
      const cache = openStore(directory, key);
      try {
        assertReadable(cache);
      } catch (error) {
        faults.push(`kill ${kills}, key ${key}: ${error}`);
      } finally {
        cache.close();
      }
    }
  } catch (error) {
    faults.push(`kill ${kills}, key ${key}: ${error}`);
  } finally {
    rmSync(directory, { recursive: true, force: true });
  }
  return { figures: `${kills} kills, ${key} keys, ${ITEMS} values`, faults };
}

/** A process may be killed at any moment of a change of the key: every value can be read with the new or the old one. */
export const keyRotationSuite: TortureSuite = { name: 'key-rotations', long: 300, short: 6, run };
