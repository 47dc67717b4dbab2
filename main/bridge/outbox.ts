import { randomInt } from 'node:crypto';
import type { Answer } from '../../protocol/wire.ts';
import type { Endpoint } from './endpoint.ts';
import type { Principal } from './principal.ts';

/** A receipt is asked for after this number of bytes. */
const RECEIPT_BYTES = 2 ** 20;

interface Posted {
  readonly receipt: number;
  readonly bytes: number;
}

/**
 * The answers to one page. No port tells how much of what was posted waits on the other side, so large answers carry a receipt, which
 * the page can post back only after it has taken them.
 *
 * Invariant: what a principal has not taken is bounded, or its session is closed.
 */
export class Outbox {
  readonly #port: Endpoint;
  readonly #principal: Principal;
  readonly #posted: Posted[] = [];
  /** Bytes posted since the last receipt. */
  #bytes = 0;

  constructor(port: Endpoint, principal: Principal) {
    this.#port = port;
    this.#principal = principal;
  }

  /** @throws {DiskCacheError} `DISCONNECTED` if too much was not taken. Also what the port throws. */
  post(answer: Answer, weight: number): void {
    this.#bytes += weight;
    if (answer.length === 2 || this.#bytes < RECEIPT_BYTES) {
      this.#port.postMessage(answer);
      return;
    }
    const posted = { receipt: randomInt(1, 2 ** 47), bytes: this.#bytes };
    this.#port.postMessage([answer[0], answer[1], answer[2], posted.receipt] satisfies Answer);
    this.#bytes = 0;
    this.#posted.push(posted);
    this.#principal.addUnread(posted.bytes);
  }

  /** The page has taken an answer, and those before it. Returns whether there was such a receipt. */
  take(receipt: unknown): boolean {
    const nth = this.#posted.findIndex((it) => it.receipt === receipt);
    for (const { bytes } of this.#posted.splice(0, nth + 1)) this.#principal.takeUnread(bytes);
    return nth >= 0;
  }

  /** What was posted goes with the port. */
  close(): void {
    for (const { bytes } of this.#posted.splice(0)) this.#principal.takeUnread(bytes);
  }
}
