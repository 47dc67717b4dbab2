import { DiskCacheError } from '../../../protocol/error.ts';
import type { Key } from '../../../protocol/key.ts';
import type { CacheOptions } from '../../../protocol/options.ts';
import { reloadSettings } from '../cache/configure.ts';
import { closeCore, describe, openCore, type StoreHandle } from '../cache/open.ts';
import { unlessCorrupt } from '../sqlite/errors.ts';
import { resolveDirectory } from '../sqlite/open-database.ts';
import { completeRestore } from '../sqlite/restored-folder.ts';
import type { Core, SizeLimitMembership } from '../state/core.ts';
import { parseOpenOptions, parseSettings, SETTING_NAMES } from '../state/settings.ts';
import { isRecord } from '../validate.ts';
import { checksum } from '../values/encoding.ts';
import { encodeKey, isArrayKey, type KeyColumn } from '../values/key.ts';
import { assertShards, claimShard, getShardPath, isComplete, markComplete, readOrCreateManifest } from './manifest.ts';
import { MultiShardTransaction } from './multi-shard-transaction.ts';
import { NamedStores } from './named-stores.ts';
import { SharedSizeLimit } from './shared-size-limit.ts';

/*
 * Computes the shard of an item. On disk: never changes; `test/fanout/shard-routing.test.ts` holds vectors.
 */

/** Numbers in this range count the items of queues (see `cache/push-pull.ts`). */
const MIN_QUEUE_NUMBER = 400_000_000_000_000;
const MAX_QUEUE_NUMBER = 600_000_000_000_000;

/** Stands for the queue without a prefix. */
const UNNAMED_QUEUE: Key = [];

/**
 * Returns the shard of a key, from 0 to `shards` − 1. Keys that look like those of one queue are in one shard, which keeps the order
 * of the queue. O(size of the key).
 *
 * @throws {DiskCacheError} `BAD_KEY`.
 */
export function getShardIndex(key: Key, shards: number): number {
  if (typeof key === 'string') return toShardIndex(hashColumn(encodeKey(key)), shards);
  if (isQueueNumber(key)) return getQueueShardIndex(undefined, shards);
  if (isArrayKey(key) && isQueueNumber(key.at(-1))) return getQueueShardIndex(key.slice(0, -1), shards);
  return toShardIndex(hashColumn(encodeKey(key)), shards);
}

/** Returns the shard of a queue and all its items. */
export function getQueueShardIndex(prefix: Key | undefined, shards: number): number {
  const name = prefix === undefined || prefix === null ? UNNAMED_QUEUE : isArrayKey(prefix) ? prefix : [prefix];
  return toShardIndex(hashColumn(encodeKey(name)), shards);
}

/**
 * CRC-32 (ISO 3309) of the column's bytes (UTF-8 of a text, 8 bytes little-endian of a number), mixed by the finalizer of
 * MurmurHash3 (Austin Appleby, public domain): a CRC alone is linear, and short decimal strings would fall into few shards.
 */
export function hashColumn(column: KeyColumn): number {
  let hash = checksum(0, column);
  hash = Math.imul(hash ^ (hash >>> 16), 0x85ebca6b);
  hash = Math.imul(hash ^ (hash >>> 13), 0xc2b2ae35);
  return (hash ^ (hash >>> 16)) >>> 0;
}

/** Divides the 32 bits into equal ranges; exact in a double. */
const toShardIndex = (hash: number, shards: number): number => Math.floor((hash * shards) / 2 ** 32);

const isQueueNumber = (part: unknown): boolean =>
  typeof part === 'number' && part >= MIN_QUEUE_NUMBER && part <= MAX_QUEUE_NUMBER;

export interface FanoutOptions extends CacheOptions {
  /** Number of shards, 1 to 256. Default: that of the directory, 8 for a new one. */
  readonly shards?: number;
}

/** A named shard's WAL and pages are sized for this part of the limit: there may be many, and they are small. */
const NAMED_SHARD_SHARE = 1 / 256;

/** What the verbs of an open FanoutCache work on. */
export interface FanoutCore {
  readonly directory: string;
  readonly shards: readonly Core[];
  readonly sharedLimit: SharedSizeLimit;
  readonly named: NamedStores;
  readonly transaction: MultiShardTransaction;
  /** The options that a named shard is opened with. */
  getShardOptions(): CacheOptions;
  readonly membership: SizeLimitMembership;
}

/**
 * Opens a directory as shards. Settings are those of the first shard; the others get them, in case a crash came between.
 *
 * @throws {DiskCacheError} what a cache throws, and what `readOrCreateManifest` does.
 */
export function openFanout(directory: string, options: FanoutOptions): FanoutCore {
  if (!isRecord(options)) throw new DiskCacheError('BAD_OPTION', 'the options of a FanoutCache have to be an object');
  const { shards: requestedShards, ...shared } = options;
  parseSettings(shared);
  const usage = parseOpenOptions(shared);
  const path = resolveDirectory(directory);
  completeRestore(path);
  const manifest = readOrCreateManifest(path, requestedShards, usage.readOnly);
  assertShards(path, manifest, 'begun');
  const named = new NamedStores(path);
  const shards: Core[] = [];
  const sharedLimit = new SharedSizeLimit(path, () => openNamedShards(fanout));
  const perShard = {
    ...shared,
    memory: Math.floor(usage.memory / manifest.shards),
    ...(usage.pageCache !== undefined && { pageCache: Math.floor(usage.pageCache / manifest.shards) }),
  };
  const settings = (): CacheOptions => {
    const [first] = shards;
    // Settings that another process has changed must not be overwritten with older ones.
    if (first?.transaction.depth === 0) reloadSettings(first);
    const kept = SETTING_NAMES.filter((name) => name !== 'codec').map((name) => [name, first?.settings[name]]);
    return { ...perShard, ...Object.fromEntries(kept) };
  };
  const fanout: FanoutCore = {
    directory: path,
    shards,
    sharedLimit,
    named,
    transaction: new MultiShardTransaction(shards),
    getShardOptions: settings,
    membership: { space: sharedLimit, limitShare: NAMED_SHARD_SHARE },
  };
  try {
    const membership = { space: sharedLimit, limitShare: 1 / manifest.shards };
    for (let shard = 0; shard < manifest.shards; shard++) {
      const own = usage.readOnly || shard === 0 ? perShard : settings();
      const core = openCore(getShardPath(path, manifest, shard), own, undefined, membership);
      shards.push(core);
      if (shard === 0 && isComplete(core)) assertShards(path, manifest, 'all');
      claimShard(core, manifest, shard, shards[0]!);
    }
    if (!usage.readOnly) markComplete(shards[0]!);
    return fanout;
  } catch (error) {
    closeFanout(fanout);
    throw error;
  }
}

/** Returns the shard of a key; inside a transaction the shard becomes a part of it. */
export const routeKey = ({ shards, transaction }: FanoutCore, key: Key): Core =>
  transaction.enlist(shards[getShardIndex(key, shards.length)]!);

/** Returns the shard of a queue, as `routeKey`. */
export const routeQueue = ({ shards, transaction }: FanoutCore, prefix: Key | undefined): Core =>
  transaction.enlist(shards[getQueueShardIndex(prefix, shards.length)]!);

/** Returns all numbered shards, as `routeKey`. */
export function enlistAll({ shards, transaction }: FanoutCore): readonly Core[] {
  for (const shard of shards) transaction.enlist(shard);
  return shards;
}

/** Opens the named shard at a path for the application. */
export function openNamedShard(fanout: FanoutCore, path: string): Core {
  closeIfCountedOnly(fanout, path);
  return openCore(path, fanout.getShardOptions(), undefined, fanout.membership);
}

/** All named shards count against the limit, so those that are not open here are opened to be measured. */
export function openNamedShards({ named, sharedLimit, getShardOptions, membership, shards }: FanoutCore): void {
  if (shards[0]?.openOptions.readOnly) return;
  const known = new Set(Array.from(sharedLimit.members, ({ directory }) => directory));
  const present = named.listPaths('shard');
  for (const path of present) {
    // A damaged one must not keep the others from writing; the application learns of it when it opens it.
    if (!known.has(path)) unlessCorrupt(() => openCore(path, getShardOptions(), undefined, membership));
  }
  for (const member of sharedLimit.members) {
    if (shards.includes(member) || present.includes(member.directory)) continue;
    // Another process has removed it.
    if (named.hasOpen(member.directory)) sharedLimit.leave(member);
    else closeCore(member);
  }
}

/** Returns all shards, also the named ones, which are opened. */
export function openAllShards(fanout: FanoutCore): readonly Core[] {
  openNamedShards(fanout);
  return [...fanout.sharedLimit.members];
}

/** Closes a named shard that is open only to be measured, before it is opened by the application or removed. */
export function closeIfCountedOnly({ sharedLimit, named }: FanoutCore, path: string): void {
  if (named.hasOpen(path)) return;
  for (const member of sharedLimit.members) if (member.directory === path) closeCore(member);
}

/** @throws {DiskCacheError} `BAD_OPTION` inside a transaction; the store stays open. */
export function closeFanout({ directory, named, sharedLimit, transaction }: FanoutCore): void {
  if (transaction.isOpen) {
    throw new DiskCacheError('BAD_OPTION', `close was called inside a transaction on ${directory}; call it after`);
  }
  named.close();
  for (const member of [...sharedLimit.members]) closeCore(member);
}

/** As `describe` of one store: what the shards share belongs to all of them. */
export function describeFanout<Handle>({ shards, directory }: FanoutCore): StoreHandle<Handle> {
  const { options, ...rest } = describe<Handle>('fanout', shards[0]!);
  const { memory, pageCache } = shards[0]!.openOptions;
  const chosen = pageCache === undefined ? {} : { pageCache: pageCache * shards.length };
  return { ...rest, directory, options: { ...options, memory: memory * shards.length, ...chosen } };
}
