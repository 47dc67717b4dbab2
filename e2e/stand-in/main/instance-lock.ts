import { mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

/** One process per user data directory: a file with the holder's process id. A dead holder's file is taken over. */
export class InstanceLock {
  readonly #path: string;
  #held = false;

  constructor(directory: string) {
    mkdirSync(directory, { recursive: true });
    this.#path = join(directory, 'stand-in.lock');
    process.once('exit', () => this.release());
  }

  get isHeld(): boolean {
    return this.#held;
  }

  acquire(): boolean {
    if (this.#held) return true;
    try {
      writeFileSync(this.#path, String(process.pid), { flag: 'wx' });
    } catch {
      if (isAlive(Number(readFileSync(this.#path, 'utf8')))) return false;
      rmSync(this.#path, { force: true });
      return this.acquire();
    }
    this.#held = true;
    return true;
  }

  release(): void {
    if (this.#held) rmSync(this.#path, { force: true });
    this.#held = false;
  }
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM';
  }
}
