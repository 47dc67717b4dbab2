import { setTimeout as pause } from 'node:timers/promises';
import { DiskCacheError } from '../../../protocol/error.ts';

/** Milliseconds between two checks whether the page has received its responses. */
const PAUSE_MS = 10;

/**
 * Produces responses only as fast as the page receives them.
 *
 * Invariant: a waiting call continues when the page has received enough, or fails when the session is closed.
 */
export class Pace {
  readonly #mayMake: () => boolean;
  readonly #isOpen: () => boolean;
  #catchingUp: Promise<void> | undefined;
  #lastTurn: Promise<unknown> = Promise.resolve();

  /** `mayMake` returns whether the page has received enough of what it was sent. */
  constructor(mayMake: () => boolean, isOpen: () => boolean) {
    this.#mayMake = mayMake;
    this.#isOpen = isOpen;
  }

  /**
   * Resolves when another response may be produced.
   *
   * @throws {DiskCacheError} `DISCONNECTED` if the session is closed while waiting.
   */
  async whenTaken(): Promise<void> {
    while (this.#isOpen() && !this.#mayMake()) {
      // One timer for all waiting calls.
      this.#catchingUp ??= pause(PAUSE_MS).finally(() => {
        this.#catchingUp = undefined;
      });
      await this.#catchingUp;
    }
    if (!this.#isOpen()) throw new DiskCacheError('DISCONNECTED', 'The session of this page was closed');
  }

  /** Waits until all earlier turns have ended. Returns a function that ends this turn; call it once the response has been counted. */
  async enterTurn(): Promise<() => void> {
    const before = this.#lastTurn;
    let end = () => {};
    this.#lastTurn = new Promise<void>((resolve) => {
      end = resolve;
    });
    await before;
    return end;
  }
}
