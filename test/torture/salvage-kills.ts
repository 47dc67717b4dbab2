import { type ChildProcess, fork } from 'node:child_process';
import { cpSync, existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { createRandom } from '../crash/random-writes.ts';
import { createModel, type HostModel, isRestored, KINDS, openOnly } from './damaged-start-hosts.ts';
import type { TortureReport, TortureSuite } from './suite.ts';

/*
 * Kills a process that starts a host with a damaged store at a random moment, again and again, and then lets one start through: the store has
 * all its items, and the damaged one is kept unchanged.
 */

const RESTORED = KINDS.filter(isRestored);
const MAX_KILLS_PER_HOST = 3;

function damageHeader(path: string): Buffer {
  const bytes = readFileSync(path);
  bytes.fill(0xee, 0, 100);
  writeFileSync(path, bytes);
  return bytes;
}

/** Returns after the process has ended, killed after a while or not. */
async function startAndKill(directory: string, kind: string, delayMs: number): Promise<boolean> {
  const child: ChildProcess = fork(join(import.meta.dirname, 'damaged-host-starter.ts'), [directory, kind], {
    stdio: 'ignore',
  });
  const ended = new Promise<boolean>((resolve) => child.once('exit', (_, signal) => resolve(signal === 'SIGKILL')));
  await Promise.race([new Promise((resolve) => child.once('message', resolve)), ended]);
  await sleep(delayMs);
  child.kill('SIGKILL');
  return ended;
}

const countItems = (model: HostModel, kind: (typeof RESTORED)[number]): number => model.values[kind].size;

function readItems(directory: string, kind: (typeof RESTORED)[number]): number {
  const host = openOnly(directory, kind);
  try {
    if (kind === 'notes') return host.stores.notes.size;
    if (kind === 'log') return host.stores.log.length;
    if (kind === 'prefs')
      return host.stores.prefs.get('theme') === 'dark' ? Object.keys(host.stores.prefs.all()).length : 0;
    const { ready, delayed } = host.queues.find('mail').counts();
    return ready + delayed;
  } finally {
    host.close();
  }
}

async function run(count: number): Promise<TortureReport> {
  const root = mkdtempSync(join(tmpdir(), 'deskcache-kills-'));
  const random = createRandom(count);
  const faults: string[] = [];
  let kills = 0;
  let interrupted = 0;
  try {
    const model = createModel(root, 'closed');
    for (let nth = 0; kills < count; nth++) {
      const kind = RESTORED[nth % RESTORED.length]!;
      const directory = mkdtempSync(join(root, 'host-'));
      cpSync(join(model.directory, kind), join(directory, kind), { recursive: true });
      const damaged = damageHeader(join(directory, kind, 'cache.db'));
      for (let again = 0; again < MAX_KILLS_PER_HOST; again++) {
        if (await startAndKill(directory, kind, random() * 60)) kills++;
        const kept = existsSync(join(directory, '_damaged')) ? readdirSync(join(directory, '_damaged')) : [];
        if (kept.some((name) => name.endsWith('.fresh'))) interrupted++;
      }
      const items = readItems(directory, kind);
      const expected = countItems(model, kind);
      if (items !== expected) faults.push(`${kind}, kills up to ${kills}: ${items} items of ${expected}`);
      const keptFolders = readdirSync(join(directory, '_damaged')).filter((name) => name.endsWith('Z'));
      const isKept = keptFolders.some((name) =>
        readFileSync(join(directory, '_damaged', name, 'cache.db')).equals(damaged),
      );
      if (!isKept) faults.push(`${kind}, kills up to ${kills}: the damaged store is not kept`);
      rmSync(directory, { recursive: true });
    }
  } finally {
    rmSync(root, { recursive: true, force: true });
  }
  return { figures: `${kills} kills, ${interrupted} of them with a fresh store half done`, faults };
}

/** A host that is killed while it restores a damaged store: the old one is there, or the new one, and never half of one. */
export const salvageKillSuite: TortureSuite = { name: 'salvage-kills', long: 200, short: 6, run };
