import { randomUUID } from 'node:crypto';
import { constants, copyFileSync, linkSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { formatValue } from '../../../protocol/describe-value.ts';
import { DiskCacheError } from '../../../protocol/error.ts';
import { inDurableTransaction } from '../cache/configure.ts';
import { assertPathLength, getErrorCode, toFileError } from '../sqlite/errors.ts';
import {
  assertPlainFolder,
  getDatabasePath,
  lstatIfExists,
  makeDurableFolder,
  syncIfPossible,
} from '../sqlite/open-database.ts';
import type { Core } from '../state/core.ts';
import { isTemporary } from '../temporary-directory.ts';
import { listFolders, readSmallFile, statFile } from '../values/file-io.ts';

/** Describes the directory of a FanoutCache. On disk: fields are only added. */
export interface FanoutManifest {
  readonly format: 1;
  readonly shards: number;
  /** The folder of the numbered shards, below the directory. */
  readonly folder: string;
  /** Identifies the directory, so that a shard can name its owner; absent in an older one. */
  readonly id?: string;
}

const FORMAT = 1;
const DEFAULT_SHARDS = 8;
const MAX_SHARDS = 256;
const SHARDS_FOLDER = 'shards';
const SHARDS_FOLDER_PATTERN = /^shards(-[1-9]\d{0,8})?$/;
const SHARD_NAME_PATTERN = /^\d{3}$/;
const ID_PATTERN = /^[0-9a-f-]{36}$/;
const MAX_MANIFEST_BYTES = 64 * 1024;

/** On disk. */
export const MANIFEST_FILE = 'fanout.json';

const getManifestPath = (directory: string): string => join(directory, MANIFEST_FILE);

/** Returns the bytes of the manifest itself. */
export const getManifestBytes = (directory: string): number => statFile(getManifestPath(directory))?.bytes ?? 0;

export const getShardPath = (directory: string, { folder }: FanoutManifest, shard: number): string =>
  join(directory, folder, String(shard).padStart(3, '0'));

/**
 * Returns the manifest of a directory; a new directory gets one. If several processes create it at once, the first one decides.
 *
 * @throws {DiskCacheError} `BAD_OPTION` for a directory with another number of shards than asked for, or with a plain cache;
 * `NO_SUCH_STORE` when `readOnly` finds nothing; `CORRUPT`, also where the manifest of shards is missing; `UNSUPPORTED_VERSION`.
 */
export function readOrCreateManifest(
  directory: string,
  requestedShards: number | undefined,
  readOnly: boolean,
): FanoutManifest {
  if (requestedShards !== undefined) assertShardCount(requestedShards);
  const found = readManifest(directory) ?? createManifest(directory, requestedShards ?? DEFAULT_SHARDS, readOnly);
  if (requestedShards === undefined || requestedShards === found.shards) return found;
  throw new DiskCacheError(
    'BAD_OPTION',
    `${directory} has ${found.shards} shards, not ${requestedShards}; leave \`shards\` out to open it as it is, or copy its entries into a new directory with ${requestedShards}`,
  );
}

/** @throws {DiskCacheError} `BAD_OPTION`. */
function assertShardCount(shards: unknown): void {
  if (isShardCount(shards)) return;
  throw new DiskCacheError(
    'BAD_OPTION',
    `shards is ${formatValue(shards, "'")}; it has to be a whole number from 1 to ${MAX_SHARDS}`,
  );
}

const isShardCount = (shards: unknown): shards is number =>
  typeof shards === 'number' && Number.isInteger(shards) && shards >= 1 && shards <= MAX_SHARDS;

/** Returns undefined if it is missing. */
function readManifest(directory: string): FanoutManifest | undefined {
  const path = getManifestPath(directory);
  const text = readSmallFile(path, MAX_MANIFEST_BYTES)?.toString();
  if (text === undefined) return undefined;
  const { format, shards, folder, id } = Object(parseJson(text)) as Partial<FanoutManifest>;
  if (typeof format === 'number' && format > FORMAT) {
    throw new DiskCacheError(
      'UNSUPPORTED_VERSION',
      `${path} has format ${format}, this deskcache knows ${FORMAT}; update it`,
    );
  }
  if (format === FORMAT && isShardCount(shards) && typeof folder === 'string' && SHARDS_FOLDER_PATTERN.test(folder)) {
    return { format, shards, folder, ...(typeof id === 'string' && ID_PATTERN.test(id) && { id }) };
  }
  throw new DiskCacheError(
    'CORRUPT',
    `${path} is damaged; it should read like {"format":1,"shards":8,"folder":"shards"}`,
  );
}

function createManifest(directory: string, shards: number, readOnly: boolean): FanoutManifest {
  const path = getManifestPath(directory);
  assertNoOrphanedShards(directory, path);
  if (readOnly) {
    throw new DiskCacheError(
      'NO_SUCH_STORE',
      `${path} does not exist and readOnly creates nothing; open it for writing first`,
    );
  }
  if (hasDatabase(directory)) {
    throw new DiskCacheError(
      'BAD_OPTION',
      `${directory} holds a plain cache; open it with Cache, or choose another directory`,
    );
  }
  const manifest: FanoutManifest = { format: FORMAT, shards, folder: SHARDS_FOLDER, id: randomUUID() };
  assertPathLength(getDatabasePath(getShardPath(resolve(directory), manifest, 0)));
  const draft = writeDraft(directory, manifest);
  try {
    publish(draft, path);
  } catch (error) {
    if (getErrorCode(error) !== 'EEXIST') throw toFileError(error, path);
  } finally {
    rmSync(draft, { force: true });
  }
  syncIfPossible(directory);
  return readManifest(directory)!;
}

/**
 * Without the manifest the shard of a key is unknown: with another number of them most keys would not be found.
 *
 * @throws {DiskCacheError} `CORRUPT`, with what the manifest has to say.
 */
function assertNoOrphanedShards(directory: string, path: string): void {
  const [found] = listShards(directory);
  if (found === undefined) return;
  const { folder } = found;
  const shards = listShards(directory, folder).length;
  // Another process may just have created both.
  if (lstatIfExists(path) !== undefined) return;
  const manifest = JSON.stringify({ format: FORMAT, shards, folder } satisfies FanoutManifest);
  throw new DiskCacheError(
    'CORRUPT',
    `${path} is missing, but there are shards in ${join(directory, folder)}. Restore the file (if all shards are there it reads ${manifest}), or delete the directory to start again`,
  );
}

interface FoundShard {
  readonly folder: string;
  readonly name: string;
  readonly shard: number;
}

/** @throws {DiskCacheError} where that can't be known: a shard that may not be looked at is not missing. */
const hasDatabase = (directory: string): boolean => lstatIfExists(getDatabasePath(directory)) !== undefined;

/** Returns the shards on disk, in one folder or in all that can hold shards. */
function listShards(directory: string, only?: string): FoundShard[] {
  const folders =
    only === undefined ? listFolders(directory).filter((name) => SHARDS_FOLDER_PATTERN.test(name)) : [only];
  return folders.flatMap((folder) =>
    listFolders(join(directory, folder))
      .filter((name) => SHARD_NAME_PATTERN.test(name) && hasDatabase(join(directory, folder, name)))
      .map((name) => ({ folder, name, shard: Number(name) })),
  );
}

/** Gives the file its name unless it exists. Copies it if the file system has no links. */
function publish(draft: string, path: string): void {
  try {
    linkSync(draft, path);
  } catch (error) {
    if (getErrorCode(error) === 'EEXIST') throw error;
    copyFileSync(draft, path, constants.COPYFILE_EXCL);
  }
}

function writeDraft(directory: string, manifest: FanoutManifest): string {
  const draft = `${getManifestPath(directory)}.${randomUUID()}`;
  try {
    makeDurableFolder(directory);
    writeFileSync(draft, `${JSON.stringify(manifest)}\n`, { flag: 'wx', mode: 0o600, flush: !isTemporary(draft) });
  } catch (error) {
    throw toFileError(error, resolve(directory));
  }
  return draft;
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

/*
 * A shard that is missing would be created again, and one of another FanoutCache opened as ours: in either case a part of the keys
 * would not be found, without an error. So each shard stores its owner and number, and the first one that all have been created.
 */

/** On disk, as names in the table `setting`. */
const SHARD_SETTING = 'shard';
const COMPLETE_SETTING = 'shards made';

/**
 * Shards are created in order, so every shard before an existing one has existed.
 *
 * @throws {DiskCacheError} `CORRUPT` where one is missing; `NOT_ALLOWED` where one is a link.
 */
export function assertShards(directory: string, manifest: FanoutManifest, which: 'begun' | 'all'): void {
  assertNoUnknownShards(directory, manifest);
  let laterIsThere = which === 'all';
  // From the last one down: another process may be creating them.
  for (let shard = manifest.shards - 1; shard >= 0; shard--) {
    const path = getShardPath(directory, manifest, shard);
    if (shard === manifest.shards - 1) assertPlainFolder(dirname(path));
    assertPlainFolder(path);
    const isThere = hasDatabase(path);
    if (!isThere && laterIsThere) {
      throw new DiskCacheError(
        'CORRUPT',
        `${getDatabasePath(path)} is missing, a shard of ${manifest.shards}; restore it, or delete ${directory} to start again`,
      );
    }
    laterIsThere ||= isThere;
  }
}

/**
 * A manifest from an older copy may name fewer shards than there are, or a folder that has none while another one has: most keys would
 * not be found.
 */
function assertNoUnknownShards(directory: string, { folder, shards }: FanoutManifest): void {
  for (const found of listShards(directory)) {
    if (found.folder === folder ? found.shard < shards : listShards(directory, folder).length > 0) continue;
    throw new DiskCacheError(
      'CORRUPT',
      `${join(directory, found.folder, found.name)} is a shard that fanout.json does not know of: it names ${shards} in ${folder}. Restore the right fanout.json, or delete ${directory} to start again`,
    );
  }
}

/** Returns whether all shards have been created once. */
export const isComplete = (first: Core): boolean => readSetting(first, COMPLETE_SETTING) !== undefined;

export function markComplete(first: Core): void {
  if (!isComplete(first)) inDurableTransaction(first, () => first.sql.upsertSetting.run(COMPLETE_SETTING, 1));
}

/**
 * Stores the owner in a new shard. A manifest without an id is an old one, or was written by hand: then the first shard says whose
 * they are.
 *
 * @throws {DiskCacheError} `CORRUPT` for one of another FanoutCache, and for one in the place of another one.
 */
export function claimShard(core: Core, manifest: FanoutManifest, shard: number, first: Core): void {
  const { id = readOwnerId(first), shards } = manifest;
  if (id === undefined) return;
  const mark = `${id} ${shard} of ${shards}`;
  const found = readSetting(core, SHARD_SETTING);
  if (found === mark) return;
  if (found === undefined) {
    if (!core.openOptions.readOnly) inDurableTransaction(core, () => core.sql.upsertSetting.run(SHARD_SETTING, mark));
    return;
  }
  throw new DiskCacheError(
    'CORRUPT',
    `${core.directory} is not the shard ${shard} of this FanoutCache but another one (${String(found).slice(0, 80)}); put the right one in its place`,
  );
}

/** The id in front of the mark of a shard. */
function readOwnerId(core: Core): string | undefined {
  const mark = readSetting(core, SHARD_SETTING);
  return typeof mark === 'string' ? mark.slice(0, mark.indexOf(' ')) : undefined;
}

const readSetting = ({ sql }: Core, name: string): unknown => sql.settings.all().find(([found]) => found === name)?.[1];
