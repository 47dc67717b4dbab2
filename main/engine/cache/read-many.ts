import { DiskCacheError } from '../../../protocol/error.ts';
import type { Key } from '../../../protocol/key.ts';
import type { Core } from '../state/core.ts';
import { assertIterable } from '../validate.ts';
import { encodeKey, type KeyColumn } from '../values/key.ts';
import { startRefundable } from '../values/read-budget.ts';
import { isPendingLive } from './pending-reads.ts';
import { readCached, readRow, refreshIfChanged, retryIfReplaced } from './read.ts';
import { inReadTransaction } from './transaction.ts';

/** @throws {DiskCacheError} `BAD_OPTION` */
export function assertKeyArray(keys: readonly Key[]): void {
  if (!Array.isArray(keys)) throw new DiskCacheError('BAD_OPTION', 'getMany takes an array of keys');
}

/** Reads all of them from one snapshot. */
export function getMany(core: Core, keys: readonly Key[]): unknown[] {
  assertKeyArray(keys);
  const columns = keys.map(encodeKey);
  return retryIfReplaced(core, () => onOneView(core, () => columns.map((column) => readFromView(core, column))));
}

/** Returns for each key whether it has a live item, all from one snapshot. */
export function hasMany(core: Core, keys: Iterable<Key>): boolean[] {
  const columns = Array.from(assertIterable(keys, 'keys'), encodeKey);
  return onOneView(core, () => {
    const now = core.clock();
    return columns.map((column) => {
      const pending = core.journal?.find(column);
      return pending === undefined ? core.sql.has.first(column, now) !== undefined : isPendingLive(pending, now);
    });
  });
}

/**
 * Runs `work`, which reads keys, on the view of this turn: that needs no transaction of its own, and applies nothing that is pending in a
 * journal. If the view ends before `work` has, it runs again in a transaction. That happens the first time, when its statements are
 * prepared, and if the clock or a codec of the application uses the store.
 */
function onOneView<T>(core: Core, work: () => T): T {
  const { transaction, externalChanges, connection, accessBuffer } = core;
  // Reads that a policy tracks must not be recorded twice.
  if (transaction.depth > 0 || accessBuffer.tracksReads) return inOneTransaction(core, work);
  core.clock();
  // Another read of this turn may have ended the view.
  if (!connection.snapshot.isHeld) externalChanges.isCheckedThisTurn = false;
  refreshIfChanged(core);
  const { checkedAt } = externalChanges;
  const { hits, misses } = accessBuffer;
  const refund = startRefundable();
  const result = work();
  if (connection.snapshot.isHeld && externalChanges.checkedAt === checkedAt) return result;
  accessBuffer.hits = hits;
  accessBuffer.misses = misses;
  refund();
  return inOneTransaction(core, work);
}

const inOneTransaction = <T>(core: Core, work: () => T): T =>
  inReadTransaction(core, () => {
    refreshIfChanged(core);
    return work();
  });

/** A value in memory is current: what other connections have changed was looked for when the view began. */
function readFromView(core: Core, key: KeyColumn): unknown {
  const { memoryCache } = core;
  const cached = memoryCache.isOff ? undefined : memoryCache.get(key);
  return cached === undefined ? readRow(core, key) : readCached(core, key, cached);
}
