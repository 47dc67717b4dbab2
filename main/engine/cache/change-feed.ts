import type { Change, ChangeKind, SubscribeOptions } from '../../../protocol/options.ts';
import { runAndWarn } from '../diagnostics.ts';
import { unrefTimer } from '../realm.ts';
import { deleteExpired } from '../space/delete-row.ts';
import { hasFormerLog, startLog, stopLog, upgradeLog } from '../sqlite/file-format.ts';
import type { ChangeFeed, ChangeListener, ChangeSubscription, Core, ReadLive } from '../state/core.ts';
import { assertFunction, wrapListener } from '../validate.ts';
import { decodeKey, type KeyColumn } from '../values/key.ts';
import { parseSubscribeOptions } from '../values/key-filter.ts';
import { withoutReadBudget } from '../values/read-budget.ts';
import { addBefore, addValue, readKnownValues } from './change-values.ts';
import { readLive } from './read.ts';
import { inWriteTransaction } from './transaction.ts';

/** How often changes of other processes are polled. */
const POLL_INTERVAL_MS = 25;
/** A listener that doesn't renew its lease for this long counts as dead; it renews three times per lease. */
const LISTENER_LEASE_SECONDS = 60;
const RENEWAL_INTERVAL_MS = 20_000;
/** Milliseconds after which a write journal is applied to delete expired items. */
const MAX_EXPIRY_DELAY_MS = 1000;
/** Changes that are read, and expired items that are deleted, at a time. */
const MAX_BATCH_CHANGES = 512;

/** @throws {DiskCacheError} `BAD_OPTION` or `BAD_KEY` */
export function createSubscription(
  listener: ChangeListener,
  options: SubscribeOptions | undefined,
  read: ReadLive,
  onEnd?: () => void,
): ChangeSubscription {
  assertFunction(listener, 'a listener');
  const { filter, hasValues } = parseSubscribeOptions(options);
  const known = hasValues && filter.exactKeys ? new Map() : undefined;
  return {
    listener: wrapListener(listener, 'changes'),
    filter,
    read: hasValues ? read : undefined,
    known,
    onEnd,
    hasEnded: false,
  };
}

/**
 * Calls `listener` with every change from now on; returns an unsubscribe function. `read` reads live items for a subscription with values. `onEnd`
 * is called when the store is closed.
 */
export function subscribe(
  core: Core,
  listener: ChangeListener,
  options?: SubscribeOptions,
  read: ReadLive = (key) => readLive(core, key),
  onEnd?: () => void,
): () => void {
  const { changeFeed } = core;
  const subscription = createSubscription(listener, options, read, onEnd);
  if (changeFeed.subscriptions.size === 0) startChangeFeed(core);
  changeFeed.subscriptions.add(subscription);
  readKnownValues(subscription);
  return () => {
    subscription.hasEnded = true;
    if (changeFeed.subscriptions.delete(subscription) && changeFeed.subscriptions.size === 0) stopChangeFeed(core);
  };
}

/** Ends all subscriptions; at close. */
export function stopChangeFeed(core: Core): void {
  const { changeFeed, sql } = core;
  endSubscriptions(changeFeed);
  changeFeed.journaled.length = 0;
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

/** Ends all subscriptions of a store that is closed. */
export function endSubscriptions({ subscriptions }: ChangeFeed): void {
  const ended = [...subscriptions];
  subscriptions.clear();
  for (const subscription of ended) {
    subscription.hasEnded = true;
    subscription.onEnd?.();
  }
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
  const { changeFeed, sql, rowStats, connection, openOptions } = core;
  if (core.transaction.depth > 0) return;
  const activity = 'Looking for the changes of';
  // A failure on a timer has no caller: the next poll tries again, and misses nothing of the log.
  runAndWarn(
    core,
    () => {
      // Expired items are deleted by the next write; with a listener they are deleted without one.
      const now = core.clock();
      // That applies a journal: when it is at rest, or after a while.
      const dueAt = rowStats.nextExpiry + (connection.pending.hasAny ? MAX_EXPIRY_DELAY_MS : 0);
      if (now >= dueAt) inWriteTransaction(core, () => deleteExpired(core, now, MAX_BATCH_CHANGES));
      if (changeFeed.timer === undefined) return;
      if (changeFeed.isBehind) dispatchPending(core);
      // Nothing else writes to such a store, nor takes its listeners for dead.
      if (openOptions.exclusive) return;
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
  const { changeFeed } = core;
  if (changeFeed.isDispatching || core.transaction.depth > 0) return;
  changeFeed.isDispatching = true;
  changeFeed.isBehind = true;
  try {
    // The commit may belong to a page's call, but what listeners read must not count against the page's budget.
    withoutReadBudget(() => {
      dispatchJournaled(core);
      if (changeFeed.subscriptions.size > 0 && !isLogUnchanged(core)) dispatchLogged(core);
    });
    changeFeed.isBehind = false;
  } finally {
    changeFeed.isDispatching = false;
  }
}

/**
 * Dispatches changes that are in the write journal, or were at the beginning of a transaction that went on without it. What was logged before them
 * has been told: while a change is dispatched, or one could not be, everything is written directly.
 */
function dispatchJournaled({ changeFeed }: Core): void {
  const { journaled } = changeFeed;
  let told = 0;
  try {
    while (told < journaled.length) {
      const { kind, key } = journaled[told++]!;
      dispatch({ changeFeed }, ...toChange(kind, key));
    }
  } finally {
    journaled.splice(0, told);
  }
}

/** Whether only the journal was written to since the log was read: to read it would apply the journal. */
const isLogUnchanged = ({ connection: { pending } }: Core): boolean => pending.hasAny && !pending.hasDirectWrites;

function dispatchLogged(core: Core): void {
  const { changeFeed } = core;
  for (const [id, change, key] of readLogged(core)) {
    changeFeed.lastChangeId = id;
    dispatch(core, change, key);
    if (changeFeed.subscriptions.size === 0) return;
  }
}

/** Returns the changes that will be dispatched after the one that is being dispatched. O(changes). */
export const readAhead = (core: Core): Change[] => Array.from(readLogged(core), ([, change]) => change);

/** Reads the log from the last dispatched change on. Where changes were lost, there is a `clear`, with the id before it. */
function* readLogged({
  changeFeed,
  sql,
}: Core): Generator<readonly [id: number, change: Change, key: KeyColumn | undefined]> {
  let last = changeFeed.lastChangeId;
  for (;;) {
    const rows = sql.changes.all(last, MAX_BATCH_CHANGES);
    if (rows[0] === undefined) return;
    if (rows[0][0] > last + 1) yield [last, { kind: 'clear' }, undefined];
    // In a damaged log ids may go back. Anything may have changed then, and reading on could loop.
    if (rows.some(([id], nth) => id <= (rows[nth - 1]?.[0] ?? last))) {
      yield [last, { kind: 'clear' }, undefined];
      return;
    }
    for (const [id, kind, key] of rows) yield [id, ...toChange(kind, key)];
    last = rows.at(-1)![0];
  }
}

/** Calls the listeners of a change, except those that an earlier listener has removed. Reads the value once for all of them. */
export function dispatch({ changeFeed }: Pick<Core, 'changeFeed'>, change: Change, key: KeyColumn | undefined): void {
  let withValue: { readonly change: Change | undefined } | undefined;
  for (const subscription of [...changeFeed.subscriptions]) {
    const { filter } = subscription;
    if (subscription.hasEnded || (key !== undefined && !filter.isUnbounded && !filter.has(key))) continue;
    if (subscription.read === undefined) {
      subscription.listener(change);
      continue;
    }
    withValue ??= { change: addValue(change, subscription.read) };
    if (withValue.change !== undefined) subscription.listener(addBefore(withValue.change, key, subscription));
  }
}
