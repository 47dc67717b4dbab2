import { randomUUID } from 'node:crypto';
import type { Change, ChangeKind } from '../../../protocol/options.ts';
import { hasFormerLog, renewLog, startLog, stopLog } from '../sqlite/change-log.ts';
import { decodeKey, type KeyBounds, type KeyColumn } from '../values/key.ts';
import { asListener } from '../warning.ts';
import { demandFunction } from './arguments.ts';
import type { Core } from './core.ts';
import { dropExpired } from './expire.ts';
import { isWithin, parseBounds, type SubscribeOptions } from './key-range.ts';
import { atomically } from './transaction.ts';
import { withoutFailing } from './upkeep.ts';

/** Milliseconds between two looks for what other processes have done. */
const PERIOD = 25;
/** A listener that has not said for so long that it is still there is taken for dead; it says so three times as often. */
const LEASE_SECONDS = 60;
const RENEWAL = 20_000;
/** So many changes are read, and so many expired items dropped, at a time. */
const BATCH = 512;

export type Listener = (change: Change) => void;

interface Subscription {
  readonly listener: Listener;
  readonly bounds: KeyBounds;
}

/**
 * What is told to listeners: everybody's changes, read from the log in the order in which they were committed. A store's own
 * are read right after each commit, others' when `data_version` has moved.
 */
export class Feed {
  readonly subscriptions = new Set<Subscription>();
  readonly id = randomUUID();
  last = 0;
  version = -1;
  renewAt = 0;
  timer: NodeJS.Timeout | undefined;
  telling = false;
}

/** @throws {DiskCacheError} `BAD_OPTION` or `BAD_KEY` */
export function subscriptionOf(listener: Listener, options?: SubscribeOptions): Subscription {
  demandFunction(listener, 'a listener');
  return { listener: asListener(listener, 'changes'), bounds: parseBounds(options) };
}

/** Tells `listener` every change from now on; answers the way out. */
export function subscribe(core: Core, listener: Listener, options?: SubscribeOptions): () => void {
  const { feed } = core;
  const subscription = subscriptionOf(listener, options);
  if (feed.subscriptions.size === 0) start(core);
  feed.subscriptions.add(subscription);
  return () => {
    if (feed.subscriptions.delete(subscription) && feed.subscriptions.size === 0) stopFeed(core);
  };
}

/** Ends all subscriptions; at close. */
export function stopFeed(core: Core): void {
  const { feed, sql } = core;
  feed.subscriptions.clear();
  if (feed.timer === undefined) return;
  clearInterval(feed.timer);
  core.transaction.committed = undefined;
  feed.timer = undefined;
  // A listener that could not be forgotten ends with its lease.
  withoutFailing(core, () =>
    atomically(core, () => {
      sql.forgetListener.run(feed.id);
      stopLogOfNobody(core);
    }),
  );
}

/** A listener that was killed leaves the log behind; whoever opens the store next clears it away. */
export function clearDeadListeners(core: Core): void {
  if (core.sql.deadListener.first() !== undefined) atomically(core, () => stopLogOfNobody(core));
  if (hasFormerLog(core.connection)) atomically(core, () => renewLog(core.connection));
}

function stopLogOfNobody({ sql, connection }: Core): void {
  sql.forgetDeadListeners.run();
  if (sql.anyListener.first() === undefined) stopLog(connection);
}

function start(core: Core): void {
  const { feed } = core;
  atomically(core, () => register(core));
  core.transaction.committed = () => tellAll(core);
  feed.timer = setInterval(() => look(core), PERIOD);
  feed.timer.unref();
}

/** Inside a write transaction, so that nothing is committed between the last change seen and the first one logged. */
function register(core: Core): void {
  const { feed, sql, connection } = core;
  startLog(connection);
  sql.keepListener.run(feed.id, LEASE_SECONDS);
  feed.last = sql.lastChange.first()?.[0] ?? 0;
  feed.renewAt = performance.now() + RENEWAL;
}

function look(core: Core): void {
  const { feed, sql, ledger } = core;
  if (core.transaction.depth > 0) return;
  const doing = 'Looking for the changes of';
  // A failure on a timer has no caller: it is tried again next time, and nothing that was logged meanwhile is missed.
  withoutFailing(
    core,
    () => {
      // What has expired is dropped by the next write; somebody who listens wants to know without one.
      const now = core.clock();
      if (now >= ledger.nextExpiry) atomically(core, () => dropExpired(core, now, BATCH));
      if (feed.timer === undefined) return;
      const version = sql.dataVersion.first()?.[0] ?? 0;
      if (version !== feed.version) tellAll(core);
      feed.version = version;
      if (feed.timer !== undefined && performance.now() > feed.renewAt) renew(core);
    },
    doing,
  );
}

/** A process that slept for long was taken for dead: what happened since is unknown, and told as `clear`. */
function renew(core: Core): void {
  const { feed, sql } = core;
  atomically(core, () => {
    if (sql.renewListener.run(LEASE_SECONDS, feed.id).changes > 0) feed.renewAt = performance.now() + RENEWAL;
    else {
      register(core);
      core.transaction.afterCommit.push(() => deliver(core, { kind: 'clear' }, undefined));
    }
  });
}

/** A change as it is told. What happened to a key that can't be read may have happened to any. */
function changeOf(kind: ChangeKind, key: KeyColumn | null): [change: Change, key: KeyColumn | undefined] {
  if (key === null) return [{ kind }, undefined];
  try {
    return [{ kind, key: decodeKey(key) }, key];
  } catch {
    return [{ kind: 'clear' }, undefined];
  }
}

/** A listener may write: what it causes is told after what caused it. It may close the store: then nobody listens any more. */
export function tellAll(core: Core): void {
  const { feed, sql } = core;
  if (feed.telling || core.transaction.depth > 0) return;
  feed.telling = true;
  try {
    for (let changes = sql.changes.all(feed.last, BATCH); changes.length > 0; ) {
      if (changes[0]![0] > feed.last + 1) deliver(core, { kind: 'clear' }, undefined);
      // A damaged log goes back: then anything may have happened, and it is not read in circles.
      if (changes.some(([id], nth) => id <= (changes[nth - 1]?.[0] ?? feed.last))) {
        deliver(core, { kind: 'clear' }, undefined);
        return;
      }
      for (const [id, kind, key] of changes) {
        feed.last = id;
        deliver(core, ...changeOf(kind, key));
      }
      changes = feed.subscriptions.size > 0 ? sql.changes.all(feed.last, BATCH) : [];
    }
  } finally {
    feed.telling = false;
  }
}

export function deliver({ feed }: Pick<Core, 'feed'>, change: Change, key: KeyColumn | undefined): void {
  for (const { listener, bounds } of [...feed.subscriptions]) {
    if (key !== undefined && !isWithin(key, bounds)) continue;
    listener(change);
  }
}
