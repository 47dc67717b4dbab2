import { DiskCacheError } from '../../protocol/error.ts';

/** The clock of a test host's stores, queues and HTTP cache: the computer's clock plus the time by which a test has advanced it. */
export class TestClock {
  #advancedMs = 0;

  /** Returns the time in epoch milliseconds. */
  readonly now = (): number => Date.now() + this.#advancedMs;

  /**
   * Moves the clock forward. Items whose expiry time has passed are expired immediately. Subscribers are called, and workers start jobs that are
   * due, within 100 milliseconds.
   *
   * @throws {DiskCacheError} `BAD_OPTION` for anything but a number of milliseconds from 0.
   */
  advance(ms: number): void {
    if (!(typeof ms === 'number' && ms >= 0 && Number.isFinite(ms)))
      throw new DiskCacheError('BAD_OPTION', `advance takes a number of milliseconds from 0, not ${String(ms)}`);
    this.#advancedMs += ms;
  }
}
