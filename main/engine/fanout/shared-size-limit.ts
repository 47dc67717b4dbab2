import { DiskCacheError } from '../../../protocol/error.ts';
import { inWriteTransaction } from '../cache/transaction.ts';
import {
  compareRanks,
  type Eviction,
  type EvictionRank,
  evict,
  peekRank,
  prepareEvictionIndex,
} from '../space/eviction.ts';
import { checkpointIfOversized, vacuum } from '../space/maintenance.ts';
import { EVICTION_POLICIES, getFixedOverheadBytes, getWriteAllowance } from '../space/policy.ts';
import {
  CULL_STEP_BYTES,
  getAllocatedBytes,
  getLiveBytes,
  limitReachedError,
  MAX_OVERRUN_PER_WRITE_BYTES,
  PREPARE_INDEX_BELOW,
  removeMarkedOverLimit,
  SLICED_CULL_STEP_BYTES,
  SpaceManagerBase,
  vacuumOverLimit,
} from '../space/size-limit.ts';
import { LAST_INSERT_ID_SQL } from '../sqlite/statements.ts';
import { type Core, getLimitShareBytes, type IncomingWrite } from '../state/core.ts';
import type { KeyColumn } from '../values/key.ts';
import { isLimited, shouldPause } from '../values/read-budget.ts';

/** Insert ids per millisecond; a process that inserts more runs ahead of its clock. */
const INSERT_IDS_PER_MS = 1024;
/** The largest id derived from a clock, centuries ahead of today. From here on ids count up by one. */
const MAX_TIMED_INSERT_ID = 2 ** 53 - 2 ** 43;
/** Milliseconds after which the shards are measured again, because other processes write, too. */
const RECOUNT_INTERVAL_MS = 1000;
/** The part of this process's allowance that a member gets at a time. */
const MEMBER_SHARE = 1 / 8;
/** At least this much is freed at a time: this part of the limit, but not more than these bytes. */
const SLACK_SHARE = 1 / 256;
const MAX_SLACK_BYTES = 64 * 1024;

/** Far over the limit, `cull` evicts this part of the excess in one step, but not more than these bytes. */
const CULL_STEP_SHARE = 1 / 16;
const MAX_CULL_STEP_BYTES = 8 * 1024 * 1024;

const NOTHING: Eviction = { items: 0, bytes: 0, marked: 0 };

const sumEvictions = (one: Eviction, other: Eviction): Eviction => ({
  items: one.items + other.items,
  bytes: one.bytes + other.bytes,
  marked: one.marked + other.marked,
});

interface EvictionCandidate {
  readonly member: Core;
  readonly rank: EvictionRank;
}

/**
 * The size limit of a FanoutCache, shared by its shards. All of them are measured from time to time, the more often the less is free;
 * victims are selected among the items of all.
 *
 * Invariant: a process that holds one member's lock never waits for another member's lock to evict, so two processes can't block each
 * other: eviction happens after the commit, and a locked member is skipped.
 */
export class SharedSizeLimit extends SpaceManagerBase {
  readonly members = new Set<Core>();
  readonly #directory: string;
  readonly #openNamedShards: () => void;
  #lastInsertId = 0;
  #countedAt = Number.NEGATIVE_INFINITY;
  /** Bytes that were free at the last measurement. */
  #freeBytes = 0;
  /** Bytes to give to members before the next measurement. */
  #unallocatedBytes = 0;
  /** Bytes of writes beyond the limit, in transactions that may not have ended yet. */
  #pendingBytes = 0;
  /** Why eviction failed after a commit: the next write beyond the limit fails with it, and the one after that evicts again. */
  #evictionFailure: { readonly error: unknown } | undefined;

  /** `openNamedShards` makes all named shards members; it is called before a measurement. */
  constructor(directory: string, openNamedShards: () => void) {
    super();
    this.#directory = directory;
    this.#openNamedShards = openNamedShards;
  }

  override assertConfigurable({ directory }: Core): void {
    throw new DiskCacheError(
      'BAD_OPTION',
      `${directory} is a named shard and has the settings of its FanoutCache; call configure of that`,
    );
  }

  override join(member: Core): void {
    this.members.add(member);
    this.#unallocatedBytes = 0;
    // After a clock was set back, new items still come behind old ones.
    const [last] = member.sql.dynamic<[number]>(LAST_INSERT_ID_SQL).first() ?? [0];
    this.#lastInsertId = Math.max(this.#lastInsertId, last);
  }

  override leave(member: Core): void {
    super.leave(member);
    this.members.delete(member);
  }

  protected makeSpace(member: Core, { cost, key: excludedKey }: IncomingWrite): void {
    const { rowStats, transaction, settings } = member;
    rowStats.writableBytes = 0;
    if (cost > this.#unallocatedBytes || performance.now() - this.#countedAt > RECOUNT_INTERVAL_MS) {
      this.#freeBytes = settings.sizeLimit - this.#measure().used;
      this.#unallocatedBytes = Math.max(getWriteAllowance(this.#freeBytes), Math.min(member.pageSize, this.#freeBytes));
    }
    if (this.#freeBytes < settings.sizeLimit * PREPARE_INDEX_BELOW) prepareEvictionIndex(member);
    if (cost <= this.#unallocatedBytes) {
      rowStats.writableBytes = (this.#unallocatedBytes - cost) * MEMBER_SHARE;
      this.#unallocatedBytes -= cost + rowStats.writableBytes;
    } else if (cost > this.#freeBytes) {
      if (settings.evictionPolicy === 'none') {
        const getOverrun = () => cost - (settings.sizeLimit - this.#measure().used);
        removeMarkedOverLimit(member, getOverrun);
        if (getOverrun() <= 0) return;
        throw limitReachedError(this.#directory, settings.sizeLimit);
      }
      this.#unallocatedBytes = 0;
      const failed = this.#evictionFailure;
      this.#evictionFailure = undefined;
      if (failed !== undefined) throw failed.error;
      this.#pendingBytes += cost;
      transaction.afterCommit.push(() => this.#tryEvictAfterCommit(member, excludedKey));
    }
  }

  /** The write is committed, so it must not fail any more. */
  #tryEvictAfterCommit(member: Core, excludedKey: KeyColumn | null): void {
    try {
      this.#evictAfterCommit(member, excludedKey);
    } catch (error) {
      this.#evictionFailure = { error };
    }
  }

  /** Evicts for all writes of a transaction that has ended, at the first of them. */
  #evictAfterCommit(member: Core, excludedKey: KeyColumn | null): void {
    const pending = this.#pendingBytes;
    this.#pendingBytes = 0;
    if (pending === 0) return;
    const { sizeLimit } = member.settings;
    const { used, held } = this.#measure();
    // Measuring and selecting victims is expensive, so a little more is evicted, and the next writes need not evict.
    const slack = Math.max(member.pageSize, Math.min(MAX_SLACK_BYTES, sizeLimit * SLACK_SHARE));
    const wanted = Math.max(slack, Math.min(used - sizeLimit, pending + MAX_OVERRUN_PER_WRITE_BYTES));
    const freed = used <= sizeLimit ? 0 : this.#evict(wanted, held - sizeLimit, member, excludedKey).bytes;
    this.#freeBytes = sizeLimit - used + freed;
    this.#unallocatedBytes = Math.max(0, Math.min(slack, this.#freeBytes));
  }

  getMaxItemBytes({ settings }: Core): number {
    let overhead = 0;
    for (const member of this.members) overhead += getFixedOverheadBytes(getLimitShareBytes(member), member.pageSize);
    return Math.max(0, settings.sizeLimit - overhead);
  }

  cull(): number {
    let items = 0;
    const [first] = this.members;
    const sizeLimit = first?.settings.sizeLimit ?? Number.POSITIVE_INFINITY;
    for (;;) {
      const { used, held } = this.#measure();
      const over = used - sizeLimit;
      if (over <= 0) break;
      const evicted = this.#evict(getCullStepBytes(over), held - sizeLimit);
      items += evicted.items;
      if (evicted.items + evicted.marked === 0 || shouldPause()) break;
    }
    if (items > 0) for (const member of this.members) vacuum(member);
    return items;
  }

  readonly nextInsertId = (last: number, now: number): number => {
    this.#lastInsertId = Math.max(
      this.#lastInsertId + 1,
      last + 1,
      Math.min(MAX_TIMED_INSERT_ID, Math.floor(now * INSERT_IDS_PER_MS)),
    );
    return this.#lastInsertId;
  };

  #measure(): { readonly used: number; readonly held: number } {
    const now = performance.now();
    if (now - this.#countedAt > RECOUNT_INTERVAL_MS) this.#openNamedShards();
    this.#countedAt = now;
    let used = 0;
    let held = 0;
    for (const member of this.members) {
      used += getLiveBytes(member);
      held += getAllocatedBytes(member);
    }
    return { used, held };
  }

  /**
   * Evicts the items with the least rank, in whichever member they are. Each step is a transaction, so small items are evicted in
   * chunks, a member's part of the wanted bytes at a time; only within them the order between members is not exact. O(members) and
   * O(log n) for each item.
   */
  #evict(wanted: number, surplus: number, writer?: Core, excludedKey: KeyColumn | null = null): Eviction {
    let freed = NOTHING;
    const excludedIn = (member: Core) => (member === writer ? excludedKey : null);
    const chunk = wanted / this.members.size;
    const candidates: EvictionCandidate[] = [];
    const insertSorted = (member: Core) => {
      const rank = peekRank(member, excludedIn(member));
      if (rank === undefined) return;
      const at = candidates.findIndex((other) => compareRanks(rank, other.rank) < 0);
      candidates.splice(at === -1 ? candidates.length : at, 0, { member, rank });
    };
    for (const member of this.members) {
      if (skipIfLocked(member, () => indexMember(member)) !== undefined) insertSorted(member);
    }
    while (freed.bytes < wanted) {
      const first = candidates.shift();
      if (first === undefined) break;
      const { member, rank } = first;
      const evicted = skipIfLocked(member, () =>
        inWriteTransaction(member, () => {
          const one = evict(member, 1, excludedIn(member), candidates[0]?.rank);
          const isEmpty = one.items + one.marked === 0;
          const more = isEmpty ? NOTHING : evict(member, chunk - one.bytes, excludedIn(member));
          vacuumOverLimit(member, surplus);
          return sumEvictions(one, more);
        }),
      );
      if (evicted === undefined) continue;
      freed = sumEvictions(freed, evicted);
      checkpointIfOversized(member);
      // Nothing was evicted if reads that were not flushed yet have raised the rank of the first item.
      const isStuck =
        evicted.items + evicted.marked === 0 && compareRanks(peekRank(member, excludedIn(member)) ?? rank, rank) <= 0;
      if (!isStuck) insertSorted(member);
    }
    return freed;
  }
}

/**
 * Returns the bytes that one step of `cull` evicts: far over the limit more, because each transaction rewrites pages of the indexes. On
 * behalf of a page, steps stay short.
 */
const getCullStepBytes = (over: number): number =>
  isLimited()
    ? Math.min(over, SLICED_CULL_STEP_BYTES)
    : Math.min(over, Math.max(CULL_STEP_BYTES, Math.min(over * CULL_STEP_SHARE, MAX_CULL_STEP_BYTES)));

/** Ensures the eviction index exists, and that times on disk are by the same clock in all members. */
function indexMember(member: Core): true {
  member.clock();
  const { index: name } = EVICTION_POLICIES[member.settings.evictionPolicy];
  if (member.rowStats.knownIndex !== name) inWriteTransaction(member, () => prepareEvictionIndex(member));
  return true;
}

/** Returns undefined if another process holds the member's lock, or reads pages that have to be changed. */
function skipIfLocked<T>(member: Core, work: () => T): T | undefined {
  let result: T | undefined;
  try {
    member.connection.withoutRetry(() => {
      result = work();
    });
    return result;
  } catch (error) {
    // IO: another process has removed it.
    if (error instanceof DiskCacheError && (error.code === 'BUSY' || error.code === 'IO')) return undefined;
    throw error;
  }
}
