import { DiskCacheError } from '../../../protocol/error.ts';
import { failure, isLocked, isTakenForDamage } from './failure.ts';
import { blockFor } from './views.ts';

/** Milliseconds in which a waiter becomes as insistent as it gets, and after which it saves the processor again. */
const RISE = 100;
const LONG = 2000;
const LONGEST_PAUSE = 1;
const SHORTEST_PAUSE = 0.05;

/** How long a wait of this thread blocks it at most, for stores that were given no time of their own. Milliseconds. */
const limits = new Set<{ readonly ms: number }>();

/** The one call that is to wait briefly: how long, how long it has waited in earlier attempts, and the time of the store it was cut to. */
let brief: { readonly most: number; readonly before: number; cut: number } | undefined;

/**
 * Lets stores that were opened without a `timeout` block this thread for no longer than this; the main thread of an application.
 * Returns how to end that.
 */
export function limitWaits(ms: number): () => void {
  const limit = { ms };
  limits.add(limit);
  return () => {
    limits.delete(limit);
  };
}

/**
 * Does work whose waits for a lock block this thread for `most` milliseconds at most, as the next attempt of who has waited `before`.
 * Returns 0, or the time that the store would have waited if a wait was cut short: then it can be tried again.
 */
export function waitBriefly(most: number, before: number, work: () => void): number {
  const outer = brief;
  const mine = { most, before, cut: 0 };
  brief = mine;
  try {
    work();
  } finally {
    brief = outer;
  }
  return mine.cut;
}

/**
 * Waits for locks, in place of SQLite's busy handler. SQLite has no queue: whoever asks at the right moment gets the lock, and
 * one that takes it again at once leaves it free for microseconds. So those who have waited longer ask more often.
 */
export class Patience {
  readonly #path: string;
  readonly #inTransaction: () => boolean;
  readonly #isChosen: boolean;
  #timeout: number;
  lastFailure: DiskCacheError | undefined;

  /** `isChosen`: the application gave the time, which then counts for it, whatever the thread's limit. */
  constructor(path: string, timeout: number, isChosen: boolean, inTransaction: () => boolean) {
    this.#path = path;
    this.#timeout = timeout;
    this.#isChosen = isChosen;
    this.#inTransaction = inTransaction;
  }

  /**
   * Does once more what has failed because of a lock, until it works or the time is up, and once what may have failed because the
   * system refused to read; throws any other failure.
   *
   * @throws {DiskCacheError} `BUSY` with the cause.
   */
  retry<T>(error: unknown, work: () => T): T {
    let translated = this.failure(error);
    if (isTakenForDamage(translated) && !this.#inTransaction()) {
      try {
        return work();
      } catch (again) {
        translated = this.failure(again);
      }
    }
    const began = performance.now();
    const { most = this.#isChosen ? Number.POSITIVE_INFINITY : longestWait(), before = 0 } = brief ?? {};
    const limit = Math.min(this.#timeout, most);
    for (;;) {
      const waited = performance.now() - began;
      // Inside a transaction the lock is held already: waiting would not help.
      if (!isLocked(translated) || this.#inTransaction()) throw translated;
      if (waited >= limit) {
        if (brief !== undefined && limit < this.#timeout) brief.cut = Math.max(brief.cut, this.#timeout);
        throw translated;
      }
      blockFor(pauseAfter(waited + before));
      try {
        return work();
      } catch (again) {
        translated = this.failure(again);
      }
    }
  }

  without(work: () => void): void {
    const timeout = this.#timeout;
    this.#timeout = 0;
    try {
      work();
    } finally {
      this.#timeout = timeout;
    }
  }

  failure(error: unknown): unknown {
    const translated = failure(error, this.#path);
    if (translated instanceof DiskCacheError) this.lastFailure = translated;
    return translated;
  }
}

const longestWait = (): number => Math.min(...Array.from(limits, ({ ms }) => ms));

/** Scattered, so that several waiters don't ask in step. */
function pauseAfter(waited: number): number {
  const insistence = waited > LONG ? 0.5 : Math.min(1, waited / RISE);
  return Math.max(SHORTEST_PAUSE, LONGEST_PAUSE * (1 - insistence)) * (0.5 + Math.random());
}
