import {
  accessSync,
  closeSync,
  constants,
  fstatSync,
  fsyncSync,
  openSync,
  readSync,
  rmSync,
  statSync,
  writeSync,
} from 'node:fs';
import { dirname } from 'node:path';

/** As large as a page of the database, so that it needs a block of the disk. */
const PROBE_BYTES = 4096;

/**
 * SQLite tells that a file can't be opened or written, and not why. Tries the same beside the database and returns what the
 * system says, as it was thrown; undefined when it works.
 *
 * Invariant: the database and its -shm are never opened here: closing them would end the locks that this process holds on them
 * (https://sqlite.org/howtocorrupt.html §2.2).
 */
export function probe(path: string): unknown {
  try {
    if (statSync(path, { throwIfNoEntry: false })?.isDirectory()) {
      return Object.assign(new Error('It is a directory'), { code: 'EISDIR' });
    }
    for (const file of [path, `${path}-wal`, `${path}-shm`]) assertAccess(file);
    if (process.platform !== 'win32') closeSync(openSync(dirname(path), 'r'));
    writeBeside(`${path}-probe`);
    return undefined;
  } catch (error) {
    return error;
  }
}

function assertAccess(file: string): void {
  if (statSync(file, { throwIfNoEntry: false })) accessSync(file, constants.R_OK | constants.W_OK);
}

function writeBeside(file: string): void {
  rmSync(file, { force: true });
  const opened = openSync(file, 'wx', 0o600);
  try {
    writeSync(opened, new Uint8Array(PROBE_BYTES));
    fsyncSync(opened);
  } finally {
    closeSync(opened);
    rmSync(file, { force: true });
  }
}

/** What a system says of a disk, or a file server, that can't be read. */
const UNREADABLE: ReadonlySet<unknown> = new Set(['EIO', 'ENXIO', 'ENODEV', 'ESTALE', 'ETIMEDOUT', 'EREMOTEIO']);
/** Of a larger database only the beginning is read, which bounds the time. */
const MAX_READ_BYTES = 256 * 1024 * 1024;
const PIECE_BYTES = 1024 * 1024;
/** How long a result is kept: a fault that lasts is met by every call. */
const KEPT_MS = 1000;
/** Descriptors are small numbers; those of SQLite are looked for up to this one. */
const MAX_DESCRIPTOR = 4096;

const found = new Map<string, { readonly at: number; readonly refusal: unknown }>();

/**
 * SQLite tells a read that the system has refused as damage. Reads the database through and returns the refusal; undefined when all
 * of it can be read, so that what SQLite says is true. Uses the descriptor that SQLite has open, for the reason given at `probe`.
 */
export function readThrough(path: string): unknown {
  const known = found.get(path);
  if (known !== undefined && performance.now() - known.at < KEPT_MS) return known.refusal;
  const refusal = readingRefusal(path);
  found.clear();
  found.set(path, { at: performance.now(), refusal });
  return refusal;
}

function readingRefusal(path: string): unknown {
  try {
    // Windows knows no such locks.
    const opened = process.platform === 'win32' ? openSync(path, 'r') : descriptorOf(path);
    if (opened === undefined) return undefined;
    try {
      const piece = new Uint8Array(PIECE_BYTES);
      for (let at = 0; at < MAX_READ_BYTES; at += PIECE_BYTES)
        if (readSync(opened, piece, 0, PIECE_BYTES, at) === 0) break;
    } finally {
      if (process.platform === 'win32') closeSync(opened);
    }
    return undefined;
  } catch (error) {
    return UNREADABLE.has((error as NodeJS.ErrnoException).code) ? error : undefined;
  }
}

function descriptorOf(path: string): number | undefined {
  const { dev, ino } = statSync(path);
  for (let descriptor = 3; descriptor < MAX_DESCRIPTOR; descriptor++) {
    try {
      const facts = fstatSync(descriptor);
      if (facts.ino === ino && facts.dev === dev) return descriptor;
    } catch {
      // Not open.
    }
  }
  return undefined;
}
