import { DiskCacheError } from '../../../protocol/error.ts';
import { allowance, costOf, logReserve } from '../policy/budget.ts';
import { EVICTION_POLICIES, type EvictionPolicy, otherIndexes } from '../policy/eviction.ts';
import { DOOMED_COLUMNS, type DoomedRow } from '../sqlite/statements.ts';
import type { KeyColumn } from '../values/key.ts';
import type { Core } from './core.ts';
import { drop, keyBytes } from './drop.ts';
import { dropExpired } from './expire.ts';
import { writeUse } from './uses.ts';

/** Victims are looked up in groups. */
const GROUP = 16;
/** A write evicts for itself and, of what is over the limit, so many bytes at most; the rest is left to the next writes. */
const OVER_PER_WRITE = 16 * 1024;

/**
 * Lets expired items go, then, when the disk is full, as many others as `incoming` bytes demand, in the order of the policy;
 * never the item of the key `spared`. Inside a write transaction.
 *
 * @throws {DiskCacheError} `DISK_FULL` when the policy lets nobody go.
 */
export function makeRoom(core: Core, incoming: number, spared: KeyColumn | null, now: number): void {
  const { ledger, settings } = core;
  if (now >= ledger.nextExpiry) dropExpired(core, now);
  ledger.room -= incoming;
  if (ledger.room >= 0) return;
  if (settings.sizeLimit === Number.POSITIVE_INFINITY) {
    ledger.room = settings.sizeLimit;
    return;
  }
  const free = settings.sizeLimit - usedBytes(core) - incoming;
  ledger.room = allowance(free);
  if (free >= 0) return;
  const wanted = Math.min(-free, incoming + OVER_PER_WRITE);
  if (evict(core, wanted, spared) > 0 || settings.evictionPolicy !== 'none') return;
  throw new DiskCacheError(
    'DISK_FULL',
    `${core.directory} has reached its sizeLimit of ${settings.sizeLimit} bytes and its policy "none" lets nothing go; delete something or raise the limit`,
  );
}

/** Bytes in use: pages that hold something, value files, and what is set aside for the log. O(1). */
export function usedBytes({ sql, settings, pageSize }: Core): number {
  const pages = (sql.pageCount.first()?.[0] ?? 0) - (sql.freePages.first()?.[0] ?? 0);
  return pages * pageSize + (sql.counter.first('file bytes')?.[0] ?? 0) + logReserve(settings.sizeLimit);
}

/** Evicts until about so many bytes are free, or nobody is left; answers how many items went. Inside a write transaction. */
export function evict(core: Core, wanted: number, spared: KeyColumn | null): number {
  const policy = EVICTION_POLICIES[core.settings.evictionPolicy];
  if (policy.order === null) return 0;
  prepareIndex(core, policy);
  const pick = policy.hand ? pickByHand : pickByOrder;
  let evicted = 0;
  let freed = 0;
  while (freed < wanted) {
    const victims = pick(core, policy, spared);
    if (victims.length === 0) break;
    for (const victim of victims) {
      drop(core, victim, 'evict');
      freed += costOf(keyBytes(victim[1]), victim[3]);
      evicted++;
      if (freed >= wanted) break;
    }
  }
  return evicted;
}

/** An index costs every write, so it is made when it is needed for the first time, and that of a former policy goes. */
function prepareIndex(core: Core, { index, order }: EvictionPolicy): void {
  if (core.ledger.indexed === index) return;
  for (const other of otherIndexes(EVICTION_POLICIES[core.settings.evictionPolicy])) {
    core.connection.execute(`DROP INDEX IF EXISTS ${other}`);
  }
  if (index !== null) core.connection.execute(`CREATE INDEX IF NOT EXISTS ${index} ON entry (${order})`);
  core.ledger.indexed = index;
}

/** Victims in order. Uses that are not written down yet may put one of them back in line. */
function pickByOrder(core: Core, { order }: EvictionPolicy, spared: KeyColumn | null): DoomedRow[] {
  const text = `SELECT ${DOOMED_COLUMNS} FROM entry WHERE key IS NOT ? ORDER BY ${order} LIMIT ?`;
  for (;;) {
    const victims = core.sql.composed<DoomedRow>(text).all(spared, GROUP);
    const used = victims.findIndex(([id]) => core.uses.has(id));
    if (used === -1) return victims;
    // Those before it are certain; when it comes first, it is put where it belongs and the search begins again.
    if (used > 0) return victims.slice(0, used);
    writeUse(core, victims[0]![0]);
  }
}

/** One victim: the first unvisited item ahead of the hand; those it passes by lose their mark. */
function pickByHand(core: Core, _policy: EvictionPolicy, spared: KeyColumn | null): DoomedRow[] {
  const { sql } = core;
  let hand = sql.counter.first('hand')?.[0] ?? 0;
  for (let round = 0; round < 2; ) {
    const victim = sql.unvisited.first(hand, spared, 1);
    if (victim !== undefined && core.uses.has(victim[0])) {
      writeUse(core, victim[0]);
      continue;
    }
    sql.unvisit.run(hand, victim === undefined ? Number.MAX_SAFE_INTEGER : victim[0]);
    hand = victim === undefined ? 0 : victim[0];
    sql.setCounter.run(hand, 'hand');
    if (victim !== undefined) return [victim];
    round++;
  }
  return [];
}
