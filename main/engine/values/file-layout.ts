import { randomBytes } from 'node:crypto';
import { join } from 'node:path';
import { DiskCacheError } from '../../../protocol/error.ts';
import { isMarkGone, MARK_DIGITS, OWN_MARK } from '../owner.ts';

/*
 * Where value files are, below the directory of a cache:
 *
 *   values/stage/<32 hex>.val     being written, or written and not yet named by a row
 *   values/<2 hex>/<30 hex>.val   the same name, cut after two digits: 256 buckets keep folders short
 *
 * A name is 32 hexadecimal digits, the same on every platform; rows hold names, never paths.
 */

const NAME = /^[0-9a-f]{32}$/;
const FILE = /^([0-9a-f]{30}|[0-9a-f]{32})\.val$/;
const BUCKET = /^[0-9a-f]{2}$/;
const BUCKET_DIGITS = 2;
const RANDOM_BYTES = 8;

export const VALUES_FOLDER = 'values';
export const rootOf = (directory: string): string => join(directory, VALUES_FOLDER);
export const STAGE_FOLDER = 'stage';
export const stageOf = (root: string): string => join(root, STAGE_FOLDER);

/** 64 random bits and the mark of this process: two writers never choose the same one, and a staged file tells whose it is. */
export const newName = (): string => randomBytes(RANDOM_BYTES).toString('hex') + OWN_MARK;

/** Whether the process that chose a name has ended; undefined where that can't be known. */
export const isWriterGone = (name: string): boolean | undefined => isMarkGone(name.slice(-MARK_DIGITS));

export const isBucket = (folder: string): boolean => BUCKET.test(folder);

export const stagedPath = (root: string, name: string): string => join(stageOf(root), `${checked(name)}.val`);
export const placedPath = (root: string, name: string): string =>
  join(root, checked(name).slice(0, BUCKET_DIGITS), `${name.slice(BUCKET_DIGITS)}.val`);

/** The name behind a file in a bucket, or in the stage (no bucket); undefined for a file that isn't ours. */
export function nameOf(file: string, bucket = ''): string | undefined {
  const digits = FILE.exec(file)?.[1];
  const name = digits === undefined ? '' : bucket + digits;
  return NAME.test(name) ? name : undefined;
}

/** A row that was tampered with must not lead out of the folder. */
function checked(name: string): string {
  if (NAME.test(name)) return name;
  throw new DiskCacheError(
    'CORRUPT',
    `${JSON.stringify(name)} is no name of a value file; check({ repair: true }) removes the item`,
  );
}
