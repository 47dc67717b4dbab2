import { createHash } from 'node:crypto';
import { rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { DiskCacheError } from '../../../protocol/error.ts';
import { isDamage } from '../damage.ts';
import { codeOf, readSmall } from '../values/whole-file.ts';

/*
 * Any string as the name of a folder, different ones as different folders, on every file system: small letters, digits, `_` and
 * `-` stand for themselves, every other UTF-16 unit is `=` and four hexadecimal digits. So there is no path in it, nothing that
 * differs by case or by Unicode form alone, and no name that Windows keeps for devices. On disk: never changes.
 */

/** Names that Windows keeps for itself, whatever follows a dot. */
const DEVICE = /^(con|prn|aux|nul|com\d|lpt\d)$/;
const ESCAPE = /=([0-9a-f]{4})/g;
const EMPTY = '=';
/** A longer name is a digest, and stands in a file inside. */
const LONGEST = 120;
const DIGEST = /^~[0-9a-f]{64}$/;
const NAME_FILE = 'name';
const MAX_NAME_BYTES = 1024 * 1024;

/** @throws {DiskCacheError} `BAD_OPTION` for what is no string. */
export function folderName(name: string): string {
  if (typeof name !== 'string') throw new DiskCacheError('BAD_OPTION', `A name is a string, not ${typeof name}`);
  if (name === '') return EMPTY;
  const written = DEVICE.test(name) ? escaped(name[0]!) + name.slice(1) : name.replace(/[^a-z0-9_-]/gs, escaped);
  return written.length <= LONGEST ? written : `~${createHash('sha256').update(name, 'utf16le').digest('hex')}`;
}

/** Leaves the name where a digest doesn't tell it. */
export function keepName(path: string, folder: string, name: string): void {
  if (!DIGEST.test(folder) || keptName(path) === name) return;
  const file = join(path, NAME_FILE);
  rmSync(file, { force: true });
  writeFileSync(file, Buffer.from(name, 'utf16le'), { flag: 'wx', mode: 0o600, flush: true });
}

/** The name behind a folder below `root`; undefined for a folder that isn't ours. */
export function nameOf(root: string, folder: string): string | undefined {
  const name = DIGEST.test(folder) ? keptName(join(root, folder)) : unescaped(folder);
  return name !== undefined && folderName(name) === folder ? name : undefined;
}

function keptName(path: string): string | undefined {
  const file = join(path, NAME_FILE);
  try {
    return readSmall(file, MAX_NAME_BYTES)?.toString('utf16le');
  } catch (error) {
    // What is no folder, or no file of ours, has no name.
    const code = codeOf(Object(error).cause);
    if (['ENOTDIR', 'EISDIR', 'ELOOP'].includes(code ?? '') || isDamage(error)) return undefined;
    throw error;
  }
}

const escaped = (unit: string): string =>
  Array.from({ length: unit.length }, (_, at) => `=${unit.charCodeAt(at).toString(16).padStart(4, '0')}`).join('');

const unescaped = (folder: string): string =>
  folder === EMPTY
    ? ''
    : folder.replace(ESCAPE, (_, digits: string) => String.fromCharCode(Number.parseInt(digits, 16)));
