import { randomInt } from 'node:crypto';
import { estimateBytes } from '../../protocol/clone.ts';
import { DiskCacheError } from '../../protocol/error.ts';
import { isExpansionBomb } from './expansion-bomb.ts';
import type { Endpoint } from './gate.ts';
import type { Principal } from './principal.ts';

/** What a message counts for that stands for far more than it brought, which is little; it is not weighed, for that would walk through it. */
const BOMB_PENALTY_BYTES = 2 ** 12;

/** Counts what one port sends in vain; past the limits of its principal the port is closed. */
export class AbuseCounter {
  readonly #principal: Principal;
  readonly #close: (reason: DiskCacheError) => void;

  constructor(principal: Principal, close: (reason: DiskCacheError) => void) {
    this.#principal = principal;
    this.#close = close;
  }

  /** Runs what counts against the principal. Returns undefined where that was too much. */
  closeOnError<T>(work: () => T): T | undefined {
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
    const bytes = isObject && isExpansionBomb(message) ? BOMB_PENALTY_BYTES : estimateBytes(message);
    this.closeOnError(() => this.#principal.addRefused(bytes));
  }

  /** A message that is no call. */
  addMalformed(message: unknown): void {
    this.closeOnError(() => this.#principal.addMalformedMessage());
    this.addRefused(message);
  }
}

/** A receipt is asked for after this number of bytes. */
const BYTES_PER_RECEIPT = 2 ** 20;

interface PendingReceipt {
  readonly receipt: number;
  readonly bytes: number;
}

/**
 * What one page has been sent and not taken yet. No port tells how much of what was posted waits on the other side, so answers carry
 * a receipt now and then, which the page can post back only after it has taken them.
 *
 * Invariant: what a principal has not taken is bounded, or its session is closed.
 */
export class DeliveryReceipts {
  readonly #principal: Principal;
  readonly #pending: PendingReceipt[] = [];
  /** Bytes posted since the last receipt. */
  #bytesSinceReceipt = 0;
  #isClosed = false;

  constructor(principal: Principal) {
    this.#principal = principal;
  }

  /**
   * Counts an answer that is about to be posted. Returns the receipt that it has to carry, if any.
   *
   * @throws {DiskCacheError} `DISCONNECTED` if too much was not taken.
   */
  add(bytes: number): number | undefined {
    // A closed port takes no answers.
    if (this.#isClosed) return undefined;
    this.#bytesSinceReceipt += bytes;
    if (this.#bytesSinceReceipt < BYTES_PER_RECEIPT) return undefined;
    const posted = { receipt: randomInt(1, 2 ** 47), bytes: this.#bytesSinceReceipt };
    this.#bytesSinceReceipt = 0;
    this.#pending.push(posted);
    this.#principal.addUnread(posted.bytes);
    return posted.receipt;
  }

  /** The page has taken an answer, and those before it. Returns whether there was such a receipt. */
  acknowledge(receipt: unknown): boolean {
    const nth = this.#pending.findIndex((it) => it.receipt === receipt);
    for (const { bytes } of this.#pending.splice(0, nth + 1)) this.#principal.markRead(bytes);
    return nth >= 0;
  }

  /** Takes the receipts out of what comes; the rest goes on. */
  withoutReceipts(inner: Endpoint): Endpoint {
    return {
      ...inner,
      addEventListener: (type, listener) =>
        inner.addEventListener(type, (event) => {
          const { data } = event;
          if (!Array.isArray(data) || data.length !== 1 || !this.acknowledge(data[0])) listener(event);
        }),
    };
  }

  /** What was posted goes with the port. */
  close(): void {
    this.#isClosed = true;
    for (const { bytes } of this.#pending.splice(0)) this.#principal.markRead(bytes);
  }
}
