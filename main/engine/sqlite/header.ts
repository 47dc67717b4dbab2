import { closeSync, openSync, readFileSync, readSync, statSync } from 'node:fs';
import { DiskCacheError } from '../../../protocol/error.ts';
import { fileFailure } from './failure.ts';
import { APPLICATION_ID, SCHEMA_VERSION } from './schema.ts';

const MAGIC = 'SQLite format 3\0';
/** Enough to hold the names of the tables of a small schema. */
const LOOK_BYTES = 64 * 1024;
const HEADER_BYTES = 100;

/**
 * Looks at the first bytes of a file that is not empty, because merely opening a stranger's database with SQLite can change it.
 * Offsets: https://sqlite.org/fileformat2.html#the_database_header
 *
 * Only for a file that nobody in this process has open: see `standingOf`.
 *
 * @throws {DiskCacheError} `CORRUPT` for a file that is no database; `UNSUPPORTED_VERSION` for somebody else's or a newer one.
 */
export function inspect(path: string): void {
  const bytes = beginning(path);
  if (bytes.length < HEADER_BYTES || bytes.toString('latin1', 0, MAGIC.length) !== MAGIC) {
    throw new DiskCacheError(
      'CORRUPT',
      `${path} is no SQLite database; choose another directory or move the file away`,
    );
  }
  refuseForeign(bytes.readUInt32BE(68), path, () => `: ${ownerOf(bytes)}`);
  refuseNewer(bytes.readUInt32BE(60), path);
}

/** @throws {DiskCacheError} `UNSUPPORTED_VERSION` for another program's application id. */
export function refuseForeign(applicationId: number, path: string, whose: () => string = () => ''): void {
  if (applicationId === APPLICATION_ID) return;
  throw new DiskCacheError(
    'UNSUPPORTED_VERSION',
    `${path} was not made by deskcache${whose()}; choose another directory`,
  );
}

/** @throws {DiskCacheError} `UNSUPPORTED_VERSION` */
export function refuseNewer(version: number, path: string): void {
  if (version <= SCHEMA_VERSION) return;
  throw new DiskCacheError(
    'UNSUPPORTED_VERSION',
    `${path} has format version ${version}, this deskcache knows versions up to ${SCHEMA_VERSION}; update deskcache or choose another directory`,
  );
}

/** A database that can't be opened where it is has to fit into memory. */
const MAX_IMAGE_BYTES = 512 * 1024 * 1024;
/** Offsets of the numbers that ask for a write-ahead log, and what they are for a database without one. */
const LOG_OFFSETS = [18, 19];
const WITHOUT_LOG = 1;

/**
 * The bytes of a database without a log, as one that needs none. For a reader where SQLite can't put its shared memory; so
 * the file is not open in this process.
 *
 * @throws {DiskCacheError} `TOO_LARGE`; `BUSY` when somebody has written to it meanwhile.
 */
export function readImage(path: string): Buffer {
  try {
    const before = statSync(path);
    if (before.size > MAX_IMAGE_BYTES) {
      throw new DiskCacheError(
        'TOO_LARGE',
        `${path} has ${before.size} bytes, too many to be read from a directory that can't be written; copy the directory and open the copy`,
      );
    }
    const image = readFileSync(path);
    const after = statSync(path);
    if (after.mtimeMs !== before.mtimeMs || image.length !== before.size) {
      throw new DiskCacheError('BUSY', `${path} was written to while it was read; try again`);
    }
    for (const offset of LOG_OFFSETS) image[offset] = WITHOUT_LOG;
    return image;
  } catch (error) {
    throw fileFailure(error, path);
  }
}

function beginning(path: string): Buffer {
  let file: number;
  try {
    file = openSync(path, 'r');
  } catch (error) {
    throw fileFailure(error, path);
  }
  try {
    const bytes = Buffer.alloc(LOOK_BYTES);
    return bytes.subarray(0, readSync(file, bytes, 0, LOOK_BYTES, 0));
  } catch (error) {
    throw fileFailure(error, path);
  } finally {
    closeSync(file);
  }
}

/** Table definitions stand as plain text on the first pages. */
function ownerOf(bytes: Buffer): string {
  const found = bytes.toString('latin1').matchAll(/CREATE TABLE (?:IF NOT EXISTS )?["'`[]?(\w+)/g);
  const tables = new Set(Array.from(found, ([, name]) => name));
  if (tables.has('Settings') && tables.has('Cache')) return 'it seems to belong to Python DiskCache';
  return tables.size === 0
    ? 'it is an SQLite database of another program'
    : `it holds the tables ${[...tables].sort().join(', ')}`;
}
