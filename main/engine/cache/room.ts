import { DiskCacheError } from '../../../protocol/error.ts';
import { allowance, costOf, logReserve, setAside } from '../policy/budget.ts';
import { EVICTION_POLICIES, type EvictionPolicy, otherIndexes } from '../policy/eviction.ts';
import { DOOMED_COLUMNS, type DoomedRow } from '../sqlite/statements.ts';
import type { KeyColumn } from '../values/key.ts';
import type { Core } from './core.ts';
import { drop, keyBytes } from './drop.ts';
import { dropExpired } from './expire.ts';
import { boundLog } from './upkeep.ts';
import { writeUse } from './uses.ts';
import { logBytes } from './volume.ts';

/** Victims are looked up in groups. */
const GROUP = 16;
/** A write evicts for itself and, of what is over the limit, so many bytes at most; the rest is left to the next writes. */
const OVER_PER_WRITE = 16 * 1024;
/** Free pages given back by one write. */
const SHRINK_PER_WRITE = 32;
/** With less than this part of the limit free, victims will soon be looked for. */
const NEARLY_FULL = 1 / 4;

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
  const { sizeLimit } = settings;
  const free = sizeLimit - usedBytes(core) - incoming;
  ledger.room = allowance(free);
  if (free < sizeLimit * NEARLY_FULL) prepareIndex(core);
  if (free >= 0) return;
  // Space comes and goes in pages: a whole one is freed at a time, and the next writes find room.
  const wanted = Math.max(core.pageSize, Math.min(-free, incoming + OVER_PER_WRITE));
  const { items, bytes } = evict(core, wanted, spared);
  if (items === 0 && settings.evictionPolicy === 'none') {
    throw new DiskCacheError(
      'DISK_FULL',
      `${core.directory} has reached its sizeLimit of ${sizeLimit} bytes and its policy "none" lets nothing go; delete something or raise the limit`,
    );
  }
  ledger.room = Math.min(core.pageSize, Math.max(0, bytes - incoming));
  shrink(core);
  core.transaction.afterCommit.push(() => boundLog(core));
}

/** Bytes in use: pages that hold something, value files, and what is set aside for the log. O(1). */
export function usedBytes(core: Core): number {
  const { sql, pageSize } = core;
  return fixedBytes(core) + ((sql.pageCount.first()?.[0] ?? 0) - (sql.freePages.first()?.[0] ?? 0)) * pageSize;
}

/** Value files, what is set aside, and a log that a reader keeps longer than that. */
function fixedBytes(core: Core): number {
  const { sql, pageSize, settings } = core;
  const aside =
    setAside(settings.sizeLimit, pageSize) + Math.max(0, logBytes(core) - logReserve(settings.sizeLimit, pageSize));
  return (sql.counter.first('file bytes')?.[0] ?? 0) + aside;
}

/** Free pages count on disk too: where the file is larger than the limit allows, some are given back. */
function shrink(core: Core): void {
  const { sql, pageSize, settings } = core;
  const over = fixedBytes(core) + (sql.pageCount.first()?.[0] ?? 0) * pageSize - settings.sizeLimit;
  const pages = Math.min(Math.ceil(over / pageSize), sql.freePages.first()?.[0] ?? 0, SHRINK_PER_WRITE);
  if (pages > 0) core.connection.execute(`PRAGMA incremental_vacuum(${pages})`);
}

/** Evicts until about so many bytes are free, or nobody is left. Inside a write transaction. */
export function evict(core: Core, wanted: number, spared: KeyColumn | null): { items: number; bytes: number } {
  const policy = EVICTION_POLICIES[core.settings.evictionPolicy];
  let items = 0;
  let bytes = 0;
  if (policy.order === null) return { items, bytes };
  prepareIndex(core);
  const pick = policy.hand ? pickByHand : pickByOrder;
  while (bytes < wanted) {
    const victims = pick(core, policy, spared);
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

/** An index costs every write, so it is made when it will soon be needed, and that of a former policy goes. */
function prepareIndex(core: Core): void {
  const policy = EVICTION_POLICIES[core.settings.evictionPolicy];
  if (core.ledger.indexed === policy.index) return;
  for (const other of otherIndexes(policy)) core.connection.execute(`DROP INDEX IF EXISTS ${other}`);
  if (policy.index !== null) {
    core.connection.execute(`CREATE INDEX IF NOT EXISTS ${policy.index} ON entry (${policy.order})`);
  }
  core.ledger.indexed = policy.index;
}

/** Victims in order. Uses that are not written down yet may put one of them back in line. */
function pickByOrder(core: Core, { order }: EvictionPolicy, spared: KeyColumn | null): DoomedRow[] {
  const text = `SELECT ${DOOMED_COLUMNS} FROM entry WHERE key IS NOT ? ORDER BY ${order} LIMIT ?`;
  for (;;) {
    const victims = core.sql.composed<DoomedRow>(text).all(spared, GROUP);
    const used = victims.findIndex(([id]) => core.uses.of(id) !== undefined);
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
    if (victim !== undefined && core.uses.of(victim[0]) !== undefined) {
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
