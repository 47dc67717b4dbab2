import { readFileSync, realpathSync, statSync } from 'node:fs';
import { join, sep } from 'node:path';
import type { Column } from '../engine/internal.ts';
import { parseJsonDisk } from './json-disk.ts';
import { UnreadableError } from './pickle/byte-reader.ts';
import { parsePickle } from './pickle/parse-pickle.ts';
import { parseUtf8, toInteger } from './pickle/scalars.ts';
import type { PythonDatabase, PythonRow } from './python-directory.ts';

/** How Python has written keys and values: by `Disk`, its default, or by `JSONDisk`. */
export type PythonDisk = 'pickle' | 'json';

/** Larger values are skipped, because a value is read into memory as a whole. */
const MAX_VALUE_BYTES = 512 * 2 ** 20;

/** Modes of values, as Python stores them. */
const RAW = 1;
const BINARY_FILE = 2;
const TEXT_FILE = 3;
const PICKLE = 4;

/**
 * Detects how a database was written, which it doesn't record: only the keys of JSONDisk are all JSON compressed by zlib.
 */
export function detectDisk(database: PythonDatabase): PythonDisk {
  const keys = database.sampleCompressedKeys();
  try {
    for (const key of keys) parseJsonDisk(key);
  } catch {
    return 'pickle';
  }
  return keys.length > 0 ? 'json' : 'pickle';
}

/** @throws {UnreadableError} */
export function parseKey([key, raw]: PythonRow, disk: PythonDisk): unknown {
  if (key === null) throw new UnreadableError('its key is NaN, which Python stores as NULL and finds under no key');
  if (disk === 'json') {
    if (key instanceof Uint8Array && raw === 1n) return parseJsonDisk(key);
    throw new UnreadableError('its key is not one of JSONDisk');
  }
  if (raw === 1n) return toPlainColumn(key);
  if (raw === 0n && key instanceof Uint8Array) return parsePickle(key);
  throw new UnreadableError('its row is damaged: the key has no known form');
}

/** @throws {UnreadableError} */
export function parseValue(database: PythonDatabase, row: PythonRow, disk: PythonDisk): unknown {
  const [, , , , , mode] = row;
  const stored = readStored(database.directory, row);
  if (disk === 'json') {
    if (stored instanceof Uint8Array) return parseJsonDisk(stored);
    throw new UnreadableError('its value is not one of JSONDisk');
  }
  switch (Number(mode)) {
    case RAW:
      if (stored === null) throw new UnreadableError('its value is NaN, which Python stores as NULL and reads as None');
      return toPlainColumn(stored);
    case BINARY_FILE:
      return stored;
    case TEXT_FILE:
      // Python reads the file as text, with all line ends converted to \n.
      return parseUtf8(assertBytes(stored)).replace(/\r\n?/g, '\n');
    case PICKLE:
      return parsePickle(assertBytes(stored));
    default:
      throw new UnreadableError(`its row is damaged: it has the unknown mode ${String(mode)}`);
  }
}

/** Returns the tag; undefined for an item without one. @throws {UnreadableError} for bytes and inexact integers, which can't be tags here. */
export function parseTag([, , , tag]: PythonRow): string | number | undefined {
  if (tag === null) return undefined;
  const plain = toPlainColumn(tag);
  if (typeof plain === 'string' || typeof plain === 'number') return plain;
  throw new UnreadableError(
    `its tag is ${typeof plain === 'bigint' ? 'an integer that is not exact' : 'bytes'}; tags are texts or numbers`,
  );
}

/** Returns the expiry time in epoch milliseconds; undefined if the item never expires. */
export const parseExpiresAt = ([, , expireTime]: PythonRow): number | undefined =>
  expireTime === null ? undefined : Number(expireTime) * 1000;

/** Converts the value of a column: integers to numbers where exact, bytes to a copy. */
export const toPlainColumn = (column: Column): unknown => {
  if (typeof column === 'bigint') return toInteger(column);
  // Buffers of the driver share memory with other buffers.
  return column instanceof Uint8Array ? Uint8Array.from(column) : column;
};

function assertBytes(stored: Column): Uint8Array {
  if (stored instanceof Uint8Array) return stored;
  throw new UnreadableError('its row is damaged: it has no bytes');
}

function readStored(directory: string, [, , , , size, , filename, value]: PythonRow): Column {
  return filename === null ? value : readValueFile(directory, filename, Number(size));
}

/** Reads the file of a value. Its name comes from the database, so it must not lead out of the directory, not even by a symbolic link. */
function readValueFile(directory: string, filename: string, size: number): Uint8Array {
  const steps = String(filename).split(/[\\/]/);
  if (steps.some((step) => step === '' || step === '.' || step === '..' || step.includes('\0') || step.includes(':')))
    throw new UnreadableError('the name of its file leads out of the directory');
  try {
    const path = realpathSync(join(directory, ...steps));
    if (!path.startsWith(realpathSync(directory) + sep))
      throw new UnreadableError('the name of its file leads out of the directory');
    const found = statSync(path);
    if (!found.isFile()) throw new UnreadableError('its file is not a file');
    if (found.size !== size) throw new UnreadableError(`its file has ${found.size} of ${size} bytes`);
    if (found.size > MAX_VALUE_BYTES) throw new UnreadableError(`it has ${found.size} bytes, more than can be read`);
    return Uint8Array.from(readFileSync(path));
  } catch (error) {
    if (error instanceof UnreadableError) throw error;
    const { code = String(error) } = error as NodeJS.ErrnoException;
    throw new UnreadableError(code === 'ENOENT' ? 'its file is missing' : `its file can't be read (${code})`);
  }
}
