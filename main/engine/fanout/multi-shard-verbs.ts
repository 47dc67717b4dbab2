import type { Key } from '../../../protocol/key.ts';
import type { Change, ClearOptions, DeleteManyOptions, SubscribeOptions } from '../../../protocol/options.ts';
import type { Stats } from '../../../protocol/results.ts';
import {
  createSubscription,
  dispatch,
  dispatchPending,
  endSubscriptions,
  readAhead,
  subscribe,
} from '../cache/change-feed.ts';
import { readKnownValues } from '../cache/change-values.ts';
import { type Configuration, updateSettings } from '../cache/configure.ts';
import * as remove from '../cache/delete.ts';
import * as read from '../cache/read.ts';
import * as readMany from '../cache/read-many.ts';
import { getStats } from '../cache/stats.ts';
import { retryWithBallast } from '../space/maintenance.ts';
import { getVolume } from '../space/store-files.ts';
import { isCorrupt } from '../sqlite/errors.ts';
import { ChangeFeed, type ChangeListener, type Core } from '../state/core.ts';
import { assertIterable } from '../validate.ts';
import { encodeKey } from '../values/key.ts';
import { isSliceOver } from '../values/read-budget.ts';
import { getManifestBytes } from './manifest.ts';
import { enlistAll, type FanoutCore, openNamedShards, routeKey } from './open-fanout.ts';

/*
 * The verbs of a FanoutCache that concern many keys or all shards.
 */

export function getMany(fanout: FanoutCore, keys: readonly Key[]): unknown[] {
  readMany.assertKeyArray(keys);
  return readByShard(fanout, keys, readMany.getMany);
}

export const hasMany = (fanout: FanoutCore, keys: Iterable<Key>): boolean[] =>
  readByShard(fanout, Array.from(assertIterable(keys, 'keys')), readMany.hasMany);

/** Calls `readKeys` once for each shard; returns the results in the order of the keys. */
function readByShard<R>(
  fanout: FanoutCore,
  keys: readonly Key[],
  readKeys: (shard: Core, keys: readonly Key[]) => readonly R[],
): R[] {
  const positionsByShard = new Map<Core, number[]>();
  for (const [position, key] of keys.entries()) {
    const shard = routeKey(fanout, key);
    const positions = positionsByShard.get(shard);
    if (positions === undefined) positionsByShard.set(shard, [position]);
    else positions.push(position);
  }
  const found = new Array<R>(keys.length);
  for (const [shard, positions] of positionsByShard) {
    const values = readKeys(
      shard,
      positions.map((position) => keys[position] as Key),
    );
    for (const [nth, position] of positions.entries()) found[position] = values[nth]!;
  }
  return found;
}

export function deleteMany(fanout: FanoutCore, keys: Iterable<Key>, options?: DeleteManyOptions): number | boolean[] {
  const each = remove.parseEach(options);
  const all = Array.from(assertIterable(keys, 'keys'));
  // Positions, not a count: items that a first attempt has committed are not deleted a second time.
  const deleted = new Set<number>();
  transactWithBallast(fanout, () => {
    for (const [position, key] of all.entries())
      if (remove.deleteKey(routeKey(fanout, key), key)) deleted.add(position);
  });
  return each ? all.map((_, position) => deleted.has(position)) : deleted.size;
}

export function clear(fanout: FanoutCore, options?: ClearOptions): number {
  const prefix = remove.parseClearPrefix(options);
  return prefix === undefined ? clearAll(fanout) : deletePrefix(fanout, prefix);
}

function clearAll(fanout: FanoutCore): number {
  const { shards, transaction } = fanout;
  const live = new Map<Core, number>();
  const clearShard = (shard: Core) => live.set(shard, Math.max(live.get(shard) ?? 0, remove.clearAll(shard)));
  let isCleared = false;
  try {
    transactWithBallast(fanout, () => enlistAll(fanout).map(clearShard));
    isCleared = true;
    if (transaction.isOpen) return sum(live.values(), (items) => items);
  } catch (error) {
    if (transaction.isOpen || !isCorrupt(error)) throw error;
  }
  // A damaged shard is rebuilt, which no transaction can do.
  for (const shard of shards) if (!isCleared || !remove.passesIntegrityCheck(shard)) clearShard(shard);
  return sum(live.values(), (items) => items);
}

/** `transact` for work that frees space. */
const transactWithBallast = (fanout: FanoutCore, work: () => void): void =>
  retryWithBallast(fanout.shards, () => fanout.transaction.transact(work));

export const expire = (fanout: FanoutCore): number => sum(enlistAll(fanout), remove.expire);

export const deleteTagged = (fanout: FanoutCore, tag: string | number): number =>
  sum(enlistAll(fanout), (shard) => remove.deleteTagged(shard, tag));

export const deletePrefix = (fanout: FanoutCore, prefix: Key): number =>
  sum(enlistAll(fanout), (shard) => remove.deletePrefix(shard, prefix));

export function cull({ sharedLimit }: FanoutCore): number {
  const expired = sum(sharedLimit.members, remove.expire);
  return isSliceOver() ? expired : expired + sharedLimit.cull();
}

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

/**
 * Delivers the changes of all shards to the listeners of a FanoutCache: those of each shard in the order of their commits, own changes
 * right after each commit. Shards are cleared together, so `clear` is delivered once.
 */
export class ShardSubscriptions {
  readonly #fanout: FanoutCore;
  readonly #shards: readonly Core[];
  readonly #feed = new ChangeFeed();
  /** Changes of each shard while a `clear` of one of them is handled. */
  #buffered: Change[][] | undefined;
  /** For each shard, how many of its next changes were delivered already, with a `clear` before them. */
  readonly #delivered: number[];
  #unsubscribe: (() => void) | undefined;

  constructor(fanout: FanoutCore) {
    this.#fanout = fanout;
    this.#shards = fanout.shards;
    this.#delivered = this.#shards.map(() => 0);
  }

  /** Returns the value of a live item, as `readLive`. */
  readonly readLive = (key: Key): { readonly value: unknown } | undefined =>
    read.readLive(routeKey(this.#fanout, key), key);

  /** `onEnd` is called when the store is closed. */
  add(listener: ChangeListener, options?: SubscribeOptions, onEnd?: () => void): () => void {
    const subscription = createSubscription(listener, options, this.readLive, onEnd);
    const { subscriptions } = this.#feed;
    this.#unsubscribe ??= this.#subscribeToShards();
    subscriptions.add(subscription);
    readKnownValues(subscription);
    return () => {
      subscription.hasEnded = true;
      if (!subscriptions.delete(subscription) || subscriptions.size > 0) return;
      this.#unsubscribe?.();
      this.#unsubscribe = undefined;
    };
  }

  #subscribeToShards(): () => void {
    this.#delivered.fill(0);
    const stops: (() => void)[] = [];
    const stop = () => {
      for (const end of stops) end();
    };
    try {
      for (const [index, shard] of this.#shards.entries())
        stops.push(subscribe(shard, (change) => this.#onChange(index, change), {}, undefined, this.#onEnd));
    } catch (error) {
      stop();
      throw error;
    }
    return stop;
  }

  /** The shards are closed together. */
  readonly #onEnd = (): void => endSubscriptions(this.#feed);

  #onChange(shard: number, change: Change): void {
    if (this.#delivered[shard]! > 0) this.#delivered[shard]!--;
    else if (this.#buffered !== undefined) this.#buffered[shard]!.push(change);
    else if (change.kind === 'clear') this.#onClear(shard);
    else this.#dispatch(change);
  }

  /** Delivers changes that other shards had before their own `clear` before it, and later ones after it. */
  #onClear(shard: number): void {
    const gathered: Change[][] = this.#shards.map(() => []);
    // A transaction may have cleared the shards more than once.
    const ahead = readAhead(this.#shards[shard]!);
    this.#delivered[shard]! += ahead.length;
    gathered[shard]!.push({ kind: 'clear' }, ...ahead);
    this.#buffered = gathered;
    try {
      for (const other of this.#shards) dispatchPending(other);
    } finally {
      this.#buffered = undefined;
    }
    const lasts = gathered.map((changes) => changes.findLastIndex(({ kind }) => kind === 'clear'));
    const isKeyed = ({ kind }: Change) => kind !== 'clear';
    for (const [n, changes] of gathered.entries())
      changes
        .slice(0, lasts[n]! + 1)
        .filter(isKeyed)
        .forEach(this.#dispatch);
    this.#dispatch({ kind: 'clear' });
    for (const [n, changes] of gathered.entries()) changes.slice(lasts[n]! + 1).forEach(this.#dispatch);
  }

  readonly #dispatch = (change: Change): void => {
    dispatch({ changeFeed: this.#feed }, change, change.key === undefined ? undefined : encodeKey(change.key));
  };
}
