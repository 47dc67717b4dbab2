import { costOf } from '../policy/budget.ts';
import { EVICTION_POLICIES, type EvictionPolicy, otherIndexes } from '../policy/eviction.ts';
import { createOrderIndex } from '../sqlite/schema.ts';
import { DOOMED_COLUMNS, type DoomedRow, EVICTABLE } from '../sqlite/statements.ts';
import type { KeyColumn } from '../values/key.ts';
import type { Core } from './core.ts';
import { drop, keyBytes } from './drop.ts';
import { writeUse } from './uses.ts';

/** Victims are looked up in groups. */
const GROUP = 16;

/**
 * How soon an item leaves, comparable between stores of one policy, element by element: the values of the order's columns; for
 * a hand, how often it has to go round first, and the place.
 */
export type Turn = readonly number[];

export const compareTurns = (a: Turn, b: Turn): number => {
  const at = a.findIndex((part, index) => part !== b[index]);
  return at === -1 ? 0 : a[at]! - b[at]!;
};

/**
 * Evicts until about so many bytes are free or nobody is left, with `upTo` nobody whose turn is not later than that. Inside a
 * write transaction.
 */
export function evict(
  core: Core,
  wanted: number,
  spared: KeyColumn | null,
  upTo?: Turn,
): { readonly items: number; readonly bytes: number } {
  const policy = EVICTION_POLICIES[core.settings.evictionPolicy];
  let items = 0;
  let bytes = 0;
  if (policy.order === null) return { items, bytes };
  prepareIndex(core);
  const pick = policy.hand ? pickByHand : pickByOrder;
  while (bytes < wanted) {
    const victims = pick(core, policy, wanted - bytes, spared, upTo);
    if (victims.length === 0) break;
    for (const victim of victims) {
      drop(core, victim, 'evict');
      bytes += costOfRow(victim);
    }
    items += victims.length;
  }
  return { items, bytes };
}

const costOfRow = ([, key, , size]: DoomedRow): number => costOf(keyBytes(key), size);

/** As many of the first ones as it takes to free so many bytes. */
function enough(rows: readonly DoomedRow[], wanted: number): DoomedRow[] {
  let bytes = 0;
  return rows.filter((row) => {
    const isNeeded = bytes < wanted;
    bytes += costOfRow(row);
    return isNeeded;
  });
}

/** Those before the first one that was read since that was last written down: what comes before it is certain. */
function beforeUsed({ uses }: Core, rows: readonly DoomedRow[]): readonly DoomedRow[] {
  const used = rows.findIndex(([id]) => uses.of(id) !== undefined);
  return used === -1 ? rows : rows.slice(0, used);
}

/**
 * Whose turn is next, as far as it is written down: reads that are not may put it off. Undefined when nobody leaves. With the
 * policy's index O(log n).
 */
export function nextTurn({ sql, settings }: Core, spared: KeyColumn | null): Turn | undefined {
  const { order, hand } = EVICTION_POLICIES[settings.evictionPolicy];
  if (order === null) return undefined;
  if (!hand)
    return sql
      .composed<number[]>(`SELECT ${order} FROM entry WHERE ${EVICTABLE} ORDER BY ${order} LIMIT 1`)
      .first(spared);
  const ahead = sql.unvisited.first(sql.counter.first('hand')?.[0] ?? 0, spared, 1);
  if (ahead !== undefined) return [0, ahead[0]];
  const first = sql.composed<[number]>(`SELECT id FROM entry WHERE ${EVICTABLE} ORDER BY id LIMIT 1`).first(spared);
  return first && [1, first[0]];
}

/** An index costs every write, so it is made when it will soon be needed, and that of a former policy goes. */
export function prepareIndex(core: Core): void {
  const policy = EVICTION_POLICIES[core.settings.evictionPolicy];
  if (core.ledger.indexed === policy.index) return;
  for (const other of otherIndexes(policy)) core.connection.execute(`DROP INDEX IF EXISTS ${other}`);
  if (policy.index !== null && policy.order !== null) {
    core.connection.execute(createOrderIndex(policy.index, policy.order));
  }
  core.ledger.indexed = policy.index;
}

/** Victims in order. Uses that are not written down yet may put one of them back in line. */
function pickByOrder(
  core: Core,
  { order }: EvictionPolicy,
  wanted: number,
  spared: KeyColumn | null,
  upTo: Turn = [],
): DoomedRow[] {
  const inTurn = upTo.length === 0 ? '' : `AND (${order}) <= (${upTo.map(() => '?').join(', ')})`;
  const text = `SELECT ${DOOMED_COLUMNS} FROM entry WHERE ${EVICTABLE} ${inTurn} ORDER BY ${order} LIMIT ?`;
  for (;;) {
    const rows = core.sql.composed<DoomedRow>(text).all(spared, ...upTo, GROUP);
    const certain = beforeUsed(core, rows);
    if (certain.length > 0 || rows[0] === undefined) return enough(certain, wanted);
    // It is put where it belongs, and the search begins again.
    writeUse(core, rows[0][0]);
  }
}

/** The next unvisited items ahead of the hand, which moves to the last of them; those it passes by lose their mark. */
function pickByHand(
  core: Core,
  _policy: EvictionPolicy,
  wanted: number,
  spared: KeyColumn | null,
  upTo?: Turn,
): DoomedRow[] {
  const { sql } = core;
  let hand = sql.counter.first('hand')?.[0] ?? 0;
  for (let round = 0; round < 2; ) {
    const isInTurn = (...turn: Turn) => upTo === undefined || compareTurns(turn, upTo) <= 0;
    const rows = sql.unvisited.all(hand, spared, GROUP);
    const certain = beforeUsed(core, rows);
    if (certain.length === 0 && rows[0] !== undefined) {
      writeUse(core, rows[0][0]);
      continue;
    }
    const victims = enough(
      certain.filter(([id]) => isInTurn(round, id)),
      wanted,
    );
    const last = victims.at(-1);
    if (last === undefined && !(rows.length === 0 && isInTurn(round + 1))) return [];
    sql.unvisit.run(hand, last?.[0] ?? Number.MAX_SAFE_INTEGER);
    hand = last?.[0] ?? 0;
    sql.setCounter.run(hand, 'hand');
    if (last !== undefined) return victims;
    round++;
  }
  return [];
}
