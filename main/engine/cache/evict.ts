import { costOf } from '../policy/budget.ts';
import { EVICTION_POLICIES, type EvictionPolicy, otherIndexes } from '../policy/eviction.ts';
import { DOOMED_COLUMNS, type DoomedRow } from '../sqlite/statements.ts';
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
    const victims = pick(core, policy, spared, upTo);
    if (victims.length === 0) break;
    for (const victim of victims) {
      drop(core, victim, 'evict');
      bytes += costOf(keyBytes(victim[1]), victim[3]);
      items++;
      if (bytes >= wanted) break;
    }
  }
  return { items, bytes };
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
      .composed<number[]>(`SELECT ${order} FROM entry WHERE key IS NOT ? ORDER BY ${order} LIMIT 1`)
      .first(spared);
  const ahead = sql.unvisited.first(sql.counter.first('hand')?.[0] ?? 0, spared, 1);
  if (ahead !== undefined) return [0, ahead[0]];
  const first = sql.composed<[number]>('SELECT id FROM entry WHERE key IS NOT ? ORDER BY id LIMIT 1').first(spared);
  return first && [1, first[0]];
}

/** An index costs every write, so it is made when it will soon be needed, and that of a former policy goes. */
export function prepareIndex(core: Core): void {
  const policy = EVICTION_POLICIES[core.settings.evictionPolicy];
  if (core.ledger.indexed === policy.index) return;
  for (const other of otherIndexes(policy)) core.connection.execute(`DROP INDEX IF EXISTS ${other}`);
  if (policy.index !== null) {
    core.connection.execute(`CREATE INDEX IF NOT EXISTS ${policy.index} ON entry (${policy.order})`);
  }
  core.ledger.indexed = policy.index;
}

/** Victims in order. Uses that are not written down yet may put one of them back in line. */
function pickByOrder(core: Core, { order }: EvictionPolicy, spared: KeyColumn | null, upTo: Turn = []): DoomedRow[] {
  const inTurn = upTo.length === 0 ? '' : `AND (${order}) <= (${upTo.map(() => '?').join(', ')})`;
  const text = `SELECT ${DOOMED_COLUMNS} FROM entry WHERE key IS NOT ? ${inTurn} ORDER BY ${order} LIMIT ?`;
  for (;;) {
    const victims = core.sql.composed<DoomedRow>(text).all(spared, ...upTo, GROUP);
    const used = victims.findIndex(([id]) => core.uses.of(id) !== undefined);
    if (used === -1) return victims;
    // Those before it are certain; when it comes first, it is put where it belongs and the search begins again.
    if (used > 0) return victims.slice(0, used);
    writeUse(core, victims[0]![0]);
  }
}

/** One victim: the first unvisited item ahead of the hand; those it passes by lose their mark. */
function pickByHand(core: Core, _policy: EvictionPolicy, spared: KeyColumn | null, upTo?: Turn): DoomedRow[] {
  const { sql } = core;
  let hand = sql.counter.first('hand')?.[0] ?? 0;
  for (let round = 0; round < 2; ) {
    const victim = sql.unvisited.first(hand, spared, 1);
    if (victim !== undefined && core.uses.of(victim[0]) !== undefined) {
      writeUse(core, victim[0]);
      continue;
    }
    if (upTo !== undefined && compareTurns(victim === undefined ? [round + 1] : [round, victim[0]], upTo) > 0)
      return [];
    sql.unvisit.run(hand, victim === undefined ? Number.MAX_SAFE_INTEGER : victim[0]);
    hand = victim === undefined ? 0 : victim[0];
    sql.setCounter.run(hand, 'hand');
    if (victim !== undefined) return [victim];
    round++;
  }
  return [];
}
