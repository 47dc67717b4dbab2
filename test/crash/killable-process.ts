import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';

/** Ends one that hangs; a busy machine takes long to start it. */
const TIMEOUT_MS = 300_000;

/** A process that writes, says on its standard output what it has done, and is killed. */
export class KillableProcess {
  readonly #child: ChildProcess;
  readonly #closed: Promise<unknown>;
  #stdout = '';
  #stderr = '';

  constructor(script: string, ...args: readonly string[]) {
    const path = fileURLToPath(new URL(script, import.meta.url));
    this.#child = spawn(process.execPath, [path, ...args], { stdio: ['ignore', 'pipe', 'pipe'], timeout: TIMEOUT_MS });
    this.#child.stdout?.setEncoding('utf8').on('data', (text: string) => {
      this.#stdout += text;
    });
    this.#child.stderr?.setEncoding('utf8').on('data', (text: string) => {
      this.#stderr += text;
    });
    this.#closed = once(this.#child, 'close');
  }

  /** Until it has said something for the first time. */
  async waitUntilStarted(): Promise<void> {
    await Promise.race([once(this.#child.stdout!, 'data'), this.#closed]);
  }

  /** Kills it on the spot; answers the lines it had said by then. Rejects when it ended in another way. */
  kill(): Promise<readonly string[]> {
    this.#child.kill('SIGKILL');
    return this.waitUntilKilled();
  }

  /** Waits until it has killed itself; otherwise as `kill`. */
  async waitUntilKilled(): Promise<readonly string[]> {
    await this.#closed;
    const { signalCode, exitCode } = this.#child;
    if (signalCode !== 'SIGKILL') throw new Error(`The writer ended by ${signalCode ?? exitCode}: ${this.#stderr}`);
    return this.#stdout.split('\n').slice(0, -1);
  }
}
