import { cpSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { exportArchive } from '../../main/archive/index.ts';
import { Cache } from '../../main/engine/index.ts';
import { Queue } from '../../main/queue/index.ts';
import { KillableProcess } from '../crash/killable-process.ts';
import type { TortureReport, TortureSuite } from './suite.ts';

const ITEMS = 2000;
const JOBS = 2000;

/** Milliseconds after its start within which a process is killed: some imports. */
const MAX_LIFE_MS = 1500;

/** Writes an archive, and the lines of the queue in it, into a new folder. */
async function createExports(): Promise<string> {
  const root = mkdtempSync(join(tmpdir(), 'deskcache-imports-'));
  const host = join(root, 'host');
  writeFileSync(join(root, 'jobs.ndjson'), (await fillHost(host)).join(''));
  await exportArchive(host, join(root, 'all.tar'));
  rmSync(host, { recursive: true });
  return root;
}

/** Returns the lines of its queue. */
async function fillHost(host: string): Promise<string[]> {
  using cache = new Cache(join(host, 'notes'), { durability: 'process', fileThreshold: 1000 });
  cache.setMany(Array.from({ length: ITEMS }, (_, nth) => [nth, 'x'.repeat(nth % 50 === 0 ? 5000 : 10)]));
  using queue = new Queue(join(host, 'jobs'), { durability: 'process' });
  queue.enqueueMany(Array.from({ length: JOBS }, (_, nth) => ({ payload: nth, group: nth % 7, delay: nth % 3 })));
  const lines: string[] = [];
  for await (const line of queue.export()) lines.push(`${line}\n`);
  return lines;
}

/** Returns what is wrong with a directory that an archive became. */
function findCopyFault(directory: string): string | undefined {
  using cache = new Cache(join(directory, 'notes'));
  using queue = new Queue(join(directory, 'jobs'));
  const found = [...cache.check(), ...queue.check()];
  if (found.length > 0) return `${directory}: ${JSON.stringify(found).slice(0, 500)}`;
  return cache.size === ITEMS && countJobs(queue) === JOBS
    ? undefined
    : `${directory} has ${cache.size} items, ${countJobs(queue)} jobs`;
}

/** Returns what is wrong with a queue after its import is repeated. */
async function findQueueFault(directory: string, lines: readonly string[]): Promise<string | undefined> {
  using queue = new Queue(directory, { durability: 'process' });
  const before = countJobs(queue);
  const { imported, existing } = await queue.import(lines as string[]);
  const found = queue.check();
  if (found.length > 0) return `${directory}: ${JSON.stringify(found).slice(0, 500)}`;
  return imported === JOBS - before && existing === before && countJobs(queue) === JOBS
    ? undefined
    : `${directory} had ${before} jobs, ${imported} were added, ${countJobs(queue)} are there`;
}

function countJobs(queue: Queue): number {
  const { ready, delayed, held } = queue.counts();
  return ready + delayed + held;
}

async function run(count: number): Promise<TortureReport> {
  const faults: string[] = [];
  const exports = await createExports();
  const lines = readFileSync(join(exports, 'jobs.ndjson'), 'utf8').trimEnd().split('\n');
  let [copies, unfinished, partial] = [0, 0, 0];
  for (let kill = 0; kill < count; kill++) {
    const root = mkdtempSync(join(tmpdir(), 'deskcache-import-kills-'));
    try {
      cpSync(exports, root, { recursive: true });
      const worker = new KillableProcess('../torture/import-worker.ts', root);
      await worker.waitUntilStarted();
      await sleep(Math.random() * MAX_LIFE_MS);
      await worker.kill();
      for (const name of readdirSync(root)) {
        const isCopy = /^copy-\d+$/.test(name);
        if (isCopy) copies++;
        else if (name.startsWith('copy-')) unfinished++;
        else if (name.startsWith('queue-')) partial++;
        else continue;
        const directory = join(root, name);
        const fault = isCopy
          ? findCopyFault(directory)
          : name.startsWith('queue-')
            ? await findQueueFault(directory, lines)
            : undefined;
        if (fault !== undefined) faults.push(`kill ${kill}: ${fault}`);
      }
    } catch (error) {
      faults.push(`kill ${kill}: ${error}`);
    } finally {
      rmSync(root, { recursive: true, force: true });
    }
  }
  rmSync(exports, { recursive: true, force: true });
  return { figures: `${count} kills, ${copies} whole copies, ${unfinished} unfinished, ${partial} queues`, faults };
}

/** A process is killed while it imports: an archive is a whole directory or none, and a queue becomes whole when its import is repeated. */
export const importKillSuite: TortureSuite = { name: 'imports', long: 200, short: 4, run };
