import { SingleBar } from 'cli-progress';
import type { Terminal } from './terminal.ts';

/** A bar on a terminal; nothing where the output goes to a file or another program. */
export class Progress {
  readonly #bar: SingleBar | undefined;

  constructor({ stderr }: Terminal) {
    if (!stderr.isTTY) return;
    this.#bar = new SingleBar({
      stream: stderr as NodeJS.WritableStream,
      format: '{bar} {value} of {total}',
      clearOnComplete: true,
    });
  }

  update(done: number, total: number): void {
    if (this.#bar === undefined) return;
    if (!this.#bar.isActive) this.#bar.start(total, done);
    this.#bar.update(done);
  }

  stop(): void {
    this.#bar?.stop();
  }
}
