import { mkdtempSync, realpathSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, sep } from 'node:path';

/** A directory that is deleted with its contents when it is disposed, or else when the process exits. */
export interface TemporaryDirectory extends Disposable {
  /** The absolute path. */
  readonly path: string;
  /** Deletes the directory now. Close its stores first. Calling it again does nothing. */
  remove(): void;
  /** Returns the path. */
  toString(): string;
}

const existing = new Set<string>();

/**
 * Creates an empty directory for stores that need not outlive the process: for tests, or in place of a database in memory. Stores that this
 * process opens in it don't sync the disk, whatever their `durability`. The directory is deleted when the process exits. If the process is
 * killed, it stays in the system's folder for temporary files.
 *
 * @throws the error of `node:fs` if the directory can't be created.
 */
export function temporaryDirectory(): TemporaryDirectory {
  const path = realpathSync(mkdtempSync(join(tmpdir(), 'deskcache-')));
  if (existing.size === 0) process.once('exit', removeAll);
  existing.add(path);
  const remove = (): void => {
    existing.delete(path);
    if (existing.size === 0) process.off('exit', removeAll);
    rmSync(path, { recursive: true, force: true });
  };
  return { path, remove, toString: () => path, [Symbol.dispose]: remove };
}

/** Returns whether a path is in a temporary directory of this process, where nothing needs to survive a power cut. */
export function isTemporary(path: string): boolean {
  for (const directory of existing) if (path === directory || path.startsWith(directory + sep)) return true;
  return false;
}

function removeAll(): void {
  for (const path of existing) rmSync(path, { recursive: true, force: true });
}
