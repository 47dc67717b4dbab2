import { DiskCacheError } from '../../protocol/error.ts';
import { weightOf } from '../../protocol/weight.ts';
import { isInflated } from './inflated.ts';
import type { Principal } from './principal.ts';

/** What a message counts for that stands for far more than it brought, which is little; it is not weighed, for that would walk through it. */
const INFLATED_BYTES = 2 ** 12;

/** Counts what one port sends in vain; past the limits of its principal the port is closed. */
export class Misbehaviour {
  readonly #principal: Principal;
  readonly #close: (reason: DiskCacheError) => void;

  constructor(principal: Principal, close: (reason: DiskCacheError) => void) {
    this.#principal = principal;
    this.#close = close;
  }

  /** Runs what counts against the principal. Returns undefined where that was too much. */
  counted<T>(work: () => T): T | undefined {
    try {
      return work();
    } catch (error) {
      const isOurs = error instanceof DiskCacheError;
      this.#close(
        isOurs ? error : new DiskCacheError('DISCONNECTED', 'The port of this page failed', { cause: error }),
      );
      return undefined;
    }
  }

  /** A call of which nothing was done. */
  addRefused(message: unknown): void {
    const isObject = typeof message === 'object' && message !== null;
    const bytes = isObject && isInflated(message) ? INFLATED_BYTES : weightOf(message);
    this.counted(() => this.#principal.addRefused(bytes));
  }

  /** A message that is no call. */
  addOdd(message: unknown): void {
    this.counted(() => this.#principal.addOddMessage());
    this.addRefused(message);
  }
}
