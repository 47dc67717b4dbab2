import { resolve } from 'node:path';
import { DiskCacheError } from '../../../protocol/error.ts';
import type { CacheOptions } from '../../../protocol/options.ts';
import { isRecord } from '../cache/arguments.ts';
import { closeCore } from '../cache/close.ts';
import { followSettings } from '../cache/configure.ts';
import type { Core } from '../cache/core.ts';
import type { Membership } from '../cache/household.ts';
import { openCore } from '../cache/open.ts';
import { chosenSettings, SETTING_NAMES, usageOf } from '../cache/settings.ts';
import { House } from './house.ts';
import { manifestOf, shardPath } from './manifest.ts';
import { NamedStores } from './named-stores.ts';
import { assertShards, claimShard, isWhole, markWhole } from './shard-marks.ts';

export interface FanoutOptions extends CacheOptions {
  /** Into how many shards keys are spread, 1 to 256. Default: what the directory has, 8 for a new one. */
  readonly shards?: number;
}

/** A named shard's log and pages are cut to this part of the limit: there may be many, and they are small. */
const NAMED_SHARE = 1 / 256;

/** What the verbs of an open FanoutCache work on. */
export interface Fanout {
  readonly directory: string;
  readonly shards: readonly Core[];
  readonly house: House;
  readonly named: NamedStores;
  /** With what a named shard is opened. */
  shardOptions(): CacheOptions;
  readonly membership: Membership;
}

/**
 * Opens a directory as shards. Settings are those of the first shard; the others get them, should a crash have come between.
 *
 * @throws {DiskCacheError} what a cache throws, and what `manifestOf` does.
 */
export function openFanout(directory: string, options: FanoutOptions): Fanout {
  if (!isRecord(options)) throw new DiskCacheError('BAD_OPTION', 'the options of a FanoutCache have to be an object');
  if (typeof directory !== 'string' || directory === '' || directory.includes('\0')) {
    throw new DiskCacheError(
      'BAD_OPTION',
      `directory is ${JSON.stringify(directory) ?? typeof directory}; give a path`,
    );
  }
  const { shards: asked, ...shared } = options;
  chosenSettings(shared);
  const usage = usageOf(shared);
  const path = resolve(directory);
  const manifest = manifestOf(path, asked, usage.readOnly);
  assertShards(path, manifest, 'begun');
  const named = new NamedStores(path);
  const shards: Core[] = [];
  const house = new House(path, () => gather(fanout));
  const perShard = { ...shared, memory: Math.floor(usage.memory / manifest.shards) };
  const settings = (): CacheOptions => {
    const [first] = shards;
    // What another process has configured must not be undone with what was known here before.
    if (first?.transaction.depth === 0) followSettings(first);
    const kept = SETTING_NAMES.filter((name) => name !== 'codec').map((name) => [name, first?.settings[name]]);
    return { ...perShard, ...Object.fromEntries(kept) };
  };
  const fanout: Fanout = {
    directory: path,
    shards,
    house,
    named,
    shardOptions: settings,
    membership: { household: house, share: NAMED_SHARE },
  };
  try {
    const membership = { household: house, share: 1 / manifest.shards };
    for (let shard = 0; shard < manifest.shards; shard++) {
      const own = usage.readOnly || shard === 0 ? perShard : settings();
      const core = openCore(shardPath(path, manifest, shard), own, undefined, membership);
      shards.push(core);
      if (shard === 0 && isWhole(core)) assertShards(path, manifest, 'all');
      claimShard(core, manifest, shard, shards[0]!);
    }
    if (!usage.readOnly) markWhole(shards[0]!);
    return fanout;
  } catch (error) {
    closeFanout(fanout);
    throw error;
  }
}

/** Whatever named shards there are, they take of the limit; those that nobody has opened here are opened to be counted. */
export function gather({ named, house, shardOptions, membership, shards }: Fanout): void {
  if (shards[0]?.usage.readOnly) return;
  const known = new Set(Array.from(house.members, ({ directory }) => directory));
  const present = named.paths('shard');
  for (const path of present) if (!known.has(path)) openCore(path, shardOptions(), undefined, membership);
  for (const member of house.members) {
    if (member.membership !== membership || present.includes(member.directory)) continue;
    // Somebody has removed it.
    if (named.isHeld(member.directory)) house.leave(member);
    else closeCore(member);
  }
}

/** A named shard is about to be opened by somebody, or removed: the house lets go of it, if it has opened it to count it. */
export function release({ house, named }: Fanout, path: string): void {
  if (named.isHeld(path)) return;
  for (const member of house.members) if (member.directory === path) closeCore(member);
}

export function closeFanout({ named, house }: Fanout): void {
  named.close();
  for (const member of [...house.members]) closeCore(member);
}
