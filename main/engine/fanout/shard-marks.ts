import { existsSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { DiskCacheError } from '../../../protocol/error.ts';
import { durably } from '../cache/configure.ts';
import type { Core } from '../cache/core.ts';
import { assertPlainFolder, databasePath } from '../sqlite/store-directory.ts';
import { type Manifest, shardPath, shardsIn } from './manifest.ts';

/*
 * A shard that is missing would be created again, and one of another FanoutCache opened as ours: in either case a part of the keys
 * would not be found, without an error. So each shard says whose it is and which one, and the first one that all have been made.
 */

/** On disk, as names in the table `setting`. */
const SHARD = 'shard';
const WHOLE = 'shards made';

/**
 * Shards are made in their order, so one that stands before another one has been there.
 *
 * @throws {DiskCacheError} `CORRUPT` where one is missing; `NOT_ALLOWED` where one is a link.
 */
export function assertShards(directory: string, manifest: Manifest, which: 'begun' | 'all'): void {
  assertNoOthers(directory, manifest);
  let laterIsThere = which === 'all';
  // From the last one on: another process may be making them.
  for (let shard = manifest.shards - 1; shard >= 0; shard--) {
    const path = shardPath(directory, manifest, shard);
    if (shard === manifest.shards - 1) assertPlainFolder(dirname(path));
    assertPlainFolder(path);
    const isThere = existsSync(databasePath(path));
    if (!isThere && laterIsThere) {
      throw new DiskCacheError(
        'CORRUPT',
        `${databasePath(path)} is missing, a shard of ${manifest.shards}; restore it, or delete ${directory} to begin anew`,
      );
    }
    laterIsThere ||= isThere;
  }
}

/**
 * A manifest from an older copy may name fewer shards than there are, or a folder that has none while another one has: most keys would
 * not be found.
 */
function assertNoOthers(directory: string, { folder, shards }: Manifest): void {
  for (const found of shardsIn(directory)) {
    if (found.folder === folder ? found.shard < shards : shardsIn(directory, folder).length > 0) continue;
    throw new DiskCacheError(
      'CORRUPT',
      `${join(directory, found.folder, found.name)} is a shard that fanout.json does not know of: it names ${shards} in ${folder}. Restore the right fanout.json, or delete ${directory} to begin anew`,
    );
  }
}

/** Whether all shards have been made once. */
export const isWhole = (first: Core): boolean => readMark(first, WHOLE) !== undefined;

export function markWhole(first: Core): void {
  if (!isWhole(first)) durably(first, () => first.sql.keepSetting.run(WHOLE, 1));
}

/**
 * Writes into a new shard whose it is. A manifest without an id is an old one, or was written by hand: then the first shard says whose
 * they are.
 *
 * @throws {DiskCacheError} `CORRUPT` for one of another FanoutCache, and for one in the place of another one.
 */
export function claimShard(core: Core, manifest: Manifest, shard: number, first: Core): void {
  const { id = ownerIn(first), shards } = manifest;
  if (id === undefined) return;
  const mark = `${id} ${shard} of ${shards}`;
  const found = readMark(core, SHARD);
  if (found === mark) return;
  if (found === undefined) {
    if (!core.usage.readOnly) durably(core, () => core.sql.keepSetting.run(SHARD, mark));
    return;
  }
  throw new DiskCacheError(
    'CORRUPT',
    `${core.directory} is not the shard ${shard} of this FanoutCache but another one (${String(found).slice(0, 80)}); put the right one in its place`,
  );
}

/** The id in front of the mark of a shard. */
function ownerIn(core: Core): string | undefined {
  const mark = readMark(core, SHARD);
  return typeof mark === 'string' ? mark.slice(0, mark.indexOf(' ')) : undefined;
}

const readMark = ({ sql }: Core, name: string): unknown => sql.settings.all().find(([found]) => found === name)?.[1];
