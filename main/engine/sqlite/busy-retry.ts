import { DiskCacheError } from '../../../protocol/error.ts';
import { isLocked, isSqliteCorrupt, toDiskCacheError } from './errors.ts';

/**
 * The views of this thread: what its stores see until the turn of the event loop ends, each a read transaction with what is
 * remembered beside it. `cache/read.ts` opens them.
 *
 * Invariant: nothing that is read after a lock was taken, or after a write, is older than that. So every write and every wait that
 * blocks the thread ends the views of all its stores: a lock in one store guards what is in another one, and who waits keeps no
 * write-ahead log from being emptied.
 */
const openViews = new Set<() => void>();

/** A view was opened; `end` forgets it again by `removeView`. */
export function addView(end: () => void): void {
  openViews.add(end);
}

export function removeView(end: () => void): void {
  openViews.delete(end);
}

/** Ends the views of all stores of this thread. */
export function endViews(): void {
  if (openViews.size > 0) for (const end of openViews) end();
}

const neverNotified = new Int32Array(new SharedArrayBuffer(4));

/** A pause that blocks this thread. Milliseconds. */
export function sleepBlocking(ms: number): void {
  endViews();
  Atomics.wait(neverNotified, 0, 0, ms);
}

/** Milliseconds in which a waiter becomes as insistent as it gets, and after which it saves the processor again. */
const RAMP_UP_MS = 100;
const LONG_WAIT_MS = 2000;
const MAX_PAUSE_MS = 1;
const MIN_PAUSE_MS = 0.05;

/** How long a wait of this thread blocks it at most, for stores that were given no time of their own. Milliseconds. */
const waitLimits = new Set<{ readonly ms: number }>();

/** The one call that is to wait briefly: how long, how long it has waited in earlier attempts, and the time of the store it was cut to. */
let briefWait: { readonly maxMs: number; readonly waitedMs: number; cutMs: number } | undefined;

/**
 * Lets stores that were opened without a `timeout` block this thread for no longer than this; the main thread of an application.
 * Returns how to end that.
 */
export function limitBlocking(ms: number): () => void {
  const limit = { ms };
  waitLimits.add(limit);
  return () => {
    waitLimits.delete(limit);
  };
}

/**
 * Does work whose waits for a lock block this thread for at most `maxMs` milliseconds, as the next attempt of a caller that has waited `waitedMs`.
 * Returns 0, or the time that the store would have waited if a wait was cut short: then it can be tried again.
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
 * Waits for locks, in place of SQLite's busy handler. SQLite has no queue: whoever asks at the right moment gets the lock, and
 * one that takes it again at once leaves it free for microseconds. So those who have waited longer ask more often.
 */
export class BusyRetry {
  readonly #path: string;
  readonly #inTransaction: () => boolean;
  readonly #isTimeoutChosen: boolean;
  #timeout: number;
  lastFailure: DiskCacheError | undefined;

  /** `isChosen`: the application gave the time, which then counts for it, whatever the thread's limit. */
  constructor(path: string, timeout: number, isChosen: boolean, inTransaction: () => boolean) {
    this.#path = path;
    this.#timeout = timeout;
    this.#isTimeoutChosen = isChosen;
    this.#inTransaction = inTransaction;
  }

  /**
   * Does once more what has failed because of a lock, until it works or the time is up, and once what may have failed because the
   * system refused to read; throws any other failure.
   *
   * @throws {DiskCacheError} `BUSY` with the cause.
   */
  retry<T>(error: unknown, work: () => T): T {
    let translated = this.translate(error);
    if (isSqliteCorrupt(translated) && !this.#inTransaction()) {
      try {
        return work();
      } catch (again) {
        translated = this.translate(again);
      }
    }
    const began = performance.now();
    const { maxMs = this.#isTimeoutChosen ? Number.POSITIVE_INFINITY : getMaxBlockingMs(), waitedMs = 0 } =
      briefWait ?? {};
    const limit = Math.min(this.#timeout, maxMs);
    for (;;) {
      const waited = performance.now() - began;
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
      } catch (again) {
        translated = this.translate(again);
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

/** Scattered, so that several waiters don't ask in step. */
function computePauseMs(waited: number): number {
  const urgency = waited > LONG_WAIT_MS ? 0.5 : Math.min(1, waited / RAMP_UP_MS);
  return Math.max(MIN_PAUSE_MS, MAX_PAUSE_MS * (1 - urgency)) * (0.5 + Math.random());
}
