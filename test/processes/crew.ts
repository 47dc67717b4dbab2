import { type ChildProcess, fork } from 'node:child_process';
import { Worker } from 'node:worker_threads';
import { afterAll } from 'vitest';
import type { Jobs } from './jobs.ts';

export interface Order {
  readonly id: number;
  readonly job: keyof Jobs;
  readonly args: readonly unknown[];
}

export type Reply =
  | { readonly id: number; readonly value: unknown }
  | { readonly id: number; readonly error: { readonly code: string | undefined; readonly message: string } }
  | { readonly signal: string };

interface Waiting {
  readonly resolve: (value: unknown) => void;
  readonly reject: (error: unknown) => void;
  readonly timer: NodeJS.Timeout;
}

export const KINDS = ['processes', 'threads'] as const;
export type Kind = (typeof KINDS)[number];

const ENTRY = new URL('./member.ts', import.meta.url);
/** No job takes so long, on whatever machine. Milliseconds. */
const PATIENCE = 45_000;

/** A process or a worker thread that does what it is told, one job after the other. It ends with the file's tests. */
export class Member {
  readonly #side: ChildProcess | Worker;
  readonly #waiting = new Map<number, Waiting>();
  readonly #signals = new Map<string, () => void>();
  #orders = 0;
  #running: Promise<unknown> | undefined;

  constructor(kind: Kind) {
    // Nothing of the test runner's own flags: this is a plain Node.
    this.#side =
      kind === 'threads'
        ? new Worker(ENTRY, { execArgv: [] })
        : fork(ENTRY, { execArgv: [], serialization: 'advanced' });
    this.#side.on('message', (reply: Reply) => this.#hear(reply));
    this.#side.on('error', (error: Error) => this.#failAll(error));
    this.#side.on('exit', (code: number | null) => this.#failAll(new Error(`the member ended (${code})`)));
    members.push(this);
  }

  /** Orders a job; rejects with `{ code, message }` when it throws, and when the member ends before it answers. */
  do<J extends keyof Jobs>(job: J, ...args: Parameters<Jobs[J]>): Promise<Awaited<ReturnType<Jobs[J]>>> {
    const id = this.#orders++;
    const order: Order = { id, job, args };
    const answer = new Promise<Awaited<ReturnType<Jobs[J]>>>((resolve, reject) => {
      const timer = setTimeout(() => this.#settle(id)?.reject(new Error(`${job} did not end`)), PATIENCE);
      this.#waiting.set(id, { resolve: resolve as (value: unknown) => void, reject, timer });
    });
    // A job that is ended with its member need not be awaited.
    this.#running = answer.catch(() => {});
    if ('send' in this.#side) this.#side.send(order);
    else this.#side.postMessage(order);
    return answer;
  }

  /** The next signal of that name, given by a job that is still running. */
  signal(name: string): Promise<void> {
    return new Promise((resolve) => this.#signals.set(name, resolve));
  }

  /** Ends it after its last job. To end a thread in the middle of a call into SQLite that fails would end the whole process. */
  async dismiss(): Promise<void> {
    await this.#running;
    await this.end();
  }

  /** Ends it on the spot, whatever it is doing: a process by SIGKILL. */
  async end(): Promise<void> {
    if ('terminate' in this.#side) await this.#side.terminate();
    else if (this.#side.exitCode === null && this.#side.signalCode === null) {
      const exited = new Promise((resolve) => this.#side.once('exit', resolve));
      this.#side.kill('SIGKILL');
      await exited;
    }
  }

  #hear(reply: Reply): void {
    if ('signal' in reply) this.#signals.get(reply.signal)?.();
    else if ('error' in reply) this.#settle(reply.id)?.reject(reply.error);
    else this.#settle(reply.id)?.resolve(reply.value);
  }

  #settle(id: number): Waiting | undefined {
    const waiting = this.#waiting.get(id);
    clearTimeout(waiting?.timer);
    this.#waiting.delete(id);
    return waiting;
  }

  #failAll(error: Error): void {
    for (const id of [...this.#waiting.keys()]) this.#settle(id)?.reject(error);
  }
}

const members: Member[] = [];

afterAll(async () => {
  await Promise.all(members.splice(0).map((member) => member.dismiss()));
});

/** So many members. */
export const crew = (kind: Kind, count: number): Member[] => Array.from({ length: count }, () => new Member(kind));

/** All do the same. */
export const together = <J extends keyof Jobs>(
  members: readonly Member[],
  job: J,
  ...args: Parameters<Jobs[J]>
): Promise<Awaited<ReturnType<Jobs[J]>>[]> => Promise.all(members.map((member) => member.do(job, ...args)));
