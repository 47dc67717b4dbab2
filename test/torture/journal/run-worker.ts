import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Durability } from '../random-steps.ts';
import { getShimPath } from '../shim.ts';
import type { StoreName } from './steps.ts';

/** Ends one that hangs; a busy machine takes long to start it. */
const TIMEOUT_MS = 120_000;

/** Kills a worker a number of milliseconds after it has opened its store, or at one operation on files, see `shim.c`. */
export type Death = { readonly afterMs: number } | { readonly operation: string };

export interface WorkerRun {
  /** The program, see `bundle.ts`. */
  readonly program: string;
  readonly name: StoreName;
  readonly directory: string;
  readonly durability: Durability;
  readonly seed: number;
  readonly first: number;
  readonly last: number;
  readonly death?: Death;
  /** Where the operations on files are written down. */
  readonly log?: string;
}

export interface WorkerEnd {
  readonly acknowledged: number;
  readonly wasOpen: boolean;
  readonly wasKilled: boolean;
}

/** Runs `worker.ts` to its end. @throws {Error} when it failed. */
export async function runWorker(run: WorkerRun): Promise<WorkerEnd> {
  const { program, name, directory, durability, seed, first, last, death, log } = run;
  const usesShim = log !== undefined || (death !== undefined && 'operation' in death);
  const child = spawn(process.execPath, [program, name, directory, durability, `${seed}`, `${first}`, `${last}`], {
    stdio: ['ignore', 'pipe', 'pipe'],
    timeout: TIMEOUT_MS,
    env: {
      ...process.env,
      UV_USE_IO_URING: '0',
      ...(usesShim && { LD_PRELOAD: getShimPath(), TORTURE_DIR: directory }),
      ...(log !== undefined && { TORTURE_LOG: log }),
      ...(death !== undefined && 'operation' in death && { TORTURE_KILL: death.operation }),
    },
  });
  let [said, complaint] = ['', ''];
  child.stdout.setEncoding('latin1').on('data', (text: string) => {
    said += text;
  });
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    complaint += text;
  });
  const closed = once(child, 'close');
  if (death !== undefined && 'afterMs' in death) {
    await Promise.race([once(child.stdout, 'data'), closed]);
    await Promise.race([sleep(death.afterMs), closed]);
    child.kill('SIGKILL');
  }
  const [code, signal] = await closed;
  const wasKilled = signal === 'SIGKILL';
  if (!(wasKilled && death !== undefined) && code !== 0)
    throw new Error(`the worker ended by ${signal ?? code}: ${complaint.slice(-1500)}`);
  if (complaint !== '') throw new Error(`the worker complained: ${complaint.slice(-1500)}`);
  const lines = said.split('\n');
  return { acknowledged: Math.max(0, lines.length - 2), wasOpen: lines.length > 1, wasKilled };
}
