import { checkpointChannel, runAndWarn } from '../diagnostics.ts';
import { getCheckpointPages, getWalReserveBytes } from '../space/policy.ts';
import { getWalBytes, readWalStatus, type WalStatus } from '../space/store-files.ts';
import { endViews } from '../sqlite/busy-retry.ts';
import { type Core, getLimitShareBytes } from '../state/core.ts';
import { isTemporary } from '../temporary-directory.ts';
import { warn } from '../validate.ts';
import {
  type CheckpointAnswer,
  type CheckpointRequest,
  PAUSE_MS_AT,
  REQUEST_STATES,
  SHARED_NUMBERS,
  STATE_AT,
  STOP_AT,
} from './checkpoint-request.ts';
import { WorkerThread } from './worker-thread.ts';

/*
 * Checkpoints in the worker thread, seen from the thread that writes. The worker copies the pages and syncs the disk; here the log is
 * measured, and the last moment is coordinated. Everything works without the worker, too: then SQLite checkpoints at a commit.
 */

/** Pages that are worth starting the thread: copying them takes about 10 ms. */
const MIN_FRAMES_TO_START = 512;
/** Pages that are worth a request to the running thread. */
const MIN_FRAMES = 128;
/** A checkpoint is requested at this part of the log at which SQLite would begin one, so that it has ended by then. */
const REQUEST_FRACTION = 1 / 2;
/** A log of this part of it that was copied, but has not begun again since, is requested once more. */
const UNFINISHED_FRACTION = 3 / 4;
/** How long a write waits for a worker that is slower than the writes. */
const MAX_THROTTLE_MS = 4;
/** The part of the size limit that the log may take beyond its reserve before this thread checkpoints by itself. */
const EXCESS_FRACTION = 1 / 32;
/** How long a checkpoint of this thread waits for the worker's. */
const MAX_YIELD_MS = 1000;

/** The worker's part in one store. */
class StoreCheckpoints {
  readonly id: number;
  readonly shared = new Int32Array(new SharedArrayBuffer(SHARED_NUMBERS * Int32Array.BYTES_PER_ELEMENT));
  framesAtRequest = 0;
  /** Pages in the log when this thread last looked, or when an answer was given: with fewer the log has begun again since. */
  lastFrames = 0;
  /** No request before the log has as many pages, or has begun again: the last one was kept from being completed. */
  retryAtFrames = 0;
  /** True if the last request was not served while a whole log was written: this thread checkpoints until there is an answer. */
  isOverdue = false;
  /** True while SQLite doesn't checkpoint at commits of this thread. */
  hasTakenOver = false;
  onDone: (() => void) | undefined;

  constructor(id: number) {
    this.id = id;
  }

  get state(): number {
    return Atomics.load(this.shared, STATE_AT);
  }

  get isActive(): boolean {
    return this.state !== REQUEST_STATES.idle;
  }

  /** What kept the last request from being completed concerns only the log that there was then. */
  noteFrames(frames: number): void {
    if (frames < this.lastFrames) this.retryAtFrames = 0;
    this.lastFrames = frames;
  }

  /** From now on SQLite doesn't checkpoint at commits. Until the thread has started it does. */
  takeOver(core: Core): void {
    if (this.hasTakenOver) return;
    core.connection.pragma('wal_autocheckpoint = 0');
    this.hasTakenOver = true;
  }

  /** Waits while the state is `state`, at most some milliseconds. */
  wait(state: number, ms: number): void {
    endViews();
    Atomics.wait(this.shared, STATE_AT, state, ms);
  }

  /** If the worker needs a pause for the last pages, waits as long as it asks for. */
  pauseIfAsked(): void {
    const { finishing, paused } = REQUEST_STATES;
    if (Atomics.compareExchange(this.shared, STATE_AT, finishing, paused) !== finishing) return;
    Atomics.notify(this.shared, STATE_AT);
    this.wait(paused, Atomics.load(this.shared, PAUSE_MS_AT));
  }

  /** Withdraws the request; one that is being served ends early, and is waited for. Returns false if it hasn't ended in time. */
  withdraw(): boolean {
    const { idle, queued, finishing, paused } = REQUEST_STATES;
    if (Atomics.compareExchange(this.shared, STATE_AT, queued, idle) === queued || !this.isActive) return true;
    Atomics.store(this.shared, STOP_AT, 1);
    const deadline = performance.now() + MAX_YIELD_MS;
    for (let state = this.state; state !== idle; state = this.state) {
      const leftMs = deadline - performance.now();
      if (leftMs <= 0) return false;
      // The worker may be waiting for this thread.
      if (state === finishing && Atomics.compareExchange(this.shared, STATE_AT, finishing, paused) === finishing) {
        Atomics.notify(this.shared, STATE_AT);
      } else this.wait(state, leftMs);
    }
    return true;
  }
}

const stores = new Map<Core, StoreCheckpoints>();
let lastId = 0;

const thread = new WorkerThread({
  onAnswer(answer) {
    for (const [core, checkpoints] of stores) {
      checkpoints.isOverdue = false;
      // While another request is active, the answer is that of a withdrawn one.
      if (checkpoints.id === answer.id && !checkpoints.isActive) finish(core, checkpoints, answer);
    }
  },
  onEnd() {
    for (const [core, checkpoints] of stores) {
      Atomics.store(checkpoints.shared, STATE_AT, REQUEST_STATES.idle);
      checkpoints.isOverdue = false;
      takeBack(core, checkpoints);
      callOnDone(core, checkpoints);
    }
  },
});

/** Calls that have asked to do without the thread, see `withoutWorkerThread`. */
const refusals = new Set<object>();

/** Keeps the process from starting the worker thread, until the returned function is called. A running one ends. */
export function withoutWorkerThread(): () => void {
  const refusal = {};
  refusals.add(refusal);
  for (const core of stores.keys()) releaseFromWorker(core);
  return () => {
    refusals.delete(refusal);
  };
}

const mayUseWorker = ({ openOptions }: Core): boolean =>
  openOptions.workerThread && !openOptions.exclusive && !openOptions.readOnly && refusals.size === 0;

function readStatus(core: Core): WalStatus {
  const status = readWalStatus(core);
  stores.get(core)?.noteFrames(status.frames);
  return status;
}

/**
 * After some writes: requests a checkpoint if the log is long, and slows the writes down if the worker is slower. Returns false if this
 * thread should look after the log itself.
 */
export function delegateCheckpoint(core: Core): boolean {
  if (!mayUseWorker(core)) return false;
  const checkpoints = stores.get(core);
  const share = getLimitShareBytes(core);
  const pages = getCheckpointPages(share, core.pageSize);
  if (checkpoints?.isActive) return followRequest(core, checkpoints, pages);
  const minFrames = pages * REQUEST_FRACTION;
  // The file keeps its size when the log begins again.
  const walBytes = getWalBytes(core);
  if (minFrames > MIN_FRAMES_TO_START && walBytes >= MIN_FRAMES_TO_START * core.pageSize) thread.start();
  if (walBytes < minFrames * core.pageSize) return false;
  const { frames, copied } = readStatus(core);
  const isDue = frames - copied >= minFrames || (frames >= pages * UNFINISHED_FRACTION && frames > copied);
  return isDue && requestFor(core, frames, copied);
}

/** True while the worker has a request of this store and isn't late. */
export function isDelegated(core: Core): boolean {
  const checkpoints = stores.get(core);
  return checkpoints?.isActive === true && !checkpoints.isOverdue;
}

function followRequest(core: Core, checkpoints: StoreCheckpoints, pages: number): boolean {
  checkpoints.pauseIfAsked();
  if (thread.isReady) checkpoints.takeOver(core);
  const { frames } = readStatus(core);
  if (frames <= pages) return true;
  if (!checkpoints.hasTakenOver) {
    // SQLite checkpoints at commits while the thread starts.
    thread.expectAnswer();
    return true;
  }
  const share = getLimitShareBytes(core);
  const reserve = getWalReserveBytes(share, core.pageSize);
  const maxFrames = (reserve + Math.min(reserve, share * EXCESS_FRACTION)) / core.pageSize;
  if (frames > Math.max(maxFrames, checkpoints.framesAtRequest + pages)) {
    checkpoints.isOverdue = true;
    takeBack(core, checkpoints);
    thread.expectAnswer();
    return false;
  }
  const { queued, running } = REQUEST_STATES;
  checkpoints.wait(checkpoints.state === queued ? queued : running, MAX_THROTTLE_MS * Math.min(1, frames / pages - 1));
  return true;
}

/**
 * Requests a checkpoint of a log that is worth it; `onDone` is called when the request has ended, completed or not. Returns false if it isn't
 * requested, because there is too little to do or no worker thread; true also if there is a request already.
 */
export function requestCheckpoint(core: Core, onDone?: () => void): boolean {
  if (!mayUseWorker(core)) return false;
  const checkpoints = stores.get(core);
  if (checkpoints?.isActive) {
    checkpoints.onDone ??= onDone;
    return !checkpoints.isOverdue;
  }
  const { frames, copied } = readStatus(core);
  return frames - copied >= MIN_FRAMES && requestFor(core, frames, copied, onDone);
}

function requestFor(core: Core, frames: number, copied: number, onDone?: () => void): boolean {
  if (frames - copied < MIN_FRAMES_TO_START && !thread.isRunning) return false;
  const checkpoints = stores.get(core) ?? new StoreCheckpoints(++lastId);
  if (checkpoints.isOverdue) return false;
  if (frames < checkpoints.retryAtFrames) return false;
  if (stores.size === 0) process.once('exit', withdrawAll);
  stores.set(core, checkpoints);
  checkpoints.framesAtRequest = frames;
  checkpoints.onDone = onDone;
  Atomics.store(checkpoints.shared, STOP_AT, 0);
  Atomics.store(checkpoints.shared, STATE_AT, REQUEST_STATES.queued);
  if (thread.post(toRequest(core, checkpoints))) {
    if (thread.isReady) checkpoints.takeOver(core);
    return true;
  }
  Atomics.store(checkpoints.shared, STATE_AT, REQUEST_STATES.idle);
  remove(core);
  return false;
}

/** When the process exits: Node ends threads at once, which must not happen inside a call of SQLite. */
function withdrawAll(): void {
  for (const checkpoints of stores.values()) checkpoints.withdraw();
}

function remove(core: Core): void {
  stores.delete(core);
  if (stores.size === 0) process.off('exit', withdrawAll);
}

function toRequest(core: Core, { id, shared }: StoreCheckpoints): CheckpointRequest {
  const { path, database: file } = core.openedFiles;
  const fullSync = core.settings.durability === 'power' ? 'ON' : 'OFF';
  const pragmas = [
    'trusted_schema = OFF',
    'cell_size_check = ON',
    `synchronous = ${isTemporary(path) ? 'OFF' : 'NORMAL'}`,
    `fullfsync = ${fullSync}`,
    `checkpoint_fullfsync = ${fullSync}`,
  ];
  return { id, path, file, pragmas, shared };
}

function finish(core: Core, checkpoints: StoreCheckpoints, answer: CheckpointAnswer): void {
  const { frames, isComplete, durationMs, failure } = answer;
  checkpoints.retryAtFrames = isComplete ? 0 : frames + MIN_FRAMES_TO_START;
  checkpoints.lastFrames = Math.max(checkpoints.lastFrames, frames);
  if (checkpointChannel.hasSubscribers) {
    const { directory } = core;
    checkpointChannel.publish({ directory, mode: 'PASSIVE', frames, isComplete, durationMs, isInWorker: true });
  }
  if (failure !== undefined)
    warn(new Error(failure), checkpoints, `Checkpointing ${core.directory} in a worker thread`);
  callOnDone(core, checkpoints);
}

function callOnDone(core: Core, checkpoints: StoreCheckpoints): void {
  const { onDone } = checkpoints;
  checkpoints.onDone = undefined;
  if (onDone !== undefined) runAndWarn(core, onDone);
}

/** From now on SQLite checkpoints in this thread again, until the next request. */
function takeBack(core: Core, checkpoints: StoreCheckpoints): void {
  if (!checkpoints.hasTakenOver) return;
  checkpoints.hasTakenOver = false;
  const pages = getCheckpointPages(getLimitShareBytes(core), core.pageSize);
  runAndWarn(core, () => void core.connection.pragma(`wal_autocheckpoint = ${pages}`));
}

/** Before a checkpoint of this thread: ends the worker's, which would keep it from being completed. */
export function withdrawCheckpoint(core: Core): void {
  const checkpoints = stores.get(core);
  if (checkpoints === undefined) return;
  if (checkpoints.isActive && !checkpoints.withdraw()) thread.abandon('it did not end a checkpoint in time');
}

/** Before a store is closed: the worker has no connection to it afterwards. The thread ends with the last store. */
export function releaseFromWorker(core: Core): void {
  const checkpoints = stores.get(core);
  if (checkpoints === undefined) return;
  withdrawCheckpoint(core);
  takeBack(core, checkpoints);
  remove(core);
  if (stores.size === 0) thread.end();
}
