import { type ChildProcess, fork } from 'node:child_process';
import { Worker } from 'node:worker_threads';
import { afterAll } from 'vitest';
import type { Jobs } from './jobs.ts';

export interface JobRequest {
  readonly id: number;
  readonly job: keyof Jobs;
  readonly args: readonly unknown[];
}

export type JobReply =
  | { readonly id: number; readonly value: unknown }
  | { readonly id: number; readonly error: { readonly code: string | undefined; readonly message: string } }
  | { readonly signal: string };

interface PendingJob {
  readonly resolve: (value: unknown) => void;
  readonly reject: (error: unknown) => void;
  readonly timer: NodeJS.Timeout;
}

export const WORKER_KINDS = ['processes', 'threads'] as const;
export type WorkerKind = (typeof WORKER_KINDS)[number];

const WORKER_SCRIPT = new URL('./pool-worker.ts', import.meta.url);
/** No job takes so long, on whatever machine. Milliseconds. */
const JOB_TIMEOUT_MS = 45_000;

/** A process or worker thread that executes jobs one after the other. It ends with the file's tests. */
export class PoolWorker {
  readonly #worker: ChildProcess | Worker;
  readonly #pending = new Map<number, PendingJob>();
  readonly #signalListeners = new Map<string, () => void>();
  #lastId = 0;
  #lastJob: Promise<unknown> | undefined;

  constructor(kind: WorkerKind) {
    // Nothing of the test runner's own flags: this is a plain Node.
    this.#worker =
      kind === 'threads'
        ? new Worker(WORKER_SCRIPT, { execArgv: [] })
        : fork(WORKER_SCRIPT, { execArgv: [], serialization: 'advanced' });
    this.#worker.on('message', (reply: JobReply) => this.#receive(reply));
    this.#worker.on('error', (error: Error) => this.#failAll(error));
    this.#worker.on('exit', (code: number | null) => this.#failAll(new Error(`the member ended (${code})`)));
    workers.push(this);
  }

  /** Orders a job; rejects with `{ code, message }` when it throws, and when the member ends before it answers. */
  run<J extends keyof Jobs>(job: J, ...args: Parameters<Jobs[J]>): Promise<Awaited<ReturnType<Jobs[J]>>> {
    const id = this.#lastId++;
    const order: JobRequest = { id, job, args };
    const answer = new Promise<Awaited<ReturnType<Jobs[J]>>>((resolve, reject) => {
      const timer = setTimeout(() => this.#settle(id)?.reject(new Error(`${job} did not end`)), JOB_TIMEOUT_MS);
      this.#pending.set(id, { resolve: resolve as (value: unknown) => void, reject, timer });
    });
    // A job that is ended with its member need not be awaited.
    this.#lastJob = answer.catch(() => {});
    if ('send' in this.#worker) this.#worker.send(order);
    else this.#worker.postMessage(order);
    return answer;
  }

  /** The next signal of that name, given by a job that is still running. */
  waitForSignal(name: string): Promise<void> {
    return new Promise((resolve) => this.#signalListeners.set(name, resolve));
  }

  /** Ends it after its last job. To end a thread in the middle of a call into SQLite that fails would end the whole process. */
  async stop(): Promise<void> {
    await this.#lastJob;
    await this.kill();
  }

  /** Ends it on the spot, whatever it is doing: a process by SIGKILL. */
  async kill(): Promise<void> {
    if ('terminate' in this.#worker) await this.#worker.terminate();
    else if (this.#worker.exitCode === null && this.#worker.signalCode === null) {
      const exited = new Promise((resolve) => this.#worker.once('exit', resolve));
      this.#worker.kill('SIGKILL');
      await exited;
    }
  }

  #receive(reply: JobReply): void {
    if ('signal' in reply) this.#signalListeners.get(reply.signal)?.();
    else if ('error' in reply) this.#settle(reply.id)?.reject(reply.error);
    else this.#settle(reply.id)?.resolve(reply.value);
  }

  #settle(id: number): PendingJob | undefined {
    const waiting = this.#pending.get(id);
    clearTimeout(waiting?.timer);
    this.#pending.delete(id);
    return waiting;
  }

  #failAll(error: Error): void {
    for (const id of [...this.#pending.keys()]) this.#settle(id)?.reject(error);
  }
}

const workers: PoolWorker[] = [];

afterAll(async () => {
  await Promise.all(workers.splice(0).map((member) => member.stop()));
});

/** So many members. */
export const startWorkers = (kind: WorkerKind, count: number): PoolWorker[] =>
  Array.from({ length: count }, () => new PoolWorker(kind));

/** All do the same. */
export const runOnAll = <J extends keyof Jobs>(
  pool: readonly PoolWorker[],
  job: J,
  ...args: Parameters<Jobs[J]>
): Promise<Awaited<ReturnType<Jobs[J]>>[]> => Promise.all(pool.map((member) => member.run(job, ...args)));
