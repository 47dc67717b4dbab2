import { setImmediate } from 'node:timers/promises';

/** What wakes somebody who sleeps. */
export class Bell {
  #rung = false;
  #wake: (() => void) | undefined;

  ring(): void {
    this.#rung = true;
    this.#wake?.();
  }

  /** Sleeps for so many milliseconds, or until the bell rings, and on to the end of that turn of the event loop. */
  async sleep(ms: number): Promise<void> {
    if (!this.#rung) {
      await new Promise<void>((resolve) => {
        const timer = setTimeout(resolve, ms);
        this.#wake = () => {
          clearTimeout(timer);
          resolve();
        };
      });
      this.#wake = undefined;
    }
    await setImmediate();
    this.#rung = false;
  }
}
