import type { Key } from '../../../protocol/key.ts';
import type { Change, ChangeKind } from '../../../protocol/options.ts';
import { runAndWarn } from '../diagnostics.ts';
import { unrefTimer } from '../realm.ts';
import { deleteExpired } from '../space/delete-row.ts';

import { hasFormerLog, startLog, stopLog, upgradeLog } from '../sqlite/file-format.ts';
import type { ChangeListener, ChangeSubscription, Core } from '../state/core.ts';
import { assertFunction, assertOptions, wrapListener } from '../validate.ts';
import { compareColumns, decodeKey, type KeyBounds, type KeyColumn, parseKeyBounds } from '../values/key.ts';
import { inWriteTransaction } from './transaction.ts';

export interface SubscribeOptions {
  /** Only changes of keys that begin so; `clear` concerns all. */
  readonly prefix?: Key;
  /** Only changes of keys from this one on. */
  readonly from?: Key;
  /** Only changes of keys before this one. */
  readonly to?: Key;
}

const KEY_RANGE_OPTIONS: ReadonlySet<string> = new Set(['prefix', 'from', 'to']);

/** The range of keys of a subscription. */
export interface KeyRange {
  /** Equal for ranges of the same keys. */
  readonly id: string;
  readonly isUnbounded: boolean;
  /** Takes a key as `encodeKey` returns it: encoded once, it is compared with many ranges. */
  has(key: KeyColumn): boolean;
}

/** @throws {DiskCacheError} `BAD_OPTION` or `BAD_KEY` */
function parseBounds(options: SubscribeOptions | undefined): KeyBounds {
  return parseKeyBounds(assertOptions(options, KEY_RANGE_OPTIONS));
}

/** @throws {DiskCacheError} `BAD_OPTION` or `BAD_KEY` */
export function parseKeyRange(options: SubscribeOptions | undefined): KeyRange {
  const bounds = parseBounds(options);
  return {
    id: `${toText(bounds.lower)} ${toText(bounds.upper)}`,
    isUnbounded: bounds.lower === undefined && bounds.upper === undefined,
    has: (key) => isWithin(key, bounds),
  };
}

const isWithin = (key: KeyColumn, { lower, upper }: KeyBounds): boolean =>
  (lower === undefined || compareColumns(key, lower) >= 0) && (upper === undefined || compareColumns(key, upper) < 0);

function toText(bound: KeyColumn | undefined): string {
  if (typeof bound === 'object') return `x${Buffer.from(bound).toString('hex')}`;
  return bound === undefined ? '' : JSON.stringify(bound);
}

/** How often changes of other processes are polled. */
const POLL_INTERVAL_MS = 25;
/** A listener that doesn't renew its lease for this long counts as dead; it renews three times per lease. */
const LISTENER_LEASE_SECONDS = 60;
const RENEWAL_INTERVAL_MS = 20_000;
/** Changes that are read, and expired items that are deleted, at a time. */
const MAX_BATCH_CHANGES = 512;

/** @throws {DiskCacheError} `BAD_OPTION` or `BAD_KEY` */
export function createSubscription(listener: ChangeListener, options?: SubscribeOptions): ChangeSubscription {
  assertFunction(listener, 'a listener');
  return { listener: wrapListener(listener, 'changes'), bounds: parseBounds(options) };
}

/** Calls `listener` with every change from now on; returns an unsubscribe function. */
export function subscribe(core: Core, listener: ChangeListener, options?: SubscribeOptions): () => void {
  const { changeFeed } = core;
  const subscription = createSubscription(listener, options);
  if (changeFeed.subscriptions.size === 0) startChangeFeed(core);
  changeFeed.subscriptions.add(subscription);
  return () => {
    if (changeFeed.subscriptions.delete(subscription) && changeFeed.subscriptions.size === 0) stopChangeFeed(core);
  };
}

/** Ends all subscriptions; at close. */
export function stopChangeFeed(core: Core): void {
  const { changeFeed, sql } = core;
  changeFeed.subscriptions.clear();
  if (changeFeed.timer === undefined) return;
  clearInterval(changeFeed.timer);
  core.transaction.onCommit = undefined;
  changeFeed.timer = undefined;
  // A listener that could not be forgotten ends with its lease.
  runAndWarn(core, () =>
    inWriteTransaction(core, () => {
      sql.deleteListener.run(changeFeed.id);
      stopUnusedLog(core);
    }),
  );
}

/** A listener that was killed leaves the log behind; the next process that opens the store removes it. */
export function clearDeadListeners(core: Core): void {
  if (core.sql.deadListener.first() !== undefined) inWriteTransaction(core, () => stopUnusedLog(core));
  if (hasFormerLog(core.connection)) inWriteTransaction(core, () => upgradeLog(core.connection));
}

function stopUnusedLog({ sql, connection }: Core): void {
  sql.deleteDeadListeners.run();
  if (sql.anyListener.first() === undefined) stopLog(connection);
}

function startChangeFeed(core: Core): void {
  const { changeFeed } = core;
  inWriteTransaction(core, () => registerListener(core));
  core.transaction.onCommit = () => dispatchPending(core);
  changeFeed.timer = setInterval(() => poll(core), POLL_INTERVAL_MS);
  unrefTimer(changeFeed.timer);
}

/** Inside a write transaction, so that nothing is committed between the last change seen and the first one logged. */
function registerListener(core: Core): void {
  const { changeFeed, sql, connection } = core;
  startLog(connection);
  sql.insertListener.run(changeFeed.id, LISTENER_LEASE_SECONDS);
  changeFeed.lastChangeId = sql.lastChange.first()?.[0] ?? 0;
  changeFeed.renewAt = performance.now() + RENEWAL_INTERVAL_MS;
}

function poll(core: Core): void {
  const { changeFeed, sql, rowStats } = core;
  if (core.transaction.depth > 0) return;
  const activity = 'Looking for the changes of';
  // A failure on a timer has no caller: the next poll tries again, and misses nothing of the log.
  runAndWarn(
    core,
    () => {
      // Expired items are deleted by the next write; with a listener they are deleted without one.
      const now = core.clock();
      if (now >= rowStats.nextExpiry) inWriteTransaction(core, () => deleteExpired(core, now, MAX_BATCH_CHANGES));
      if (changeFeed.timer === undefined) return;
      const version = sql.dataVersion.first()?.[0] ?? 0;
      if (version !== changeFeed.dataVersion) dispatchPending(core);
      changeFeed.dataVersion = version;
      if (changeFeed.timer !== undefined && performance.now() > changeFeed.renewAt) renewListener(core);
    },
    activity,
  );
}

/** A process that slept too long counted as dead: the changes since then are unknown, and are reported as `clear`. */
function renewListener(core: Core): void {
  const { changeFeed, sql } = core;
  inWriteTransaction(core, () => {
    if (sql.renewListener.run(LISTENER_LEASE_SECONDS, changeFeed.id).changes > 0)
      changeFeed.renewAt = performance.now() + RENEWAL_INTERVAL_MS;
    else {
      registerListener(core);
      core.transaction.afterCommit.push(() => dispatch(core, { kind: 'clear' }, undefined));
    }
  });
}

/** Returns a change as listeners get it. A change of a key that can't be read may concern any key. */
function toChange(kind: ChangeKind, key: KeyColumn | null): [change: Change, key: KeyColumn | undefined] {
  if (key === null) return [{ kind }, undefined];
  try {
    return [{ kind, key: decodeKey(key) }, key];
  } catch {
    return [{ kind: 'clear' }, undefined];
  }
}

/** Dispatches new changes. A listener may write: its changes are dispatched after those that caused them. It may also close the store. */
export function dispatchPending(core: Core): void {
  const { changeFeed, sql } = core;
  if (changeFeed.isDispatching || core.transaction.depth > 0) return;
  changeFeed.isDispatching = true;
  try {
    for (let changes = sql.changes.all(changeFeed.lastChangeId, MAX_BATCH_CHANGES); changes.length > 0; ) {
      if (changes[0]![0] > changeFeed.lastChangeId + 1) dispatch(core, { kind: 'clear' }, undefined);
      // In a damaged log ids may go back: anything may have changed, and reading must not loop.
      if (changes.some(([id], nth) => id <= (changes[nth - 1]?.[0] ?? changeFeed.lastChangeId))) {
        dispatch(core, { kind: 'clear' }, undefined);
        return;
      }
      for (const [id, kind, key] of changes) {
        changeFeed.lastChangeId = id;
        dispatch(core, ...toChange(kind, key));
      }
      changes = changeFeed.subscriptions.size > 0 ? sql.changes.all(changeFeed.lastChangeId, MAX_BATCH_CHANGES) : [];
    }
  } finally {
    changeFeed.isDispatching = false;
  }
}

export function dispatch({ changeFeed }: Pick<Core, 'changeFeed'>, change: Change, key: KeyColumn | undefined): void {
  for (const { listener, bounds } of [...changeFeed.subscriptions]) {
    if (key !== undefined && !isWithin(key, bounds)) continue;
    listener(change);
  }
}
