import { randomInt } from 'node:crypto';
import { estimateBytes } from '../../protocol/clone.ts';
import { DiskCacheError } from '../../protocol/error.ts';
import type { Endpoint } from './gate.ts';
import { isExpansionBomb } from './gate.ts';
import type { Principal } from './principal.ts';

/** What an expansion bomb counts as. The message itself is small, and measuring it would mean walking through it. */
const BOMB_PENALTY_BYTES = 2 ** 12;

/** Counts the malformed and refused messages of one port; beyond the limits of its principal the port is closed. */
export class AbuseCounter {
  readonly #principal: Principal;
  readonly #close: (reason: DiskCacheError) => void;

  constructor(principal: Principal, close: (reason: DiskCacheError) => void) {
    this.#principal = principal;
    this.#close = close;
  }

  /** Runs an accounting step; if it throws, closes the port and returns undefined. */
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

  /** Counts a call that was refused entirely. */
  addRefused(message: unknown): void {
    const isObject = typeof message === 'object' && message !== null;
    const bytes = isObject && isExpansionBomb(message) ? BOMB_PENALTY_BYTES : estimateBytes(message);
    this.closeOnError(() => this.#principal.addRefused(bytes));
  }

  /** Counts a message that is not a call. */
  addMalformed(message: unknown): void {
    this.closeOnError(() => this.#principal.addMalformedMessage());
    this.addRefused(message);
  }
}

/** Bytes after which a receipt is requested. */
const BYTES_PER_RECEIPT = 2 ** 20;

interface PendingReceipt {
  readonly receipt: number;
  readonly bytes: number;
}

/**
 * Tracks what one page has been sent and not received yet. A port doesn't tell how many posted bytes wait on the other side, so responses
 * carry a receipt now and then, which the page can post back only after it has received them.
 *
 * Invariant: what a principal has not received is bounded, or its session is closed.
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
   * Counts a response that is about to be posted. Returns the receipt that it must carry, if any.
   *
   * @throws {DiskCacheError} `DISCONNECTED` if too many bytes were not received.
   */
  add(bytes: number): number | undefined {
    // Nothing is posted to a closed port.
    if (this.#isClosed) return undefined;
    this.#bytesSinceReceipt += bytes;
    if (this.#bytesSinceReceipt < BYTES_PER_RECEIPT) return undefined;
    const posted = { receipt: randomInt(1, 2 ** 47), bytes: this.#bytesSinceReceipt };
    this.#bytesSinceReceipt = 0;
    this.#pending.push(posted);
    this.#principal.addUnread(posted.bytes);
    return posted.receipt;
  }

  /** The page has received a response, and those before it. Returns whether the receipt was valid. */
  acknowledge(receipt: unknown): boolean {
    const nth = this.#pending.findIndex((it) => it.receipt === receipt);
    for (const { bytes } of this.#pending.splice(0, nth + 1)) this.#principal.markRead(bytes);
    return nth >= 0;
  }

  /** Handles receipts among the incoming messages and passes the rest on. */
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

  /** Forgets what was posted: it is lost with the port. */
  close(): void {
    this.#isClosed = true;
    for (const { bytes } of this.#pending.splice(0)) this.#principal.markRead(bytes);
  }
}
