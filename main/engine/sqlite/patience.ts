import { DiskCacheError } from '../../../protocol/error.ts';
import { failure, isLocked, isTakenForDamage } from './failure.ts';
import { blockFor } from './views.ts';

/** Milliseconds in which a waiter becomes as insistent as it gets, and after which it saves the processor again. */
const RISE = 100;
const LONG = 2000;
const LONGEST_PAUSE = 1;
const SHORTEST_PAUSE = 0.05;

/**
 * Waits for locks, in place of SQLite's busy handler. SQLite has no queue: whoever asks at the right moment gets the lock, and
 * one that takes it again at once leaves it free for microseconds. So those who have waited longer ask more often.
 */
export class Patience {
  readonly #path: string;
  readonly #inTransaction: () => boolean;
  #timeout: number;
  lastFailure: DiskCacheError | undefined;

  constructor(path: string, timeout: number, inTransaction: () => boolean) {
    this.#path = path;
    this.#timeout = timeout;
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
    for (;;) {
      const waited = performance.now() - began;
      // Inside a transaction the lock is held already: waiting would not help.
      if (!isLocked(translated) || this.#inTransaction() || waited >= this.#timeout) throw translated;
      blockFor(pauseAfter(waited));
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

/** Scattered, so that several waiters don't ask in step. */
function pauseAfter(waited: number): number {
  const insistence = waited > LONG ? 0.5 : Math.min(1, waited / RISE);
  return Math.max(SHORTEST_PAUSE, LONGEST_PAUSE * (1 - insistence)) * (0.5 + Math.random());
}
