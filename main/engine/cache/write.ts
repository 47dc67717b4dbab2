import { isUint8Array } from 'node:util/types';
import { formatValue } from '../../../protocol/describe-value.ts';
import { DiskCacheError } from '../../../protocol/error.ts';
import type { Key } from '../../../protocol/key.ts';
import type { CountOptions, EntryWithOptions, ExpiryOptions, SetOptions } from '../../../protocol/options.ts';
import { getSealedBytes, sealEncoded } from '../sealing/sealed-values.ts';
import {
  deleteFileAfterCommit,
  deleteRow,
  estimateKeyBytes,
  getInvisibleKind,
  lostRowError,
} from '../space/delete-row.ts';
import { collectOneBucket } from '../space/garbage-collection.ts';
import { retryAfterCheckpoint } from '../space/maintenance.ts';
import { computeItemCost, isLive, resolveExpiry } from '../space/policy.ts';
import { PINNED_TAG, type TagColumn } from '../sqlite/statements.ts';
import type { Core } from '../state/core.ts';
import { PINNED, type PinnedOptions } from '../state/settings.ts';
import {
  assertFunction,
  assertOptions,
  assertSetOptions,
  inspectKey,
  mergeSetOptions,
  storeEach,
  toTagColumn,
} from '../validate.ts';
import { encodeValue } from '../values/codec.ts';
import { type Stored, toRowChecksum } from '../values/encoding.ts';
import type { StagedFile } from '../values/file-store.ts';
import { encodeKey, type KeyColumn } from '../values/key.ts';
import type { StoredEntry } from './pending-reads.ts';
import { hasLive, readEntry } from './read.ts';
import { afterWrite, beforeWrite, inDeferredTransaction, inWriteTransaction, tellListeners } from './transaction.ts';

/** An item on its way to the disk. */
export interface PendingWrite {
  readonly key: KeyColumn;
  readonly mode: number;
  /** Null when it is in a file. */
  readonly data: Stored | null;
  readonly bytes: number;
  readonly check: number;
  readonly staged: StagedFile | undefined;
  /** Bytes it takes of the size limit. */
  readonly cost: number;
  readonly expiresAt: number | null;
  readonly tag: TagColumn;
}

/**
 * Prepares a value to be stored; a large one is written to a file that no row names yet. The caller commits or discards it.
 *
 * @throws {DiskCacheError} `BAD_VALUE`, and `TOO_LARGE` for a value that would not fit if everything else were evicted.
 */
export function prepareWrite(
  core: Core,
  key: KeyColumn,
  value: unknown,
  expiresAt: number | null,
  tag: TagColumn,
  now: number,
): PendingWrite {
  beforeWrite(core, now);
  const capacity = core.space.getMaxItemBytes(core);
  // A value that is much too large is refused before the work of encoding it.
  assertFits(core, getMinBytes(core, value), capacity);
  const encoded = encodeValue(value, core.codec, core.settings.fileThreshold);
  const inFile =
    (encoded.bytes >= core.settings.fileThreshold || encoded.bytes > MAX_INLINE_BYTES) &&
    typeof encoded.data !== 'number';
  const storedBytes = core.sealing === undefined ? encoded.bytes : getSealedBytes(encoded.bytes, inFile);
  const cost = computeItemCost(estimateKeyBytes(key), storedBytes);
  assertFits(core, storedBytes, capacity, cost);
  const { mode, data, bytes, check } = core.sealing === undefined ? encoded : sealEncoded(core, key, encoded, inFile);
  const staged = inFile ? core.files.stage(data as string | Uint8Array) : undefined;
  return { key, mode, data: inFile ? null : data, bytes, check, staged, cost, expiresAt, tag };
}

/** SQLite takes rows of up to 1 GB; a larger value is in a file, whatever the threshold says. */
const MAX_INLINE_BYTES = 512 * 1024 * 1024;

/** Returns the least bytes that a value can take, without encoding it. */
function getMinBytes({ codec }: Core, value: unknown): number {
  if (codec.compression !== 'none' || typeof codec.codec === 'object') return 0;
  return typeof value === 'string' || isUint8Array(value) ? value.length : 0;
}

/** @throws {DiskCacheError} `TOO_LARGE` */
function assertFits({ directory, settings }: Core, bytes: number, capacity: number, cost = bytes): void {
  if (cost <= capacity) return;
  throw new DiskCacheError(
    'TOO_LARGE',
    `The value takes ${bytes} bytes; ${directory} can hold ${capacity} under its sizeLimit of ${settings.sizeLimit}. Raise the limit or store less`,
  );
}

/** Stores an item, replacing one with the same key; returns the row's id. Inside a write transaction. */
export function upsert(core: Core, item: PendingWrite, now: number): number {
  const { sql, rowStats } = core;
  core.space.reserve(core, item, now);
  const file = attachFile(core, item);
  const timestamp = core.timestamps.from(now);
  const { key, expiresAt, tag, mode, bytes, data } = item;
  const check = toRowChecksum(item.check, key);
  const existing = sql.locate.first(key);
  if (existing !== undefined && isLive(existing[1], now)) {
    const { changes } = sql.update.run(
      key,
      timestamp,
      timestamp,
      expiresAt,
      tag,
      mode,
      bytes,
      check,
      file,
      data,
      existing[0],
    );
    if (changes === 0) throw lostRowError(core);
    // Its reads are counted from the last set.
    core.accessBuffer.take(existing[0]);
    deleteFileAfterCommit(core, existing[2], existing[3]);
    rowStats.recordUpdate(expiresAt);
    core.memoryCache.delete(key);
    return existing[0];
  }
  if (existing !== undefined)
    deleteRow(core, [existing[0], key, existing[2], existing[3]], getInvisibleKind(existing[1]));
  const { lastInsertRowid } = sql.insert.run(key, timestamp, timestamp, expiresAt, tag, mode, bytes, check, file, data);
  rowStats.recordInsert(lastInsertRowid, expiresAt);
  core.memoryCache.delete(key);
  return Number(lastInsertRowid);
}

/** Invariant: a row names a file only when the file is whole and in its place; a rollback takes the file away again. */
export function attachFile(core: Core, { staged }: Pick<PendingWrite, 'staged'>): string | null {
  if (staged === undefined) return null;
  const { name, bytes } = staged;
  core.transaction.afterRollback.push(() => core.files.remove(name));
  core.files.place(staged);
  core.sql.count.run(bytes, 'file bytes');
  return name;
}

/** Runs `work`, which may place the item's file, in a transaction; a file that was not placed is discarded. */
export function commitWrite<T>(core: Core, { staged }: PendingWrite, work: () => T): T {
  if (staged === undefined) return inWriteTransaction(core, work);
  try {
    const result = inWriteTransaction(core, work);
    collectOneBucket(core);
    return result;
  } finally {
    core.files.discard(staged);
  }
}

export function set(core: Core, key: Key, value: unknown, options?: SetOptions): void {
  const now = core.clock();
  const column = encodeKey(key);
  const setOptions = assertSetOptions(options);
  retryAfterCheckpoint(core, () => storeItem(core, prepareItem(core, column, value, now, setOptions), now));
}

/** All or none. */
export function setMany(core: Core, entries: Iterable<EntryWithOptions<Key, unknown>>, options?: SetOptions): void {
  assertSetOptions(options);
  inDeferredTransaction(core, () =>
    storeEach(entries, (key, value, own) => set(core, key, value, mergeSetOptions(options, own))),
  );
}

/** Stores a value; returns false if there is a live item. */
export function add(core: Core, key: Key, value: unknown, options?: SetOptions): boolean {
  const now = core.clock();
  const column = encodeKey(key);
  // Looked up before the work of encoding, and once more under the lock.
  if (hasLive(core, column, now)) return false;
  const item = prepareItem(core, column, value, now, assertSetOptions(options));
  // In a store with a journal nothing else can have added it since.
  if (tryJournal(core, item, now)) return true;
  return commitWrite(core, item, () => {
    if (core.sql.has.first(column, now) !== undefined) return false;
    upsert(core, item, now);
    return true;
  });
}

const TOUCH_OPTIONS: ReadonlySet<string> = new Set(['ttl', 'expiresAt']);

/** Changes only when a live item expires. */
export function touch(core: Core, key: Key, options?: ExpiryOptions): boolean {
  const now = core.clock();
  const column = encodeKey(key);
  const expiry = resolveExpiry(now, assertOptions(options, TOUCH_OPTIONS), core.settings.ttl);
  beforeWrite(core, now);
  const isTouched = core.journal?.touch(column, expiry, now);
  if (isTouched !== undefined) {
    if (isTouched) tellListeners(core);
    return isTouched;
  }
  const { changes } = core.sql.touch.run(expiry, column, now);
  if (changes === 0) return false;
  core.rowStats.recordUpdate(expiry);
  core.memoryCache.delete(column);
  afterWrite(core);
  return true;
}

/** Stores what `next` returns for the present value (undefined if it is missing); expiry and tag stay unless `options` has new ones. */
export function update(core: Core, key: Key, next: (current: unknown) => unknown, options?: SetOptions): unknown {
  assertFunction(next, 'the function of update');
  return readModifyWrite(core, key, (entry) => next(entry?.value), assertSetOptions(options));
}

const COUNT_OPTIONS: ReadonlySet<string> = new Set(['default']);

/** @throws {DiskCacheError} `BAD_VALUE` if the value is not a number, or the sum would not be exact. */
export function incr(core: Core, key: Key, delta = 1, options?: CountOptions): number {
  const { default: initial = 0 } = assertOptions(options, COUNT_OPTIONS);
  for (const number of [delta, initial]) {
    if (typeof number === 'number' && !Number.isNaN(number)) continue;
    throw new DiskCacheError('BAD_OPTION', `delta and default have to be numbers, not ${formatValue(number)}`);
  }
  return readModifyWrite(core, key, (entry) => computeSum(entry ? entry.value : initial, delta, key), {}) as number;
}

export function decr(core: Core, key: Key, delta = 1, options?: CountOptions): number {
  return incr(core, key, typeof delta === 'number' ? -delta : delta, options);
}

/** Reads and writes an item in one transaction. */
function readModifyWrite(
  core: Core,
  key: Key,
  next: (entry: StoredEntry | undefined) => unknown,
  requested: SetOptions,
): unknown {
  const column = encodeKey(key);
  return inDeferredTransaction(core, () => {
    const now = core.clock();
    const entry = readEntry(core, column, now);
    const value = next(entry);
    const item = prepareItem(core, column, value, now, requested);
    const keepsExpiry = requested.ttl === undefined && requested.expiresAt === undefined;
    const expiry = entry && keepsExpiry ? entry.expiresAt : item.expiresAt;
    const tag = entry && requested.tag === undefined ? entry.tag : item.tag;
    storeItem(core, { ...item, expiresAt: expiry, tag }, now);
    return value;
  });
}

function computeSum(current: unknown, delta: number, key: Key): number {
  if (typeof current !== 'number') {
    throw new DiskCacheError(
      'BAD_VALUE',
      `The value of ${inspectKey(key)} is a ${typeof current}, not a number, and can't be counted; use update`,
    );
  }
  const sum = current + delta;
  if (Number.isInteger(current) && Number.isInteger(delta) && !Number.isSafeInteger(sum)) {
    throw new DiskCacheError(
      'BAD_VALUE',
      `${current} + ${delta} at ${inspectKey(key)} would not be exact (beyond ±2^53); store a bigint and count with update`,
    );
  }
  return sum;
}

/** Prepares a value with its options. */
export function prepareItem(
  core: Core,
  key: KeyColumn,
  value: unknown,
  now: number,
  options: PinnedOptions,
): PendingWrite {
  const { tag, [PINNED]: isPinned } = options;
  const expiry = resolveExpiry(now, options, core.settings.ttl);
  return prepareWrite(
    core,
    key,
    value,
    expiry,
    isPinned ? PINNED_TAG : tag === undefined ? null : toTagColumn(tag),
    now,
  );
}

/** Uses the journal or one statement if only the row has to change, otherwise a transaction. */
function storeItem(core: Core, item: PendingWrite, now: number): void {
  if (tryJournal(core, item, now)) return;
  if (isSimple(core, item, item.cost, now) && !core.accessBuffer.mightContain && upsertInline(core, item, now)) return;
  commitWrite(core, item, () => upsert(core, item, now));
}

/** Stores an item in the journal, where it takes its space twice until it is applied. Returns false if it has to be written directly. */
function tryJournal(core: Core, item: PendingWrite, now: number): boolean {
  if (core.journal === undefined) return false;
  if (core.connection.pending.hasAny && !core.space.hasAllowance(core, 2 * item.cost)) core.space.remeasure(core);
  if (!isSimple(core, item, 2 * item.cost, now) || !core.journal.set(item, now)) return false;
  tellListeners(core);
  return true;
}

/** Whether nothing else has to be written for an item: no file, no expired items, no space. */
const isSimple = (core: Core, { staged }: PendingWrite, cost: number, now: number): boolean =>
  staged === undefined && now < core.rowStats.nextExpiry && core.space.hasAllowance(core, cost);

/** Returns false if the row needs a transaction, or if an insert could not be told from an update. */
function upsertInline(
  core: Core,
  { key, expiresAt: expiry, tag, mode, bytes, check, data, cost }: PendingWrite,
  now: number,
): boolean {
  const { sql, rowStats } = core;
  if (!rowStats.canTellInserts) rowStats.syncRowIds(...(sql.lastIds.first() ?? [0, 0]));
  if (!rowStats.canTellInserts) return false;
  const timestamp = core.timestamps.from(now);
  let result: ReturnType<typeof sql.put.run>;
  try {
    result = sql.put.run(
      key,
      timestamp,
      timestamp,
      expiry,
      tag,
      mode,
      bytes,
      toRowChecksum(check, key),
      null,
      data,
      now,
    );
  } catch (error) {
    // An insert that failed in its commit has still used an id.
    rowStats.invalidate();
    throw error;
  }
  if (result.changes === 0) return false;
  core.space.charge(core, cost);
  rowStats.recordUpsert(result.lastInsertRowid, expiry);
  core.memoryCache.delete(key);
  afterWrite(core);
  return true;
}
