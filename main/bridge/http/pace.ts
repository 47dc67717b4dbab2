import { setTimeout as pause } from 'node:timers/promises';
import { DiskCacheError } from '../../../protocol/error.ts';

/** Between two looks whether the page has taken its answers. */
const PAUSE_MS = 10;

/**
 * Makes answers only as fast as the page takes them.
 *
 * Invariant: who waits goes on when the page has taken enough, or fails when the session is closed.
 */
export class Pace {
  readonly #mayMake: () => boolean;
  readonly #isOpen: () => boolean;
  #catchingUp: Promise<void> | undefined;
  #lastTurn: Promise<unknown> = Promise.resolve();

  /** `mayMake`: whether the page has taken enough of what it was sent. */
  constructor(mayMake: () => boolean, isOpen: () => boolean) {
    this.#mayMake = mayMake;
    this.#isOpen = isOpen;
  }

  /**
   * Resolves when another answer may be made.
   *
   * @throws {DiskCacheError} `DISCONNECTED` if the session was closed meanwhile.
   */
  async whenTaken(): Promise<void> {
    while (this.#isOpen() && !this.#mayMake()) {
      // One timer for all that wait.
      this.#catchingUp ??= pause(PAUSE_MS).finally(() => {
        this.#catchingUp = undefined;
      });
      await this.#catchingUp;
    }
    if (!this.#isOpen()) throw new DiskCacheError('DISCONNECTED', 'The session of this page was closed');
  }

  /** Waits until all turns before this one have ended. Returns a function that ends it, once the answer was counted. */
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
