import { randomUUID } from 'node:crypto';
import { constants, copyFileSync, existsSync, linkSync, rmSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { DiskCacheError } from '../../../protocol/error.ts';
import { shownValue } from '../../../protocol/fault.ts';
import { assertPathLength, fileFailure } from '../sqlite/failure.ts';
import { databasePath, makeDurableFolder, syncIfPossible } from '../sqlite/store-directory.ts';
import { codeOf, factsOf, foldersIn, readSmall } from '../values/whole-file.ts';

/** What the directory of a FanoutCache says about itself. On disk: fields are only added. */
export interface Manifest {
  readonly format: 1;
  readonly shards: number;
  /** The folder of the numbered shards, below the directory. */
  readonly folder: string;
  /** Of this directory among all, so that a shard knows whose it is; absent in one that was made before there was one. */
  readonly id?: string;
}

const FORMAT = 1;
const DEFAULT_SHARDS = 8;
const MOST_SHARDS = 256;
const FOLDER_NAME = 'shards';
const FOLDER = /^shards(-[1-9]\d{0,8})?$/;
const SHARD_NAME = /^\d{3}$/;
const ID = /^[0-9a-f-]{36}$/;
const MAX_MANIFEST_BYTES = 64 * 1024;

const manifestPath = (directory: string): string => join(directory, 'fanout.json');

/** What the manifest itself takes on disk. */
export const manifestBytes = (directory: string): number => factsOf(manifestPath(directory))?.bytes ?? 0;

export const shardPath = (directory: string, { folder }: Manifest, shard: number): string =>
  join(directory, folder, String(shard).padStart(3, '0'));

/**
 * The manifest of a directory; a new directory gets one. Of several processes that come at once the first one decides.
 *
 * @throws {DiskCacheError} `BAD_OPTION` for a directory with another number of shards than asked for, or with a plain cache;
 * `NO_SUCH_STORE` when `readOnly` finds nothing; `CORRUPT`, also where the manifest of shards is missing; `UNSUPPORTED_VERSION`.
 */
export function manifestOf(directory: string, asked: number | undefined, readOnly: boolean): Manifest {
  if (asked !== undefined) demandCount(asked);
  const found = readManifest(directory) ?? create(directory, asked ?? DEFAULT_SHARDS, readOnly);
  if (asked === undefined || asked === found.shards) return found;
  throw new DiskCacheError(
    'BAD_OPTION',
    `${directory} has ${found.shards} shards, not ${asked}; leave \`shards\` out to open it as it is, or copy its entries into a new directory with ${asked}`,
  );
}

/** @throws {DiskCacheError} `BAD_OPTION`. */
export function demandCount(shards: unknown): void {
  if (isCount(shards)) return;
  throw new DiskCacheError(
    'BAD_OPTION',
    `shards is ${shownValue(shards, "'")}; it has to be a whole number from 1 to ${MOST_SHARDS}`,
  );
}

const isCount = (shards: unknown): shards is number =>
  typeof shards === 'number' && Number.isInteger(shards) && shards >= 1 && shards <= MOST_SHARDS;

/** Undefined where there is none. */
export function readManifest(directory: string): Manifest | undefined {
  const path = manifestPath(directory);
  const text = readSmall(path, MAX_MANIFEST_BYTES)?.toString();
  if (text === undefined) return undefined;
  const { format, shards, folder, id } = Object(parsed(text)) as Partial<Manifest>;
  if (typeof format === 'number' && format > FORMAT) {
    throw new DiskCacheError(
      'UNSUPPORTED_VERSION',
      `${path} has format ${format}, this deskcache knows ${FORMAT}; update it`,
    );
  }
  if (format === FORMAT && isCount(shards) && typeof folder === 'string' && FOLDER.test(folder)) {
    return { format, shards, folder, ...(typeof id === 'string' && ID.test(id) && { id }) };
  }
  throw new DiskCacheError(
    'CORRUPT',
    `${path} is damaged; it should read like {"format":1,"shards":8,"folder":"shards"}`,
  );
}

function create(directory: string, shards: number, readOnly: boolean): Manifest {
  const path = manifestPath(directory);
  refuseOrphanedShards(directory, path);
  if (readOnly) {
    throw new DiskCacheError(
      'NO_SUCH_STORE',
      `${path} does not exist and readOnly creates nothing; open it for writing first`,
    );
  }
  if (existsSync(databasePath(directory))) {
    throw new DiskCacheError(
      'BAD_OPTION',
      `${directory} holds a plain cache; open it with Cache, or choose another directory`,
    );
  }
  const manifest: Manifest = { format: FORMAT, shards, folder: FOLDER_NAME, id: randomUUID() };
  assertPathLength(databasePath(shardPath(resolve(directory), manifest, 0)));
  const draft = draftOf(directory, manifest);
  try {
    publish(draft, path);
  } catch (error) {
    if (codeOf(error) !== 'EEXIST') throw fileFailure(error, path);
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
function refuseOrphanedShards(directory: string, path: string): void {
  const [found] = shardsIn(directory);
  if (found === undefined) return;
  const { folder } = found;
  const shards = shardsIn(directory, folder).length;
  // Another process may have made both meanwhile.
  if (existsSync(path)) return;
  const manifest = JSON.stringify({ format: FORMAT, shards, folder } satisfies Manifest);
  throw new DiskCacheError(
    'CORRUPT',
    `${path} is missing, but there are shards in ${join(directory, folder)}. Restore the file (if all shards are there it reads ${manifest}), or delete the directory to begin anew`,
  );
}

export interface FoundShard {
  readonly folder: string;
  readonly name: string;
  readonly shard: number;
}

/** The shards that there are on disk, in the folder or in any that can be one of shards. */
export function shardsIn(directory: string, only?: string): FoundShard[] {
  const folders = only === undefined ? foldersIn(directory).filter((name) => FOLDER.test(name)) : [only];
  return folders.flatMap((folder) =>
    foldersIn(join(directory, folder))
      .filter((name) => SHARD_NAME.test(name) && existsSync(databasePath(join(directory, folder, name))))
      .map((name) => ({ folder, name, shard: Number(name) })),
  );
}

/** Gives the file its name unless somebody was first. Where the file system knows no links it is copied. */
function publish(draft: string, path: string): void {
  try {
    linkSync(draft, path);
  } catch (error) {
    if (codeOf(error) === 'EEXIST') throw error;
    copyFileSync(draft, path, constants.COPYFILE_EXCL);
  }
}

function draftOf(directory: string, manifest: Manifest): string {
  const draft = `${manifestPath(directory)}.${randomUUID()}`;
  try {
    makeDurableFolder(directory);
    writeFileSync(draft, `${JSON.stringify(manifest)}\n`, { flag: 'wx', mode: 0o600, flush: true });
  } catch (error) {
    throw fileFailure(error, resolve(directory));
  }
  return draft;
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
