import { flushAccess } from '../cache/stats.ts';
import { evictionChannel, publishEviction } from '../diagnostics.ts';
import { toCreateIndex } from '../sqlite/file-format.ts';
import { EVICTABLE_SQL, ROW_REF_COLUMNS, type RowRef } from '../sqlite/statements.ts';
import type { Core } from '../state/core.ts';
import type { KeyColumn } from '../values/key.ts';
import { deleteMarked, deleteRow, estimateKeyBytes } from './delete-row.ts';
import { computeItemCost, EVICTION_POLICIES, type EvictionPolicy, getOtherIndexes } from './policy.ts';

/** Victims are read in batches. */
const BATCH_ROWS = 16;

/**
 * How soon an item is evicted, comparable between stores of one policy, element by element: the values of the order's columns; for
 * SIEVE the rounds that the hand has to make first, and the id.
 */
export type EvictionRank = readonly number[];

export const compareRanks = (a: EvictionRank, b: EvictionRank): number => {
  const at = a.findIndex((part, index) => part !== b[index]);
  return at === -1 ? 0 : a[at]! - b[at]!;
};

/** What an eviction has freed. `marked`: rows of items that had been deleted before, which don't count as evicted. */
export interface Eviction {
  readonly items: number;
  readonly bytes: number;
  readonly marked: number;
}

/**
 * Evicts until about `wantedBytes` are free or nothing is left, with `maxRank` only items up to that rank. Rows that are marked as deleted go
 * first. Inside a write transaction.
 */
export function evict(
  core: Core,
  wantedBytes: number,
  excludedKey: KeyColumn | null,
  maxRank?: EvictionRank,
): Eviction {
  const policy = EVICTION_POLICIES[core.settings.evictionPolicy];
  let items = 0;
  let marked = 0;
  let bytes = 0;
  while (bytes < wantedBytes) {
    const rows = deleteMarked(core, BATCH_ROWS);
    if (rows.length === 0) break;
    marked += rows.length;
    for (const row of rows) bytes += computeRowCost(row);
  }
  if (policy.order === null || bytes >= wantedBytes) return { items, bytes, marked };
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
  return { items, bytes, marked };
}

const computeRowCost = ([, key, , size]: RowRef): number => computeItemCost(estimateKeyBytes(key), size);

/** Returns as many of the first rows as are needed to free these bytes. */
function takeUntilFreed(rows: readonly RowRef[], wantedBytes: number): RowRef[] {
  let bytes = 0;
  return rows.filter((row) => {
    const isNeeded = bytes < wantedBytes;
    bytes += computeRowCost(row);
    return isNeeded;
  });
}

/** Returns the rows before the first one with buffered reads: only their order is certain. */
function takeUntilAccessed({ accessBuffer }: Core, rows: readonly RowRef[]): readonly RowRef[] {
  const used = rows.findIndex(([id]) => accessBuffer.get(id) !== undefined);
  return used === -1 ? rows : rows.slice(0, used);
}

/**
 * Returns the rank of the next victim as it is on disk; buffered reads may raise it. Undefined if nothing can be evicted. O(log n) with
 * the index of the policy.
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

/** Creates the index of the policy, and drops that of a former one. It slows every write, so it is created only when needed soon. */
export function prepareEvictionIndex(core: Core): void {
  const policy = EVICTION_POLICIES[core.settings.evictionPolicy];
  if (core.rowStats.knownIndex === policy.index) return;
  for (const other of getOtherIndexes(policy)) core.connection.execute(`DROP INDEX IF EXISTS ${other}`);
  if (policy.index !== null && policy.order !== null) {
    core.connection.execute(toCreateIndex(policy.index, policy.order));
  }
  core.rowStats.knownIndex = policy.index;
}

/** Returns victims in order. Buffered reads may raise the rank of one of them. */
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
    // The reads of the first row are written, and the search starts again.
    flushAccess(core, rows[0][0]);
  }
}

/** Returns the next unvisited items ahead of the hand, which moves to the last of them; items it passes lose their mark. */
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
    const isWithinMaxRank = (...rank: EvictionRank) => maxRank === undefined || compareRanks(rank, maxRank) <= 0;
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
