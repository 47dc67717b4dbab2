import { mkdirSync, readFileSync, renameSync, rmSync, watch, writeFileSync } from 'node:fs';
import { join } from 'node:path';

/** Called in the holder of the lock for each other instance that has asked for it. */
type SecondInstanceListener = (argv: string[], workingDirectory: string) => void;

/**
 * One process per user data directory: a file with the holder's process id. A dead holder's file is taken over. Who doesn't get the lock
 * leaves its arguments in a folder that the holder watches.
 */
export class InstanceLock {
  readonly #path: string;
  readonly #requests: string;
  readonly #onSecondInstance: SecondInstanceListener;
  #held = false;

  constructor(directory: string, onSecondInstance: SecondInstanceListener) {
    this.#path = join(directory, 'stand-in.lock');
    this.#requests = join(directory, 'stand-in.instances');
    this.#onSecondInstance = onSecondInstance;
    mkdirSync(this.#requests, { recursive: true });
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
      if (isAlive(Number(readFileSync(this.#path, 'utf8')))) {
        this.#notifyHolder();
        return false;
      }
      rmSync(this.#path, { force: true });
      return this.acquire();
    }
    this.#held = true;
    const watcher = watch(this.#requests, { persistent: false }, (_, name) => {
      if (this.#held && name?.endsWith('.json')) this.#receive(join(this.#requests, name));
    });
    watcher.on('error', () => watcher.close());
    return true;
  }

  release(): void {
    if (this.#held) rmSync(this.#path, { force: true });
    this.#held = false;
  }

  #notifyHolder(): void {
    const request = join(this.#requests, String(process.pid));
    writeFileSync(request, JSON.stringify([process.argv, process.cwd()]));
    renameSync(request, `${request}.json`);
  }

  #receive(path: string): void {
    let request: string;
    try {
      request = readFileSync(path, 'utf8');
      rmSync(path);
    } catch {
      // Received already: the folder also reports that the file was removed.
      return;
    }
    const [argv, workingDirectory] = JSON.parse(request) as [string[], string];
    this.#onSecondInstance(argv, workingDirectory);
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
