import { getPlainBytes, openSealed, type PlainValue } from '../sealing/sealed-values.ts';
import { isLive } from '../space/policy.ts';
import type { TagColumn } from '../sqlite/statements.ts';
import type { Core } from '../state/core.ts';
import type { PendingEntry } from '../state/write-journal.ts';
import { restoreValue } from '../values/codec.ts';
import type { Stored } from '../values/encoding.ts';
import type { KeyColumn } from '../values/key.ts';
import { chargeValue } from '../values/read-budget.ts';
import { recordHit, recordMiss } from './stats.ts';

/* Reads of what is in the write journal, and not yet in the database. */

export interface StoredEntry {
  readonly value: unknown;
  readonly storedAt: number;
  readonly accessedAt: number;
  readonly expiresAt: number | null;
  readonly hits: number;
  readonly tag: TagColumn;
  readonly bytes: number;
}

export const isPendingLive = ({ isDeleted, expiresAt }: PendingEntry, now: number): boolean =>
  !isDeleted && isLive(expiresAt, now);

/**
 * Returns what is pending for a key, if it may be read from there. The items of a deferred transaction have no ids yet by which their reads
 * could be counted.
 */
export function findReadable({ journal, accessBuffer, transaction }: Core, key: KeyColumn): PendingEntry | undefined {
  if (journal === undefined || (accessBuffer.tracksReads && transaction.isDeferred)) return undefined;
  return journal.find(key);
}

/** A value that is in the journal only. What a transaction reads is not kept in memory: it may be rolled back. */
export function readPending(core: Core, key: KeyColumn, pending: PendingEntry): unknown {
  const { memoryCache, clockState, transaction } = core;
  const { corrections } = clockState;
  const { id, expiresAt } = pending;
  if (pending.data === null || (expiresAt !== null && !isLive(expiresAt, core.clock()))) return recordMiss(core);
  const { mode, data } = openPending(core, key, pending.mode, pending.data);
  const isCacheable = !memoryCache.isOff && transaction.depth === 0 && clockState.corrections === corrections;
  const cachedRow = isCacheable ? memoryCache.set(key, id, mode, data, expiresAt) : undefined;
  recordHit(core, cachedRow ?? { id, accessedAt: 0, hits: 0 });
  return chargeRead(mode, restoreValue(mode, data, core.codec));
}

export function readPendingEntry(
  core: Core,
  key: KeyColumn,
  pending: PendingEntry,
  now: number,
): StoredEntry | undefined {
  const { expiresAt, stamp, tag, size } = pending;
  if (pending.data === null || !isLive(expiresAt, now)) return undefined;
  const { mode, data } = openPending(core, key, pending.mode, pending.data);
  const value = chargeRead(mode, restoreValue(mode, data, core.codec));
  const bytes = getPlainBytes(core, pending.mode, size, false);
  const access = core.accessBuffer.tracksReads ? core.accessBuffer.get(pending.id) : undefined;
  const accessedAt = Math.max(stamp, access?.accessedAt ?? stamp);
  return { value, storedAt: stamp, accessedAt, expiresAt, hits: access?.hits ?? 0, tag, bytes };
}

/** Returns a pending value as it is in an unsealed store. */
export const openPending = (core: Core, key: KeyColumn, mode: number, data: Stored): PlainValue =>
  core.sealing === undefined ? { mode, data } : openSealed(core, key, mode, data);

/** Charges a value to the read budget of a page. */
export function chargeRead(mode: number, value: unknown): unknown {
  chargeValue(mode, value);
  return value;
}
