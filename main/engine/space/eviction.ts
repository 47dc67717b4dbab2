import { flushAccess } from '../cache/stats.ts';
import { evictionChannel, publishEviction } from '../diagnostics.ts';
import { toCreateIndex } from '../sqlite/file-format.ts';
import { EVICTABLE_SQL, ROW_REF_COLUMNS, type RowRef } from '../sqlite/statements.ts';
import type { Core } from '../state/core.ts';
import type { KeyColumn } from '../values/key.ts';
import { deleteRow, estimateKeyBytes } from './delete-row.ts';
import { computeItemCost, EVICTION_POLICIES, type EvictionPolicy, getOtherIndexes } from './policy.ts';

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
