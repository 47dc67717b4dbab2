import type { Key } from '../../../protocol/key.ts';
import type { Stats } from '../../../protocol/results.ts';
import { type Configuration, updateSettings } from '../cache/configure.ts';
import * as remove from '../cache/delete.ts';
import * as read from '../cache/read.ts';
import { getStats } from '../cache/stats.ts';
import { retryWithBallast } from '../space/disk-full.ts';
import { getVolume } from '../space/store-files.ts';
import { isCorrupt } from '../sqlite/errors.ts';
import type { Core } from '../state/core.ts';
import { assertIterable } from '../validate.ts';
import { getManifestBytes } from './manifest.ts';
import { enlistAll, type FanoutCore, openNamedShards, routeKey } from './open-fanout.ts';

/*
 * The verbs of a FanoutCache that concern many keys or all shards.
 */

export function getMany(fanout: FanoutCore, keys: readonly Key[]): unknown[] {
  read.assertKeyArray(keys);
  const positionsByShard = new Map<Core, number[]>();
  for (const [position, key] of keys.entries()) {
    const shard = routeKey(fanout, key);
    const positions = positionsByShard.get(shard);
    if (positions === undefined) positionsByShard.set(shard, [position]);
    else positions.push(position);
  }
  const found: unknown[] = new Array(keys.length);
  for (const [shard, positions] of positionsByShard) {
    const values = read.getMany(
      shard,
      positions.map((position) => keys[position] as Key),
    );
    for (const [nth, position] of positions.entries()) found[position] = values[nth];
  }
  return found;
}

export function deleteMany(fanout: FanoutCore, keys: Iterable<Key>): number {
  const all = Array.from(assertIterable(keys, 'keys'));
  // Positions, not a count: items that a first attempt has committed are not deleted a second time.
  const deleted = new Set<number>();
  transactWithBallast(fanout, () => {
    for (const [position, key] of all.entries())
      if (remove.deleteKey(routeKey(fanout, key), key)) deleted.add(position);
  });
  return deleted.size;
}

export function clear(fanout: FanoutCore): number {
  const { shards, transaction } = fanout;
  const live = new Map<Core, number>();
  const clearShard = (shard: Core) => live.set(shard, Math.max(live.get(shard) ?? 0, remove.clear(shard)));
  try {
    transactWithBallast(fanout, () => enlistAll(fanout).map(clearShard));
    if (transaction.isOpen) return sum(live.values(), (items) => items);
  } catch (error) {
    if (transaction.isOpen || !isCorrupt(error)) throw error;
  }
  // A damaged shard is rebuilt, which no transaction can do.
  for (const shard of shards) if (shard.rowStats.rows !== 0 || !remove.passesIntegrityCheck(shard)) clearShard(shard);
  return sum(live.values(), (items) => items);
}

/** `transact` for work that frees space. */
const transactWithBallast = (fanout: FanoutCore, work: () => void): void =>
  retryWithBallast(fanout.shards, () => fanout.transaction.transact(work));

export const expire = (fanout: FanoutCore): number => sum(enlistAll(fanout), remove.expire);

export const deleteTagged = (fanout: FanoutCore, tag: string | number): number =>
  sum(enlistAll(fanout), (shard) => remove.deleteTagged(shard, tag));

export const cull = ({ sharedLimit }: FanoutCore): number =>
  sum(sharedLimit.members, remove.expire) + sharedLimit.cull();

export const getSize = (fanout: FanoutCore): number => sum(enlistAll(fanout), read.getSize);

export const getTotalVolume = ({ directory, sharedLimit }: FanoutCore): number =>
  getManifestBytes(directory) + sum(sharedLimit.members, getVolume);

export function getTotalStats(fanout: FanoutCore, options?: { readonly reset?: boolean }): Stats {
  const all = enlistAll(fanout).map((shard) => getStats(shard, options));
  return { hits: sum(all, ({ hits }) => hits), misses: sum(all, ({ misses }) => misses) };
}

export function configureAll(fanout: FanoutCore, options: Configuration): void {
  openNamedShards(fanout);
  for (const shard of fanout.sharedLimit.members) updateSettings(shard, options);
}

function sum<T>(parts: Iterable<T>, toNumber: (part: T) => number): number {
  let total = 0;
  for (const part of parts) total += toNumber(part);
  return total;
}
