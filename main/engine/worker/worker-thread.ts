import { existsSync } from 'node:fs';
import { Worker } from 'node:worker_threads';
import { unrefTimer } from '../realm.ts';
import { describeMissing, findWorkerFile, getRuntimePath } from '../runtime-files.ts';
import { getDriverPath } from '../sqlite/driver.ts';
import { emitWarning } from '../validate.ts';
import type { CheckpointAnswer, CheckpointRequest, WorkerThreadData } from './checkpoint-request.ts';

/** Without a request the thread ends after this time. */
const IDLE_MS = 30_000;
/** A thread that hasn't answered for this time, while an answer was due, is given up. */
const MAX_SILENCE_MS = 10_000;
/** After this many failures without an answer in between, no thread is started any more. */
const MAX_FAILURES = 3;
/** It only opens databases and runs pragmas; what SQLite allocates doesn't count. */
const RESOURCE_LIMITS = { maxOldGenerationSizeMb: 64 } as const;

export interface WorkerThreadEvents {
  onAnswer(answer: CheckpointAnswer): void;
  /** The thread has ended: nothing that was requested before will be answered. */
  onEnd(): void;
}

/**
 * The worker thread of this process, shared by all stores. It starts with the first request, doesn't keep the process running, and ends when
 * there is nothing to do. If it can't be started, or has ended by itself several times, there is one warning and it stays away.
 */
export class WorkerThread {
  readonly #events: WorkerThreadEvents;
  #worker: Worker | undefined;
  #ready: Int32Array = new Int32Array(1);
  #idleTimer: NodeJS.Timeout | undefined;
  #silenceTimer: NodeJS.Timeout | undefined;
  #failures = 0;
  #isDisabled = false;

  constructor(events: WorkerThreadEvents) {
    this.#events = events;
  }

  get isRunning(): boolean {
    return this.#worker !== undefined;
  }

  /** True once it has loaded its code; this thread may have been too busy for messages since it was started. */
  get isReady(): boolean {
    return this.#worker !== undefined && Atomics.load(this.#ready, 0) === 1;
  }

  /** Starts the thread if it isn't running. Returns false if there can't be one. */
  start(): boolean {
    if (this.#worker === undefined && !this.#isDisabled) this.#worker = this.#create();
    if (this.#worker === undefined) return false;
    if (this.#idleTimer === undefined) this.#idleTimer = unrefTimer(setTimeout(() => this.end(), IDLE_MS));
    else this.#idleTimer.refresh?.();
    return true;
  }

  /** Sends a request, and starts the thread if it isn't running. Returns false if there can't be one. */
  post(request: CheckpointRequest): boolean {
    if (!this.start()) return false;
    this.#worker?.postMessage(request);
    return true;
  }

  /** Lets the thread end after what it is doing. The next request starts another one. */
  end(): void {
    const worker = this.#worker;
    this.#forget();
    worker?.postMessage('end');
  }

  /** Gives up a thread that doesn't answer. It isn't terminated: inside a failing call of SQLite that would end the process. */
  abandon(reason: string): void {
    const worker = this.#worker;
    if (worker === undefined) return;
    worker.postMessage('end');
    this.#fail(worker, reason);
  }

  /** An answer is late: if there is still none after a while, the thread is ended, and the next request starts another one. */
  expectAnswer(): void {
    this.#silenceTimer ??= unrefTimer(setTimeout(() => this.abandon('it does not answer'), MAX_SILENCE_MS));
  }

  #forget(): void {
    clearTimeout(this.#idleTimer);
    clearTimeout(this.#silenceTimer);
    this.#idleTimer = undefined;
    this.#silenceTimer = undefined;
    this.#worker = undefined;
  }

  #create(): Worker | undefined {
    try {
      this.#ready = new Int32Array(new SharedArrayBuffer(Int32Array.BYTES_PER_ELEMENT));
      return this.#listen(createWorker(this.#ready));
    } catch (error) {
      this.#disable(error instanceof Error ? error.message : String(error));
      return undefined;
    }
  }

  #listen(worker: Worker): Worker {
    worker.on('message', (answer: CheckpointAnswer) => {
      if (worker === this.#worker) {
        this.#failures = 0;
        clearTimeout(this.#silenceTimer);
        this.#silenceTimer = undefined;
      }
      this.#events.onAnswer(answer);
    });
    worker.on('messageerror', (error) => this.#fail(worker, String(error)));
    worker.on('error', (error) => this.#fail(worker, String(error)));
    worker.on('exit', (code) => this.#fail(worker, `it exited with the code ${code}`));
    // After the listeners, which would keep the process running.
    worker.unref();
    return worker;
  }

  /** Does nothing for a thread that was told to end, or has failed before. */
  #fail(worker: Worker, reason: string): void {
    if (worker !== this.#worker) return;
    this.#forget();
    if (++this.#failures >= MAX_FAILURES) this.#disable(reason);
    this.#events.onEnd();
  }

  #disable(reason: string): void {
    this.#isDisabled = true;
    emitWarning(
      `The worker thread of deskcache can't be used, so checkpoints run in this thread: ${reason}. The option workerThread: false avoids this message`,
      {},
    );
  }
}

/** @throws {Error} if its file is missing, or the process may not start threads. */
function createWorker(ready: Int32Array): Worker {
  const path = findWorkerFile();
  if (path === undefined) throw new Error(describeMissing('worker.cjs', getRuntimePath('worker.cjs')));
  const driverPath = getDriverPath();
  assertSameNativeFile(driverPath);
  // Neither options nor variables of the process, which may name modules to preload.
  return new Worker(path, {
    name: 'deskcache',
    workerData: { driverPath, ready } satisfies WorkerThreadData,
    execArgv: [],
    env: {},
    resourceLimits: RESOURCE_LIMITS,
  });
}

const ARCHIVE = /\.asar(?=[\\/])/;

/**
 * Electron copies a native file that is inside an archive to a temporary file, each thread its own: then there would be two copies of
 * SQLite, which release each other's locks.
 *
 * @throws in that case.
 */
function assertSameNativeFile(driverPath: string): void {
  if (!ARCHIVE.test(driverPath) || existsSync(driverPath.replace(ARCHIVE, '.asar.unpacked'))) return;
  throw new Error('better-sqlite3 is inside an asar archive; unpack its native file (asarUnpack)');
}
