import { DiskCacheError } from '../../protocol/error.ts';
import { isRecord } from '../engine/internal.ts';

/*
 * An archive is a tar with `archive.json` first, and then an export of each store that it names, in that order: `<folder>.ndjson`.
 * docs/export-format.md is the reference.
 */

/** The first entry. */
export const CONTENTS_FILE = 'archive.json';

/** The version of the format. A reader refuses others. */
const FORMAT_VERSION = 1;

/** What `archive.json` says. Written to files: members are only added. */
export interface ArchiveContents {
  /** Epoch milliseconds. */
  readonly exportedAt: number;
  /** The folders of the stores below the directory, with `/` between names; `''` for the directory itself. */
  readonly folders: readonly string[];
}

export const MAX_CONTENTS_BYTES = 1024 * 1024;
const MAX_STORES = 10_000;
const MAX_DEPTH = 8;
const MAX_NAME_CHARACTERS = 255;

export const getEntryName = (folder: string): string => `${folder === '' ? 'store' : folder}.ndjson`;

export const formatContents = ({ exportedAt, folders }: ArchiveContents): string =>
  JSON.stringify({ deskcache: 'archive', version: FORMAT_VERSION, exportedAt, folders });

/** @throws {DiskCacheError} `CORRUPT`, `UNSUPPORTED_VERSION` */
export function parseContents(text: string): ArchiveContents {
  const { deskcache, version, exportedAt, folders } = parseRecord(text);
  if (deskcache !== 'archive') throw createArchiveError('its first entry is not that of an archive');
  if (version !== FORMAT_VERSION)
    throw new DiskCacheError(
      'UNSUPPORTED_VERSION',
      `The archive has format ${JSON.stringify(version)?.slice(0, 40)}, and this version of deskcache knows ${FORMAT_VERSION}; update deskcache`,
    );
  if (!Number.isSafeInteger(exportedAt)) throw createArchiveError('its time is wrong');
  if (!Array.isArray(folders) || folders.length === 0 || folders.length > MAX_STORES)
    throw createArchiveError(`it has to name from 1 to ${MAX_STORES} stores`);
  assertFolders(folders);
  return { exportedAt: exportedAt as number, folders };
}

function parseRecord(text: string): Readonly<Record<string, unknown>> {
  try {
    const parsed: unknown = JSON.parse(text);
    if (isRecord(parsed)) return parsed as Readonly<Record<string, unknown>>;
  } catch {
    // Refused below, as other values are.
  }
  throw createArchiveError(`${CONTENTS_FILE} is no JSON object`);
}

/** Folders lead nowhere but below the new directory, and no store is another one or inside another one, on any system. */
function assertFolders(folders: readonly unknown[]): asserts folders is readonly string[] {
  if (folders.length === 1 && folders[0] === '') return;
  const seen = new Set<string>();
  for (const folder of folders) {
    if (typeof folder !== 'string' || !isFolder(folder))
      throw createArchiveError(`${JSON.stringify(folder)?.slice(0, 80)} can't be the folder of a store`);
    seen.add(toComparable(folder));
  }
  if (seen.size < folders.length) throw createArchiveError('it names a store twice');
  for (const folder of seen) {
    for (let end = folder.lastIndexOf('/'); end !== -1; end = folder.lastIndexOf('/', end - 1))
      if (seen.has(folder.slice(0, end))) throw createArchiveError('it names a store inside another one');
  }
}

/** File systems may take names for the same that differ in case or in the form of their accents. */
const toComparable = (folder: string): string => folder.normalize('NFC').toLowerCase();

function isFolder(folder: string): boolean {
  const names = folder.split('/');
  return names.length <= MAX_DEPTH && names.every(isName);
}

/** Neither `.` nor `..`, and nothing that Windows takes for something else. */
const isName = (name: string): boolean =>
  name.length > 0 &&
  name.length <= MAX_NAME_CHARACTERS &&
  // biome-ignore lint/suspicious/noControlCharactersInRegex: what names of files can't have
  !/[\u0000-\u001f\\:*?"<>|]|[. ]$|^(con|prn|aux|nul|com\d|lpt\d)(\.|$)/i.test(name);

export const createArchiveError = (why: string): DiskCacheError =>
  new DiskCacheError('CORRUPT', `The archive can't be imported: ${why}. Export again`);
