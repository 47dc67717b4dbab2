/** The entry point of the worker thread: checkpoints the stores of its process. Built into one file, `deskcache/worker.cjs`. */
import { lstatSync } from 'node:fs';
import { createRequire } from 'node:module';
import { type MessagePort, parentPort, workerData } from 'node:worker_threads';
import type { Database, Driver } from '../sqlite/driver.ts';
import {
  type CheckpointAnswer,
  type CheckpointRequest,
  PAUSE_MS_AT,
  REQUEST_STATES,
  STATE_AT,
  STOP_AT,
  type WorkerThreadData,
} from './checkpoint-request.ts';

/** With at most this many pages to copy, a pause of the writer is short. */
const MAX_FINAL_FRAMES = 512;
/** How long to wait until the writer notices that a pause is needed. If it doesn't write, it never does. */
const NOTICE_MS = 20;
/** How long a write may take that began before the log was copied. */
const RESTART_MS = 1;
const FIRST_PAUSE_MS = 4;
/** A disk that takes longer to sync the last pages is not waited for. */
const MAX_PAUSE_MS = 16;
/** Before it gives up on a writer that is faster than the disk. */
const MAX_PASSES = 32;

interface LogStatus {
  /** Pages in the log. */
  readonly frames: number;
  /** Those of them that are in the database, too. */
  readonly copied: number;
}

/**
 * Loads the driver that the other thread has loaded, from the same path: two copies of SQLite in a process would release each other's
 * locks (https://sqlite.org/howtocorrupt.html §2.2).
 */
function loadDriver(path: string): Driver {
  return createRequire(path)(path) as Driver;
}

/**
 * Checkpoints until the log is empty, or until something else keeps it from being so: a reader, another checkpoint, the writer itself.
 *
 * Only passive checkpoints, which never hold the lock that writers need. SQLite syncs the database, and the next write starts the log
 * again from its beginning, only if nothing was written while the last pages were copied. So for these the writer is asked to pause.
 */
function checkpointInPasses(database: Database, shared: CheckpointRequest['shared']): LogStatus {
  let status = readStatus(database);
  let pauseMs = FIRST_PAUSE_MS;
  for (let pass = 0; pass < MAX_PASSES && status.copied < status.frames; pass++) {
    const before = status;
    const isFinal = pass > 0 && status.frames - status.copied <= MAX_FINAL_FRAMES;
    if (isFinal) {
      awaitPause(shared, pauseMs);
      pauseMs = Math.min(MAX_PAUSE_MS, pauseMs * 2);
    }
    const { busy } = runPragma(database, 'wal_checkpoint(PASSIVE)');
    if (isFinal) setState(shared, REQUEST_STATES.running);
    status = readStatus(database);
    if (status.copied >= status.frames) status = awaitRestart(database, shared);
    // The log has begun again: everything before is in the database.
    if (status.frames < before.frames) return { frames: before.frames, copied: before.frames };
    if (busy !== 0 || status.copied <= before.copied || Atomics.load(shared, STOP_AT) === 1) break;
  }
  return status;
}

/** A write that began before the log was copied is still added to its end; the next one starts the log again. */
function awaitRestart(database: Database, shared: CheckpointRequest['shared']): LogStatus {
  Atomics.wait(shared, STATE_AT, REQUEST_STATES.running, RESTART_MS);
  return readStatus(database);
}

function awaitPause(shared: CheckpointRequest['shared'], pauseMs: number): void {
  Atomics.store(shared, PAUSE_MS_AT, pauseMs);
  setState(shared, REQUEST_STATES.finishing);
  if (Atomics.load(shared, STOP_AT) === 0) Atomics.wait(shared, STATE_AT, REQUEST_STATES.finishing, NOTICE_MS);
}

function setState(shared: CheckpointRequest['shared'], state: number): void {
  Atomics.store(shared, STATE_AT, state);
  Atomics.notify(shared, STATE_AT);
}

/** Takes no lock, and copies nothing. */
function readStatus(database: Database): LogStatus {
  const { log, checkpointed } = runPragma(database, 'wal_checkpoint(NOOP)');
  return { frames: log, copied: checkpointed };
}

function runPragma(database: Database, text: string): { busy: number; log: number; checkpointed: number } {
  const [row] = database.pragma(text, { simple: false }) as { busy: number; log: number; checkpointed: number }[];
  return row ?? { busy: 1, log: 0, checkpointed: 0 };
}

/** True if the file is the one that the store has open: an application may have deleted or replaced it since. */
function isInPlace({ path, file }: CheckpointRequest): boolean {
  const facts = lstatSync(path, { throwIfNoEntry: false });
  return facts?.isFile() === true && (file === undefined || (facts.dev === file.device && facts.ino === file.inode));
}

type CheckpointResult = Omit<CheckpointAnswer, 'id' | 'durationMs'>;

const NOTHING_DONE: CheckpointResult = { frames: 0, isComplete: false, failure: undefined };

function run(driver: Driver, request: CheckpointRequest): CheckpointResult {
  if (!isInPlace(request)) return NOTHING_DONE;
  const database = new driver(request.path, { readonly: false, fileMustExist: true, timeout: 0 });
  try {
    for (const pragma of request.pragmas) database.pragma(pragma, { simple: true });
    const { frames, copied } = checkpointInPasses(database, request.shared);
    return { frames, isComplete: copied >= frames, failure: undefined };
  } finally {
    database.close();
  }
}

function answer(driver: Driver, port: MessagePort, request: CheckpointRequest): void {
  const startedAt = performance.now();
  const result = runUnlessWithdrawn(driver, request);
  port.postMessage({ id: request.id, ...result, durationMs: performance.now() - startedAt } satisfies CheckpointAnswer);
}

function runUnlessWithdrawn(driver: Driver, request: CheckpointRequest): CheckpointResult {
  const { queued, running, idle } = REQUEST_STATES;
  if (Atomics.compareExchange(request.shared, STATE_AT, queued, running) !== queued) return NOTHING_DONE;
  try {
    return run(driver, request);
  } catch (error) {
    return { ...NOTHING_DONE, failure: String(error) };
  } finally {
    // The connection is closed: from now on the store can be closed and its files removed.
    setState(request.shared, idle);
  }
}

if (parentPort !== null) {
  const port = parentPort;
  const { driverPath, ready } = workerData as WorkerThreadData;
  const driver = loadDriver(driverPath);
  port.on('message', (request: CheckpointRequest | 'end') => {
    if (request === 'end') port.close();
    else answer(driver, port, request);
  });
  Atomics.store(ready, 0, 1);
}
