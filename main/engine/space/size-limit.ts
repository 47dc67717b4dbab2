import { DiskCacheError } from '../../../protocol/error.ts';
import { flushAccess } from '../cache/stats.ts';
import { evictionChannel, publishEviction } from '../diagnostics.ts';
import { toCreateIndex } from '../sqlite/file-format.ts';
import { EVICTABLE_SQL, ROW_REF_COLUMNS, type RowRef } from '../sqlite/statements.ts';
import { type Core, getLimitShareBytes } from '../state/core.ts';
import type { StagedFile } from '../values/file-store.ts';
import type { KeyColumn } from '../values/key.ts';
import { deleteExpired, deleteRow, estimateKeyBytes, getMaxReplacedBytes } from './delete-row.ts';
import { checkpoint, checkpointIfOversized } from './maintenance.ts';
import {
  computeItemCost,
  EVICTION_POLICIES,
  type EvictionPolicy,
  getFixedOverheadBytes,
  getOtherIndexes,
  getReservedBytes,
  getWalReserveBytes,
  getWriteAllowance,
  SPLIT_RESERVE_PAGES,
} from './policy.ts';
import { getDatabaseBytes, getWalBytes } from './store-files.ts';

/** Victims are looked up in groups. */
const BATCH_ROWS = 16;

/**
 * How soon an item leaves, comparable between stores of one policy, element by element: the values of the order's columns; for
 * a hand, how often it has to go round first, and the place.
 */
export type EvictionRank = readonly number[];

export const compareRanks = (a: EvictionRank, b: EvictionRank): number => {
  const at = a.findIndex((part, index) => part !== b[index]);
  return at === -1 ? 0 : a[at]! - b[at]!;
};

/**
 * Evicts until about so many bytes are free or nobody is left, with `upTo` nobody whose turn is not later than that. Inside a
 * write transaction.
 */
export function evict(
  core: Core,
  wantedBytes: number,
  excludedKey: KeyColumn | null,
  maxRank?: EvictionRank,
): { readonly items: number; readonly bytes: number } {
  const policy = EVICTION_POLICIES[core.settings.evictionPolicy];
  let items = 0;
  let bytes = 0;
  if (policy.order === null) return { items, bytes };
  prepareEvictionIndex(core);
  const select = policy.isSieve ? selectBySieve : selectByIndex;
  while (bytes < wantedBytes) {
    const victims = select(core, policy, wantedBytes - bytes, excludedKey, maxRank);
    if (victims.length === 0) break;
    for (const victim of victims) {
      deleteRow(core, victim, 'evict');
      bytes += computeRowCost(victim);
    }
    items += victims.length;
  }
  if (items > 0 && evictionChannel.hasSubscribers) publishEviction(core, items, bytes);
  return { items, bytes };
}

const computeRowCost = ([, key, , size]: RowRef): number => computeItemCost(estimateKeyBytes(key), size);

/** As many of the first ones as it takes to free so many bytes. */
function takeUntilFreed(rows: readonly RowRef[], wantedBytes: number): RowRef[] {
  let bytes = 0;
  return rows.filter((row) => {
    const isNeeded = bytes < wantedBytes;
    bytes += computeRowCost(row);
    return isNeeded;
  });
}

/** Those before the first one that was read since that was last written down: what comes before it is certain. */
function takeUntilAccessed({ accessBuffer }: Core, rows: readonly RowRef[]): readonly RowRef[] {
  const used = rows.findIndex(([id]) => accessBuffer.get(id) !== undefined);
  return used === -1 ? rows : rows.slice(0, used);
}

/**
 * Whose turn is next, as far as it is written down: reads that are not may put it off. Undefined when nobody leaves. With the
 * policy's index O(log n).
 */
export function peekRank({ sql, settings }: Core, excludedKey: KeyColumn | null): EvictionRank | undefined {
  const { order, isSieve } = EVICTION_POLICIES[settings.evictionPolicy];
  if (order === null) return undefined;
  if (!isSieve)
    return sql
      .dynamic<number[]>(`SELECT ${order} FROM entry WHERE ${EVICTABLE_SQL} ORDER BY ${order} LIMIT 1`)
      .first(excludedKey);
  const ahead = sql.unvisited.first(sql.counter.first('hand')?.[0] ?? 0, excludedKey, 1);
  if (ahead !== undefined) return [0, ahead[0]];
  const first = sql
    .dynamic<[number]>(`SELECT id FROM entry WHERE ${EVICTABLE_SQL} ORDER BY id LIMIT 1`)
    .first(excludedKey);
  return first && [1, first[0]];
}

/** An index costs every write, so it is made when it will soon be needed, and that of a former policy goes. */
export function prepareEvictionIndex(core: Core): void {
  const policy = EVICTION_POLICIES[core.settings.evictionPolicy];
  if (core.rowStats.knownIndex === policy.index) return;
  for (const other of getOtherIndexes(policy)) core.connection.execute(`DROP INDEX IF EXISTS ${other}`);
  if (policy.index !== null && policy.order !== null) {
    core.connection.execute(toCreateIndex(policy.index, policy.order));
  }
  core.rowStats.knownIndex = policy.index;
}

/** Victims in order. Uses that are not written down yet may put one of them back in line. */
function selectByIndex(
  core: Core,
  { order }: EvictionPolicy,
  wantedBytes: number,
  excludedKey: KeyColumn | null,
  maxRank: EvictionRank = [],
): RowRef[] {
  const rankClause = maxRank.length === 0 ? '' : `AND (${order}) <= (${maxRank.map(() => '?').join(', ')})`;
  const text = `SELECT ${ROW_REF_COLUMNS} FROM entry WHERE ${EVICTABLE_SQL} ${rankClause} ORDER BY ${order} LIMIT ?`;
  for (;;) {
    const rows = core.sql.dynamic<RowRef>(text).all(excludedKey, ...maxRank, BATCH_ROWS);
    const certain = takeUntilAccessed(core, rows);
    if (certain.length > 0 || rows[0] === undefined) return takeUntilFreed(certain, wantedBytes);
    // It is put where it belongs, and the search begins again.
    flushAccess(core, rows[0][0]);
  }
}

/** The next unvisited items ahead of the hand, which moves to the last of them; those it passes by lose their mark. */
function selectBySieve(
  core: Core,
  _policy: EvictionPolicy,
  wantedBytes: number,
  excludedKey: KeyColumn | null,
  maxRank?: EvictionRank,
): RowRef[] {
  const { sql } = core;
  let hand = sql.counter.first('hand')?.[0] ?? 0;
  for (let round = 0; round < 2; ) {
    const isWithinMaxRank = (...turn: EvictionRank) => maxRank === undefined || compareRanks(turn, maxRank) <= 0;
    const rows = sql.unvisited.all(hand, excludedKey, BATCH_ROWS);
    const certain = takeUntilAccessed(core, rows);
    if (certain.length === 0 && rows[0] !== undefined) {
      flushAccess(core, rows[0][0]);
      continue;
    }
    const victims = takeUntilFreed(
      certain.filter(([id]) => isWithinMaxRank(round, id)),
      wantedBytes,
    );
    const last = victims.at(-1);
    if (last === undefined && !(rows.length === 0 && isWithinMaxRank(round + 1))) return [];
    sql.unvisit.run(hand, last?.[0] ?? Number.MAX_SAFE_INTEGER);
    hand = last?.[0] ?? 0;
    sql.setCounter.run(hand, 'hand');
    if (last !== undefined) return victims;
    round++;
  }
  return [];
}

/** A write evicts for itself and, of what is over the limit, so many bytes at most; the rest is left to the next writes. */
export const MAX_OVERRUN_PER_WRITE_BYTES = 16 * 1024;
/** Free pages given back by one write. */
const MAX_VACUUM_PAGES_PER_WRITE = 1024;
/** With less than this part of the limit free, victims will soon be looked for. */
export const PREPARE_INDEX_BELOW = 1 / 4;

/** The write that space is made for. */
interface IncomingWrite {
  /** Bytes it takes of the limit. */
  readonly cost: number;
  readonly key: KeyColumn;
  readonly staged: StagedFile | undefined;
}

/**
 * Lets expired items go, then, when the disk is full, as many others as an item demands, in the order of the policy;
 * never the item it replaces. Inside a write transaction.
 *
 * @throws {DiskCacheError} `DISK_FULL` when the policy lets nobody go.
 */
export function enforceSizeLimit(
  core: Core,
  { cost: incoming, key: excludedKey, staged }: IncomingWrite,
  now: number,
): void {
  const { rowStats, settings, membership } = core;
  if (now >= rowStats.nextExpiry) deleteExpired(core, now);
  rowStats.writableBytes -= incoming;
  core.maintenance.bytesSinceCheck += incoming;
  if (rowStats.writableBytes >= 0) return;
  if (membership !== undefined) {
    membership.group.reserve(core, incoming, excludedKey);
    return;
  }
  const { sizeLimit } = settings;
  const free = sizeLimit - getLiveBytes(core) - incoming;
  const bytesInFile = staged?.bytes ?? 0;
  rowStats.writableBytes = getWriteAllowance(Math.min(free, sizeLimit - getAllocatedBytes(core) - bytesInFile));
  if (free < sizeLimit * PREPARE_INDEX_BELOW) prepareEvictionIndex(core);
  if (free >= 0) {
    // Free pages take rows, but no files.
    vacuumOverLimit(core, getAllocatedBytes(core) + bytesInFile - sizeLimit);
    return;
  }
  if (settings.evictionPolicy === 'none') {
    throw new DiskCacheError(
      'DISK_FULL',
      `${core.directory} has reached its sizeLimit of ${sizeLimit} bytes and its policy "none" lets nothing go; delete something or raise the limit`,
    );
  }
  // Space comes and goes in pages: a whole one is freed at a time, and the next writes find room.
  const wantedBytes = Math.max(core.pageSize, Math.min(-free, incoming + MAX_OVERRUN_PER_WRITE_BYTES));
  let { bytes, items } = evict(core, wantedBytes, excludedKey);
  rowStats.writableBytes = Math.min(core.pageSize, Math.max(0, bytes - incoming));
  // A file needs its room now, and rows that have left need not have emptied a page each.
  for (
    let over = getOverrunBytes(core, incoming);
    staged !== undefined && items > 0 && over > 0;
    over = getOverrunBytes(core, incoming)
  ) {
    ({ bytes, items } = evict(core, Math.max(core.pageSize, over), excludedKey));
  }
  vacuumOverLimit(core, getAllocatedBytes(core) + bytesInFile - sizeLimit);
  core.transaction.afterCommit.push(() => checkpointIfOversized(core));
}

const getOverrunBytes = (core: Core, incoming: number): number =>
  getLiveBytes(core) + incoming - core.settings.sizeLimit;

/** Bytes in use: pages that hold something, value files, and what is set aside for the log and the next writes. O(1). */
export function getLiveBytes(core: Core): number {
  const { sql, pageSize } = core;
  return getFixedBytes(core) + ((sql.pageCount.first()?.[0] ?? 0) - (sql.freePages.first()?.[0] ?? 0)) * pageSize;
}

/** A count that somebody has damaged would evict everything, or nothing. */
function getFileBytes({ sql }: Core): number {
  const counted: unknown = sql.counter.first('file bytes')?.[0];
  const isCount = typeof counted === 'number' && counted >= 0 && counted <= Number.MAX_SAFE_INTEGER;
  return isCount ? counted : (sql.fileBytes.first()?.[0] ?? 0);
}

/** Value files, what is set aside, and a log that a reader keeps longer than that. */
function getFixedBytes(core: Core): number {
  const { pageSize } = core;
  const share = getLimitShareBytes(core);
  const fileBytes = getFileBytes(core);
  const reserved =
    getReservedBytes(share, pageSize) + Math.max(0, getWalBytes(core) - getWalReserveBytes(share, pageSize));
  return fileBytes + Math.min(getMaxReplacedBytes(core), fileBytes + core.maintenance.replacedBytes) + reserved;
}

/**
 * Bytes on disk that count: as `getLiveBytes`, with the pages that hold nothing, and with those that have been given back but leave
 * the file only when the log is emptied. As long as there are free pages the file doesn't grow, so what is set aside for
 * splits is theirs: else a full store would give pages back, each time with an emptied log, and soon take them again. O(1).
 */
export function getAllocatedBytes(core: Core): number {
  const { sql, pageSize } = core;
  const file = Math.max((sql.pageCount.first()?.[0] ?? 0) * pageSize, getDatabaseBytes(core));
  return getFixedBytes(core) + file - SPLIT_RESERVE_PAGES * pageSize;
}

/** What can be stored at all under the limit. */
export function getMaxItemBytes({ settings, pageSize, membership }: Core): number {
  return Math.max(
    0,
    settings.sizeLimit - (membership?.group.getOverheadBytes() ?? getFixedOverheadBytes(settings.sizeLimit, pageSize)),
  );
}

/** Free pages count on disk too: where the files are larger than the limit allows by so many bytes, some are given back. */
export function vacuumOverLimit(core: Core, over: number): void {
  if (over <= 0) return;
  const { sql, pageSize, connection, transaction } = core;
  const pages = Math.min(Math.ceil(over / pageSize), sql.freePages.first()?.[0] ?? 0, MAX_VACUUM_PAGES_PER_WRITE);
  if (pages > 0) connection.execute(`PRAGMA incremental_vacuum(${pages})`);
  const isCut = getDatabaseBytes(core) > (sql.pageCount.first()?.[0] ?? 0) * pageSize;
  if (isCut) transaction.afterCommit.push(() => checkpoint(core));
}
