import { execFile } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { getShimPath, type Operation, readLog } from '../torture/shim.ts';
import { COUNTED_STORES } from './operations.ts';

export const BEGIN = 'begin ';
export const END = 'end ';

/** What one operation costs inside the process. */
export interface MemoryCounts {
  readonly name: string;
  readonly statements: number;
  readonly messages: number;
  /** Bytes on the heap of JavaScript, garbage included. */
  readonly heapBytes: number;
}

/** What one operation asks of the operating system. */
export interface CallCounts {
  readonly name: string;
  /** Calls of write, pwrite or writev to files of the store. */
  readonly writes: number;
  /** Calls of fsync or fdatasync. */
  readonly syncs: number;
}

/** Counts don't depend on the disk, and in memory they don't wait for it. */
const PLACE = existsSync('/dev/shm') ? '/dev/shm' : tmpdir();
const TIMEOUT_MS = 60_000;
const SCRIPT = join(import.meta.dirname, 'counting-process.ts');
const FLAGS = ['--expose-gc', '--min-semi-space-size=64', '--max-semi-space-size=64'];

const execFileAsync = promisify(execFile);

async function inFolder<Result>(work: (root: string, folder: string) => Promise<Result>): Promise<Result> {
  const folder = mkdtempSync(join(PLACE, 'deskcache-counts-'));
  try {
    const root = join(folder, 'stores');
    mkdirSync(root);
    return await work(root, folder);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

/** Counts statements, messages and heap in a process of its own. */
export const readMemoryCounts = (): Promise<readonly MemoryCounts[]> =>
  inFolder(async (root) => {
    const { stdout } = await execFileAsync(process.execPath, [...FLAGS, SCRIPT, root, 'memory'], {
      timeout: TIMEOUT_MS,
    });
    return stdout
      .split('\n')
      .filter((line) => line !== '')
      .map((line) => JSON.parse(line) as MemoryCounts);
  });

/** Counts calls that write and sync. Throws where `getShimFault` says that they can't be seen. */
export const readCallCounts = (): Promise<readonly CallCounts[]> =>
  inFolder(async (root, folder) => {
    const log = join(folder, 'log');
    const shim = { LD_PRELOAD: getShimPath(), TORTURE_DIR: root, TORTURE_LOG: log, UV_USE_IO_URING: '0' };
    await execFileAsync(process.execPath, [SCRIPT, root, 'calls'], {
      timeout: TIMEOUT_MS,
      env: { ...process.env, ...shim },
    });
    return countCalls(readLog(log));
  });

/** What was written and synced between the two lines of each operation: the least of its runs. */
function countCalls(operations: readonly Operation[]): CallCounts[] {
  const counts = new Map<string, CallCounts>();
  let current: { name: string; writes: number; syncs: number } | undefined;
  for (const operation of operations) {
    if (operation.kind === 'said') {
      const [line = ''] = operation.text.split('\n');
      if (current !== undefined) counts.set(current.name, min(divideByCount(current), counts.get(current.name)));
      current = line.startsWith(BEGIN) ? { name: line.slice(BEGIN.length), writes: 0, syncs: 0 } : undefined;
    } else if (operation.kind === 'write' && current !== undefined) current.writes++;
    else if (operation.kind === 'sync' && current !== undefined) current.syncs++;
  }
  return [...counts.values()];
}

const min = (counts: CallCounts, others = counts): CallCounts => ({
  name: counts.name,
  writes: Math.min(counts.writes, others.writes),
  syncs: Math.min(counts.syncs, others.syncs),
});

const divideByCount = ({ name, writes, syncs }: CallCounts): CallCounts => {
  const { count } = COUNTED_STORES.flatMap(({ operations }) => operations).find((it) => it.name === name)!;
  return { name, writes: writes / count, syncs: syncs / count };
};
