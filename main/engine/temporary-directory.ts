import { mkdtempSync, realpathSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, sep } from 'node:path';

/** A directory that is deleted with its contents when it is disposed, at the latest when the process exits. */
export interface TemporaryDirectory extends Disposable {
  readonly path: string;
  /** Deletes it now. Close the stores in it first. Calling it again does nothing. */
  remove(): void;
  /** The path, so that it can be used where a path is expected. */
  toString(): string;
}

const existing = new Set<string>();

/**
 * Creates an empty directory for a store that shall not outlive the process: in tests, or where a database in memory would be used. Stores
 * in it do without syncing the disk, for which the process that made it waits in other directories. A process that is killed leaves it to
 * the system's own clearing of temporary files.
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

/** Returns whether a path is in a temporary directory of this process: what is there need not survive a power cut. */
export function isTemporary(path: string): boolean {
  for (const directory of existing) if (path === directory || path.startsWith(directory + sep)) return true;
  return false;
}

function removeAll(): void {
  for (const path of existing) rmSync(path, { recursive: true, force: true });
}
