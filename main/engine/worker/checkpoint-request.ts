/*
 * What the thread that writes to a store and the worker thread that checkpoints it say to each other: a message for each request, and a
 * few numbers in shared memory, because neither can read messages while it is busy.
 */

/** What the worker thread is started with. */
export interface WorkerThreadData {
  /** The folder of better-sqlite3. */
  readonly driverPath: string;
  /** A number that the thread sets to 1 when it can serve requests. */
  readonly ready: Int32Array;
}

/** A request to checkpoint a store, sent to the worker thread. */
export interface CheckpointRequest {
  /** Names the store in the answer. */
  readonly id: number;
  /** The database file. */
  readonly path: string;
  /** The file that was opened: nothing is done to another one of the same name. */
  readonly file: { readonly device: number; readonly inode: number } | undefined;
  /** Pragmas for the worker's connection, so that it syncs the disk as the store does. */
  readonly pragmas: readonly string[];
  /** As long as `SHARED_NUMBERS`. */
  readonly shared: Int32Array<SharedArrayBuffer>;
}

/** The answer, when nothing of the request is left to do. */
export interface CheckpointAnswer {
  readonly id: number;
  /** Pages in the log. */
  readonly frames: number;
  /** False if a reader, or another checkpoint, kept it from being completed. */
  readonly isComplete: boolean;
  readonly durationMs: number;
  /** Why it failed. */
  readonly failure: string | undefined;
}

/** Where the shared numbers are. The state is one of `REQUEST_STATES`. */
export const STATE_AT = 0;
/** 1 if the writer needs the database for itself, so the worker ends after the pages that it is copying. */
export const STOP_AT = 1;
/** Milliseconds that the worker needs without writes. */
export const PAUSE_MS_AT = 2;
export const SHARED_NUMBERS = 3;

/** The states of a request. */
export const REQUEST_STATES = {
  /** Nothing is requested, and the worker has no connection to the store. */
  idle: 0,
  /** Requested. The writer may withdraw it by setting `idle`. */
  queued: 1,
  /** The worker has the store open. */
  running: 2,
  /** The worker is about to copy the last pages. It needs a moment without writes: new ones would have to be copied, too. */
  finishing: 3,
  /** As `finishing`, and the writer is waiting. */
  paused: 4,
} as const;
