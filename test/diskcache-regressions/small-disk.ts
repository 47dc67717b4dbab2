import { spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/** A small file system, unmounted when it goes out of scope. */
export interface SmallDisk extends Disposable {
  readonly path: string;
  /** Fills the disk as another program would. Returns a function that frees that space. */
  fill(): () => void;
}

const runCommand = (command: string, ...args: string[]): boolean =>
  spawnSync(command, args, { stdio: 'ignore' }).status === 0;

/** Mounts a disk in memory. Returns undefined if that is not possible: not Linux, or not root. */
export function mountSmallDisk(bytes: number): SmallDisk | undefined {
  if (process.platform !== 'linux' || process.getuid?.() !== 0) return undefined;
  const path = mkdtempSync(join(tmpdir(), 'deskcache-disk-'));
  if (!runCommand('mount', '-t', 'tmpfs', '-o', `size=${bytes}`, 'deskcache-test', path)) {
    rmdirSync(path);
    return undefined;
  }
  return {
    path,
    fill() {
      const filler = join(path, 'stranger');
      for (let size = bytes; size >= 1; size = Math.floor(size / 2)) {
        try {
          for (;;) writeFileSync(filler, new Uint8Array(size), { flag: 'a' });
        } catch (error) {
          if ((error as NodeJS.ErrnoException).code !== 'ENOSPC') throw error;
        }
      }
      return () => rmSync(filler);
    },
    [Symbol.dispose]() {
      // Lazily, so that a test that fails half-way doesn't leave it mounted.
      runCommand('umount', '-l', path);
      rmdirSync(path);
    },
  };
}

/** Mounts a folder at a second path until it goes out of scope; needs root on Linux. */
export function mountAt(folder: string, path: string): Disposable {
  mkdirSync(path);
  if (!runCommand('mount', '--bind', folder, path)) throw new Error(`${folder} could not be mounted at ${path}`);
  return { [Symbol.dispose]: () => void runCommand('umount', '-l', path) };
}
