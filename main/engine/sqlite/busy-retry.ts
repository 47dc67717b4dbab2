import { DiskCacheError } from '../../../protocol/error.ts';
import { isLocked, isSqliteCorrupt, toDiskCacheError } from './errors.ts';

/**
 * The open views of this thread. A view is what a store sees until the turn of the event loop ends: a read transaction and the state
 * cached for it. `cache/read.ts` opens them.
 *
 * Invariant: a read after a lock was acquired, or after a write, never returns older data. So every write and every blocking wait
 * ends the views of all stores: a lock in one store may guard data in another, and a view that stays open during a wait would keep
 * the write-ahead log from being checkpointed.
 */
const openViews = new Set<() => void>();

/** Registers an open view. `end` ends it and calls `removeView`. */
export function addView(end: () => void): void {
  openViews.add(end);
}

export function removeView(end: () => void): void {
  openViews.delete(end);
}

/** Ends the views of all stores of this thread, but not the one that is ended by `kept`. */
export function endViews(kept?: () => void): void {
  if (openViews.size > 0) for (const end of openViews) if (end !== kept) end();
}

const neverNotified = new Int32Array(new SharedArrayBuffer(4));

/** Blocks this thread for some milliseconds, after ending its views. */
export function sleepBlocking(ms: number): void {
  endViews();
  Atomics.wait(neverNotified, 0, 0, ms);
}

/** A waiter's pauses get shorter during this time. */
const RAMP_UP_MS = 100;
/** After this time they get longer again, to save the processor. */
const LONG_WAIT_MS = 2000;
const MAX_PAUSE_MS = 1;
const MIN_PAUSE_MS = 0.05;

/** How long a wait may block this thread, for stores that were opened without a `timeout`. Milliseconds. */
const waitLimits = new Set<{ readonly ms: number }>();

/** The call in `withBriefWait`: its limit, the time it has waited in earlier attempts, and the store's timeout if that was cut short. */
let briefWait: { readonly maxMs: number; readonly waitedMs: number; cutMs: number } | undefined;

/**
 * Limits how long stores that were opened without a `timeout` may block this thread. For the main thread of an application.
 * Returns a function that removes the limit.
 */
export function limitBlocking(ms: number): () => void {
  const limit = { ms };
  waitLimits.add(limit);
  return () => {
    waitLimits.delete(limit);
  };
}

/**
 * Runs `work`, whose waits for locks block this thread for at most `maxMs` milliseconds. `waitedMs` is how long the caller has waited
 * in earlier attempts. Returns 0, or the store's full timeout in milliseconds if a wait was cut short and can be tried again.
 */
export function withBriefWait(maxMs: number, waitedMs: number, work: () => void): number {
  const outer = briefWait;
  const current = { maxMs, waitedMs, cutMs: 0 };
  briefWait = current;
  try {
    work();
  } finally {
    briefWait = outer;
  }
  return current.cutMs;
}

/**
 * Waits for locks instead of SQLite's busy handler. SQLite has no queue: the connection that tries at the right moment gets the lock,
 * and one that takes it again at once leaves it free for microseconds only. So a waiter tries more often the longer it has waited.
 */
export class BusyRetry {
  readonly #path: string;
  readonly #inTransaction: () => boolean;
  readonly #isTimeoutChosen: boolean;
  #timeout: number;
  lastFailure: DiskCacheError | undefined;

  /** @param isChosen whether the application gave the timeout (milliseconds), which then overrides the thread's limit. */
  constructor(path: string, timeout: number, isChosen: boolean, inTransaction: () => boolean) {
    this.#path = path;
    this.#timeout = timeout;
    this.#isTimeoutChosen = isChosen;
    this.#inTransaction = inTransaction;
  }

  /**
   * Retries work that failed because of a lock until it succeeds or the timeout is over. Work that failed with SQLite's `CORRUPT`,
   * which may be a refused read, is retried once.
   *
   * @throws {DiskCacheError} `BUSY` with the cause after the timeout; any other error at once, translated.
   */
  retry<T>(error: unknown, work: () => T): T {
    let translated = this.translate(error);
    if (isSqliteCorrupt(translated) && !this.#inTransaction()) {
      try {
        return work();
      } catch (retryError) {
        translated = this.translate(retryError);
      }
    }
    const startedAt = performance.now();
    const { maxMs = this.#isTimeoutChosen ? Number.POSITIVE_INFINITY : getMaxBlockingMs(), waitedMs = 0 } =
      briefWait ?? {};
    const limit = Math.min(this.#timeout, maxMs);
    for (;;) {
      const waited = performance.now() - startedAt;
      // Inside a transaction the lock is held already: waiting would not help.
      if (!isLocked(translated) || this.#inTransaction()) throw translated;
      if (waited >= limit) {
        if (briefWait !== undefined && limit < this.#timeout)
          briefWait.cutMs = Math.max(briefWait.cutMs, this.#timeout);
        throw translated;
      }
      sleepBlocking(computePauseMs(waited + waitedMs));
      try {
        return work();
      } catch (retryError) {
        translated = this.translate(retryError);
      }
    }
  }

  withoutRetry(work: () => void): void {
    const timeout = this.#timeout;
    this.#timeout = 0;
    try {
      work();
    } finally {
      this.#timeout = timeout;
    }
  }

  translate(error: unknown): unknown {
    const translated = toDiskCacheError(error, this.#path);
    if (translated instanceof DiskCacheError) this.lastFailure = translated;
    return translated;
  }
}

const getMaxBlockingMs = (): number => Math.min(...Array.from(waitLimits, ({ ms }) => ms));

/** Returns a random pause in milliseconds, so that several waiters don't try in step. */
function computePauseMs(waitedMs: number): number {
  const urgency = waitedMs > LONG_WAIT_MS ? 0.5 : Math.min(1, waitedMs / RAMP_UP_MS);
  return Math.max(MIN_PAUSE_MS, MAX_PAUSE_MS * (1 - urgency)) * (0.5 + Math.random());
}
