import { estimateBytes } from '../../../protocol/clone.ts';
import { truncate } from '../../../protocol/describe-value.ts';
import { DiskCacheError } from '../../../protocol/error.ts';
import type { Key } from '../../../protocol/key.ts';
import type { Entry } from '../../../protocol/results.ts';
import { getPlainBytes, openSealed, type PlainValue } from '../sealing/sealed-values.ts';
import { isLive } from '../space/policy.ts';
import { assertFormat, explainDamage } from '../space/store-files.ts';
import { addView } from '../sqlite/busy-retry.ts';
import type { Column } from '../sqlite/connection.ts';
import { isDamage } from '../sqlite/errors.ts';
import { PACKED_FACTOR, type ValueRow } from '../sqlite/statements.ts';
import type { Core } from '../state/core.ts';
import { type CachedFile, type CachedRow, toStored } from '../state/memory-cache.ts';
import { assertChecksum, decodeValue, restoreValue } from '../values/codec.ts';
import { ENCODING, type Stored, toValueChecksum, ZSTD_FLAG } from '../values/encoding.ts';
import { encodeKey, type KeyColumn } from '../values/key.ts';
import { copyTemplate } from '../values/object-template.ts';
import { assertReadable } from '../values/read-budget.ts';
import { reloadSettings } from './configure.ts';
import {
  chargeRead,
  findReadable,
  isPendingLive,
  readPending,
  readPendingEntry,
  type StoredEntry,
} from './pending-reads.ts';
import { countRows } from './row-count.ts';
import { recordHit, recordMiss } from './stats.ts';
import { inReadTransaction } from './transaction.ts';

/** In one long turn, changes of other connections are looked for again after this time. */
const RECHECK_INTERVAL_MS = 3;

/**
 * Checks before a read whether another connection has committed: once per turn of the event loop, so that a read sees all that
 * was committed before its turn began, and once per transaction, whose snapshot is younger. The reads of a turn share one
 * snapshot as long as this thread writes nothing, to whichever store.
 */
export function refreshIfChanged(core: Core): void {
  const { externalChanges, transaction } = core;
  if (transaction.depth > 0) {
    if (transaction.hasCheckedExternalChanges) return;
    transaction.hasCheckedExternalChanges = true;
    invalidateIfChanged(core);
    return;
  }
  if (externalChanges.isCheckedThisTurn && performance.now() - externalChanges.checkedAt < RECHECK_INTERVAL_MS) return;
  if (!externalChanges.isCheckedThisTurn) addView(externalChanges.cut);
  if (!externalChanges.isEndQueued) void Promise.resolve().then(externalChanges.endTurn);
  externalChanges.isEndQueued = true;
  externalChanges.isCut = false;
  externalChanges.isCheckedThisTurn = true;
  externalChanges.checkedAt = performance.now();
  // Reads are stamped in order without asking the clock; here they catch up with it.
  if (core.accessBuffer.tracksReads) core.timestamps.from(core.clock());
  core.connection.snapshot.renew();
  if (invalidateIfChanged(core)) reloadSettings(core);
}

/**
 * Whether the next read from disk does without a view: the first one after a write. A single statement sees everything that is
 * committed, and to begin a view that the next write ends costs as much as the read. Not for cached values.
 */
function skipsView({ externalChanges, transaction }: Core): boolean {
  if (!externalChanges.isCut || transaction.depth > 0) return false;
  externalChanges.isCut = false;
  return performance.now() - externalChanges.checkedAt < RECHECK_INTERVAL_MS;
}

/** Returns true if another connection committed since the last check; all cached state is then dropped. */
function invalidateIfChanged(core: Core): boolean {
  const { rowStats, memoryCache, sql, openOptions } = core;
  if (openOptions.exclusive) return false;
  const version = sql.dataVersion.first()?.[0] ?? 0;
  if (version === rowStats.dataVersion) return false;
  assertFormat(core);
  rowStats.dataVersion = version;
  rowStats.invalidate();
  memoryCache.clear();
  return true;
}

/**
 * The number of live items: O(expired items) while this process alone writes, else one walk over the leaves of an index, 15 ms for a
 * million items. A store that one process owns is counted once at most, and not again when it is opened after a clean close.
 */
export function getSize(core: Core): number {
  const { sql, rowStats } = core;
  const now = core.clock();
  return inReadTransaction(core, () => {
    refreshIfChanged(core);
    const rows = countRows(core);
    const expired = now < rowStats.nextExpiry ? 0 : (sql.countExpired.first(now)?.[0] ?? 0);
    rowStats.marked ??= sql.countMarked.first()?.[0] ?? 0;
    return rows - expired - rowStats.marked;
  });
}

export function get(core: Core, key: Key): unknown {
  const { memoryCache, openOptions } = core;
  if (!openOptions.exclusive || typeof key !== 'string' || memoryCache.isOff) return read(core, encodeKey(key));
  // Nothing but this process changes the store, and a key in memory was checked before: memory needs no look at anything else.
  const cached = memoryCache.getByText(key);
  if (cached !== undefined) return readCached(core, key, cached);
  const column = encodeKey(key);
  if (!skipsView(core)) refreshIfChanged(core);
  return readRow(core, column);
}

export function has(core: Core, key: Key): boolean {
  return hasLive(core, encodeKey(key), core.clock());
}

/** Returns whether there is a live item under the key. */
export function hasLive(core: Core, key: KeyColumn, now: number): boolean {
  const pending = core.journal?.find(key);
  if (pending !== undefined) return isPendingLive(pending, now);
  refreshIfChanged(core);
  return core.sql.has.first(key, now) !== undefined;
}

export function getEntry(core: Core, key: Key): Entry | undefined {
  const entry = retryIfReplaced(core, () => readEntry(core, encodeKey(key), core.clock()));
  if (entry === undefined) return undefined;
  const { value, storedAt, accessedAt, hits, tag, bytes, expiresAt } = entry;
  return {
    key,
    value,
    storedAt: Math.floor(storedAt),
    expiresAt: expiresAt ?? undefined,
    accessedAt: Math.floor(accessedAt),
    hits,
    tag: tag === null || typeof tag === 'object' ? undefined : tag,
    bytes,
  };
}

/** Returns the value of a live item, or undefined. Doesn't count as a use of the item, neither for statistics nor for eviction. */
export function readLive(core: Core, key: Key): { readonly value: unknown } | undefined {
  const column = encodeKey(key);
  return retryIfReplaced(core, () => readEntry(core, column, core.clock()));
}

function read(core: Core, key: KeyColumn): unknown {
  const cached = findCached(core, key);
  return cached === undefined ? readRow(core, key) : readCached(core, key, cached);
}

/** Returns the entry in memory, if it is still what is on disk. Otherwise the view to read from has begun where one is needed. */
function findCached(core: Core, key: KeyColumn): CachedRow | undefined {
  const { memoryCache, openOptions } = core;
  const { clears } = memoryCache;
  const cached = memoryCache.isOff ? undefined : memoryCache.get(key);
  if (cached !== undefined && openOptions.exclusive) return cached;
  if (cached !== undefined || !skipsView(core)) refreshIfChanged(core);
  return memoryCache.clears === clears ? cached : undefined;
}

export function readCached(core: Core, key: KeyColumn, cached: CachedRow): unknown {
  const { mode, template } = cached;
  if (!isVisible(core, key, cached.expiresAt)) return recordMiss(core);
  if (cached.file !== undefined) return readCachedFile(core, key, cached, cached.file);
  recordHit(core, cached);
  if (template) return chargeRead(mode, copyTemplate(template));
  const value = restoreValue(mode, toStored(cached), core.codec);
  if (mode % ZSTD_FLAG === ENCODING.json && typeof value === 'object' && value !== null)
    core.memoryCache.keepTemplate(cached, value);
  return chargeRead(mode, value);
}

/** Reads the file of a large value whose row is in memory. Where the file is not as the row says, the row on disk counts. */
function readCachedFile(core: Core, key: KeyColumn, cached: CachedRow, { name, bytes, check }: CachedFile): unknown {
  const { id, mode, expiresAt } = cached;
  let value: unknown;
  try {
    value = readValue(core, key, [id, mode, null, check, bytes, name, expiresAt]);
  } catch (error) {
    if (!isDamage(error)) throw error;
    core.memoryCache.delete(key);
    return readRow(core, key);
  }
  recordHit(core, cached);
  return value;
}

/** Reads a value from the view that has begun, or from the journal. */
export function readRow(core: Core, key: KeyColumn): unknown {
  const { clockState, memoryCache } = core;
  const { corrections } = clockState;
  const pending = findReadable(core, key);
  if (pending !== undefined && !pending.isTouch) return readPending(core, key, pending);
  const { readPacked } = core.sql;
  const row = pending === undefined ? readPacked.first(key) : readPacked.firstStored(key);
  if (row === undefined) return recordMiss(core);
  const [id, packed, data, file] = row;
  const expiresAt = pending === undefined ? row[4] : pending.expiresAt;
  if (!isVisible(core, key, expiresAt)) return recordMiss(core);
  const [check, mode] = unpackCheck(packed);
  if (file !== null) return readLarge(core, key, [id, mode, null, check, data as number, file, expiresAt]);
  const isCacheable = !memoryCache.isOff && clockState.corrections === corrections;
  if (core.sealing !== undefined)
    return readSealed(core, key, [id, mode, data, check, 0, null, expiresAt], isCacheable);
  // Plain bytes become the value without a copy. A custom codec may modify its input, which is cached below.
  const value = decodeInline(core, key, mode, data, check, memoryCache.isOff || mode === ENCODING.bytes);
  const cachedRow = isCacheable ? memoryCache.set(key, id, mode, data as Stored, expiresAt) : undefined;
  recordHit(core, cachedRow ?? { id, accessedAt: 0, hits: 0 });
  return value;
}

/** Reads a sealed value from its row; memory keeps it opened. */
function readSealed(
  core: Core,
  key: KeyColumn,
  [id, mode, data, check, , , expiresAt]: ValueRow,
  keeps: boolean,
): unknown {
  const opened = openInline(core, key, mode, data, check);
  const value = restoreOpened(core, key, opened, !keeps || opened.mode === ENCODING.bytes);
  const cachedRow = keeps ? core.memoryCache.set(key, id, opened.mode, opened.data, expiresAt) : undefined;
  recordHit(core, cachedRow ?? { id, accessedAt: 0, hits: 0 });
  return value;
}

/** @throws {DiskCacheError} with the key. */
function openInline(core: Core, key: KeyColumn, mode: number, data: Column, check: number): PlainValue {
  try {
    return openSealed(core, key, mode, assertChecksum(mode, data, toValueChecksum(check, key)));
  } catch (error) {
    throw withKey(error, core, key);
  }
}

/** @throws {DiskCacheError} with the key. */
function restoreOpened(core: Core, key: KeyColumn, { mode, data }: PlainValue, owned: boolean): unknown {
  try {
    return chargeRead(mode, restoreValue(mode, data, core.codec, owned));
  } catch (error) {
    throw withKey(error, core, key);
  }
}

/** Returns the checksum and the mode of a packed row. Those of a damaged one fit no value. */
function unpackCheck(packed: number | null): readonly [check: number, mode: number] {
  if (packed === null) return [Number.NaN, Number.NaN];
  const check = Math.floor(packed / PACKED_FACTOR);
  return [check, packed - check * PACKED_FACTOR];
}

/** A value in a file. */
function readLarge(core: Core, key: KeyColumn, first: ValueRow): unknown {
  const { corrections } = core.clockState;
  let row: ValueRow | undefined = first;
  return retryIfReplaced(core, () => {
    row ??= core.sql.read.first(key);
    if (row === undefined || !isVisible(core, key, row[6])) return recordMiss(core);
    const found = row;
    row = undefined;
    const value = readValue(core, key, found);
    recordHit(core, keepFileRow(core, key, found, corrections) ?? { id: found[0], accessedAt: 0, hits: 0 });
    return value;
  });
}

/** Keeps the row of a value file in memory; undefined if it can't be kept. */
function keepFileRow(core: Core, key: KeyColumn, row: ValueRow, corrections: number): CachedRow | undefined {
  const { memoryCache, clockState } = core;
  const [id, mode, , check, bytes, name, expiresAt] = row;
  if (memoryCache.isOff || name === null || clockState.corrections !== corrections) return undefined;
  return memoryCache.set(key, id, mode, '', expiresAt, { name, bytes, check });
}

/** The value of a live item and the rest of its row, bypassing the memory cache. */
export function readEntry(core: Core, key: KeyColumn, now: number): StoredEntry | undefined {
  const pending = findReadable(core, key);
  if (pending !== undefined && !pending.isTouch) return readPendingEntry(core, key, pending, now);
  const row = pending === undefined ? core.sql.entry.first(key) : core.sql.entry.firstStored(key);
  if (row === undefined) return undefined;
  const [id, mode, data, check, bytes, file, , storedAt, usedAt, hits, tag] = row;
  const expiresAt = pending === undefined ? row[6] : pending.expiresAt;
  if (!isLive(expiresAt, now)) return undefined;
  const value = readValue(core, key, [id, mode, data, check, bytes, file, expiresAt]);
  const access = core.accessBuffer.get(id);
  return {
    value,
    storedAt,
    accessedAt: Math.max(usedAt, access?.accessedAt ?? usedAt),
    expiresAt,
    hits: hits + (access?.hits ?? 0),
    tag,
    bytes: getPlainBytes(core, mode, bytes, file !== null),
  };
}

/**
 * The value behind a row, from the row or its file.
 *
 * @throws {DiskCacheError} `CORRUPT`, with the key.
 */
export function readValue(core: Core, key: KeyColumn, row: ValueRow): unknown {
  const [, mode, data, check, bytes, file] = row;
  if (file === null) return decodeInline(core, key, mode, data, check, true);
  try {
    assertReadable(mode, bytes);
    const whole = core.files.read(file, { mode, bytes, crc: toValueChecksum(check, key) });
    if (core.sealing === undefined) return chargeRead(mode, restoreValue(mode, whole, core.codec, true));
    const opened = openSealed(core, key, mode, whole, true);
    return chargeRead(mode, restoreValue(opened.mode, opened.data, core.codec, true));
  } catch (error) {
    throw withKey(explainDamage(core, error), core, key);
  }
}

/** Returns the bytes of a value in a page of results: decompressed they may be far more than its row says. */
export const getResultBytes = ([, mode, , , bytes]: readonly [...ValueRow, ...unknown[]], value: unknown): number =>
  mode < ZSTD_FLAG ? bytes : Math.max(bytes, estimateBytes(value));

/** `owned`: the data becomes the value without a copy where it can. */
function decodeInline(core: Core, key: KeyColumn, mode: number, data: Column, check: number, owned: boolean): unknown {
  if (core.sealing !== undefined) return restoreOpened(core, key, openInline(core, key, mode, data, check), true);
  try {
    return chargeRead(mode, decodeValue(mode, data, toValueChecksum(check, key), core.codec, owned));
  } catch (error) {
    throw withKey(error, core, key);
  }
}

/** Retries for the race between another process's commit and its removal of the old file. */
const MAX_ATTEMPTS = 10;

/**
 * Another process may replace an item between the reading of its row and that of its file, which is then missing: what is
 * damaged is read again before it is reported. Inside a transaction no other process can.
 */
export function retryIfReplaced<T>(core: Core, work: () => T): T {
  for (let attempt = 1; ; attempt++) {
    try {
      return work();
    } catch (error) {
      if (!isDamage(error) || core.transaction.depth > 0 || attempt === MAX_ATTEMPTS) throw error;
      core.connection.snapshot.release();
    }
  }
}

/** Whether an item that was just read is visible. Asks the clock only where something can expire. */
function isVisible(core: Core, key: KeyColumn, expiresAt: number | null): boolean {
  if (expiresAt === null) return true;
  const { corrections } = core.clockState;
  const now = core.clock();
  // The clock was set back, and the times on disk have been corrected since the row was read.
  if (core.clockState.corrections !== corrections) return core.sql.has.first(key, now) !== undefined;
  return isLive(expiresAt, now);
}

/** Adds key and directory to the error of a damaged value. */
function withKey(error: unknown, core: Core, key: KeyColumn): unknown {
  // A value that is too large for a page is not damaged.
  if (!(error instanceof DiskCacheError) || error.code === 'TOO_LARGE') return error;
  const name =
    typeof key === 'object'
      ? `x'${Buffer.from((key ?? new Uint8Array()).subarray(0, 64)).toString('hex')}'`
      : JSON.stringify(truncate(String(key)));
  return new DiskCacheError(error.code, `${error.message} (at key ${name} in ${core.directory})`, { cause: error });
}
