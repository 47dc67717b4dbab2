import { randomInt } from 'node:crypto';
import type { Endpoint } from './endpoint.ts';
import type { Principal } from './principal.ts';

/** A receipt is asked for after this number of bytes. */
const RECEIPT_BYTES = 2 ** 20;

interface Posted {
  readonly receipt: number;
  readonly bytes: number;
}

/**
 * What one page has been sent and not taken yet. No port tells how much of what was posted waits on the other side, so answers carry
 * a receipt now and then, which the page can post back only after it has taken them.
 *
 * Invariant: what a principal has not taken is bounded, or its session is closed.
 */
export class Receipts {
  readonly #principal: Principal;
  readonly #posted: Posted[] = [];
  /** Bytes posted since the last receipt. */
  #bytes = 0;
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
    this.#bytes += bytes;
    if (this.#bytes < RECEIPT_BYTES) return undefined;
    const posted = { receipt: randomInt(1, 2 ** 47), bytes: this.#bytes };
    this.#bytes = 0;
    this.#posted.push(posted);
    this.#principal.addUnread(posted.bytes);
    return posted.receipt;
  }

  /** The page has taken an answer, and those before it. Returns whether there was such a receipt. */
  take(receipt: unknown): boolean {
    const nth = this.#posted.findIndex((it) => it.receipt === receipt);
    for (const { bytes } of this.#posted.splice(0, nth + 1)) this.#principal.takeUnread(bytes);
    return nth >= 0;
  }

  /** Takes the receipts out of what comes; the rest goes on. */
  takenFrom(inner: Endpoint): Endpoint {
    return {
      ...inner,
      addEventListener: (type, listener) =>
        inner.addEventListener(type, (event) => {
          const { data } = event;
          if (!Array.isArray(data) || data.length !== 1 || !this.take(data[0])) listener(event);
        }),
    };
  }

  /** What was posted goes with the port. */
  close(): void {
    this.#isClosed = true;
    for (const { bytes } of this.#posted.splice(0)) this.#principal.takeUnread(bytes);
  }
}
