import { DiskCacheError } from '../../../protocol/error.ts';
import type { CacheOptions } from '../../../protocol/options.ts';
import { reloadSettings } from '../cache/configure.ts';
import { closeCore, openCore } from '../cache/open.ts';
import { resolveDirectory } from '../sqlite/open-database.ts';
import type { Core, GroupMembership } from '../state/core.ts';
import { parseOpenOptions, parseSettings, SETTING_NAMES } from '../state/settings.ts';
import { isRecord } from '../validate.ts';
import { assertShards, claimShard, getShardPath, isComplete, markComplete, readOrCreateManifest } from './manifest.ts';
import { NamedStores } from './named-stores.ts';
import { SharedSizeLimit } from './shared-size-limit.ts';

export interface FanoutOptions extends CacheOptions {
  /** Into how many shards keys are spread, 1 to 256. Default: what the directory has, 8 for a new one. */
  readonly shards?: number;
}

/** A named shard's log and pages are cut to this part of the limit: there may be many, and they are small. */
const NAMED_SHARD_SHARE = 1 / 256;

/** What the verbs of an open FanoutCache work on. */
export interface FanoutCore {
  readonly directory: string;
  readonly shards: readonly Core[];
  readonly sharedLimit: SharedSizeLimit;
  readonly named: NamedStores;
  /** With what a named shard is opened. */
  getShardOptions(): CacheOptions;
  readonly membership: GroupMembership;
}

/**
 * Opens a directory as shards. Settings are those of the first shard; the others get them, should a crash have come between.
 *
 * @throws {DiskCacheError} what a cache throws, and what `readOrCreateManifest` does.
 */
export function openFanout(directory: string, options: FanoutOptions): FanoutCore {
  if (!isRecord(options)) throw new DiskCacheError('BAD_OPTION', 'the options of a FanoutCache have to be an object');
  const { shards: requestedShards, ...shared } = options;
  parseSettings(shared);
  const usage = parseOpenOptions(shared);
  const path = resolveDirectory(directory);
  const manifest = readOrCreateManifest(path, requestedShards, usage.readOnly);
  assertShards(path, manifest, 'begun');
  const named = new NamedStores(path);
  const shards: Core[] = [];
  const sharedLimit = new SharedSizeLimit(path, () => openNamedShards(fanout));
  const perShard = { ...shared, memory: Math.floor(usage.memory / manifest.shards) };
  const settings = (): CacheOptions => {
    const [first] = shards;
    // What another process has configured must not be undone with what was known here before.
    if (first?.transaction.depth === 0) reloadSettings(first);
    const kept = SETTING_NAMES.filter((name) => name !== 'codec').map((name) => [name, first?.settings[name]]);
    return { ...perShard, ...Object.fromEntries(kept) };
  };
  const fanout: FanoutCore = {
    directory: path,
    shards,
    sharedLimit,
    named,
    getShardOptions: settings,
    membership: { group: sharedLimit, limitShare: NAMED_SHARD_SHARE },
  };
  try {
    const membership = { group: sharedLimit, limitShare: 1 / manifest.shards };
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

/** Whatever named shards there are, they take of the limit; those that nobody has opened here are opened to be counted. */
export function openNamedShards({ named, sharedLimit, getShardOptions, membership, shards }: FanoutCore): void {
  if (shards[0]?.openOptions.readOnly) return;
  const known = new Set(Array.from(sharedLimit.members, ({ directory }) => directory));
  const present = named.listPaths('shard');
  for (const path of present) if (!known.has(path)) openCore(path, getShardOptions(), undefined, membership);
  for (const member of sharedLimit.members) {
    if (member.membership !== membership || present.includes(member.directory)) continue;
    // Somebody has removed it.
    if (named.hasOpen(member.directory)) sharedLimit.leave(member);
    else closeCore(member);
  }
}

/** A named shard is about to be opened by somebody, or removed: the house lets go of it, if it has opened it to count it. */
export function closeIfCountedOnly({ sharedLimit, named }: FanoutCore, path: string): void {
  if (named.hasOpen(path)) return;
  for (const member of sharedLimit.members) if (member.directory === path) closeCore(member);
}

export function closeFanout({ named, sharedLimit }: FanoutCore): void {
  named.close();
  for (const member of [...sharedLimit.members]) closeCore(member);
}
