import { DiskCacheError } from '../../../protocol/error.ts';
import { inWriteTransaction } from '../cache/transaction.ts';
import { compareRanks, type EvictionRank, evict, peekRank, prepareEvictionIndex } from '../space/eviction.ts';
import { checkpointIfOversized, vacuum } from '../space/maintenance.ts';
import { EVICTION_POLICIES, getFixedOverheadBytes, getWriteAllowance } from '../space/policy.ts';
import {
  CULL_STEP_BYTES,
  limitReachedError,
  MAX_OVERRUN_PER_WRITE_BYTES,
  PREPARE_INDEX_BELOW,
  SpaceManagerBase,
  vacuumOverLimit,
} from '../space/size-limit.ts';
import { getAllocatedBytes, getLiveBytes } from '../space/used-bytes.ts';
import { LAST_INSERT_ID_SQL } from '../sqlite/statements.ts';
import type { Core } from '../state/core.ts';
import { getLimitShareBytes, type IncomingWrite } from '../state/core.ts';
import type { KeyColumn } from '../values/key.ts';

/** Places in the stored order per millisecond; a process that stores more runs ahead of its clock. */
const INSERT_IDS_PER_MS = 1024;
/** The largest place that a clock gives: centuries ahead of today. From here on places count up by one. */
const MAX_TIMED_INSERT_ID = 2 ** 53 - 2 ** 43;
/** Milliseconds after which it is counted again what others may have taken meanwhile. */
const RECOUNT_INTERVAL_MS = 1000;
/** Of what this process may write before it counts again, a member is given this part at a time. */
const MEMBER_SHARE = 1 / 8;
/** So much is freed at a time at least, of the limit and in bytes. */
const SLACK_SHARE = 1 / 256;
const MAX_SLACK_BYTES = 64 * 1024;

interface EvictionCandidate {
  readonly member: Core;
  readonly rank: EvictionRank;
}

/**
 * The stores that live within the limit of one FanoutCache. What all of them take is counted now and then, the more often the
 * less is free; who has to leave is looked for among all.
 *
 * Invariant: nobody who holds one member's lock waits for another one's to make room, so two processes can't block each other:
 * room is made after the commit, and a member that is locked is passed over.
 */
export class SharedSizeLimit extends SpaceManagerBase {
  readonly members = new Set<Core>();
  readonly #directory: string;
  readonly #openNamedShards: () => void;
  #lastInsertId = 0;
  #countedAt = Number.NEGATIVE_INFINITY;
  /** Free when it was last counted. */
  #freeBytes = 0;
  /** Bytes to hand out before it is counted again. */
  #unallocatedBytes = 0;
  /** Bytes of writes that found no room, in transactions that may not have ended yet. */
  #pendingBytes = 0;
  /** Why no room could be made after a commit: the next write that needs room is refused with it, and the one after tries again. */
  #evictionFailure: { readonly error: unknown } | undefined;

  /** `openNamedShards` sees to it that everybody is a member; it is called before all are counted. */
  constructor(directory: string, gather: () => void) {
    super();
    this.#directory = directory;
    this.#openNamedShards = gather;
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
    // A clock that has gone back since must not put new items before old ones.
    const [last] = member.sql.dynamic<[number]>(LAST_INSERT_ID_SQL).first() ?? [0];
    this.#lastInsertId = Math.max(this.#lastInsertId, last);
  }

  override leave(member: Core): void {
    super.leave(member);
    this.members.delete(member);
  }

  protected makeSpace(member: Core, { cost: incoming, key: spared }: IncomingWrite): void {
    const { rowStats, transaction, settings } = member;
    rowStats.writableBytes = 0;
    if (incoming > this.#unallocatedBytes || performance.now() - this.#countedAt > RECOUNT_INTERVAL_MS) {
      this.#freeBytes = settings.sizeLimit - this.#measure().used;
      this.#unallocatedBytes = Math.max(getWriteAllowance(this.#freeBytes), Math.min(member.pageSize, this.#freeBytes));
    }
    if (this.#freeBytes < settings.sizeLimit * PREPARE_INDEX_BELOW) prepareEvictionIndex(member);
    if (incoming <= this.#unallocatedBytes) {
      rowStats.writableBytes = (this.#unallocatedBytes - incoming) * MEMBER_SHARE;
      this.#unallocatedBytes -= incoming + rowStats.writableBytes;
    } else if (incoming > this.#freeBytes) {
      if (settings.evictionPolicy === 'none') throw limitReachedError(this.#directory, settings.sizeLimit);
      this.#unallocatedBytes = 0;
      const failed = this.#evictionFailure;
      this.#evictionFailure = undefined;
      if (failed !== undefined) throw failed.error;
      this.#pendingBytes += incoming;
      transaction.afterCommit.push(() => this.#tryEvictAfterCommit(member, spared));
    }
  }

  /** The write has been committed: it can't fail any more. */
  #tryEvictAfterCommit(member: Core, spared: KeyColumn | null): void {
    try {
      this.#evictAfterCommit(member, spared);
    } catch (error) {
      this.#evictionFailure = { error };
    }
  }

  /** Lets go what the writes of a transaction that has ended demand; the first one of them sees to all. */
  #evictAfterCommit(member: Core, spared: KeyColumn | null): void {
    const pending = this.#pendingBytes;
    this.#pendingBytes = 0;
    if (pending === 0) return;
    const { sizeLimit } = member.settings;
    const { used, held } = this.#measure();
    // Counting and looking for whose turn it is costs something, so a little more goes, and the next writes find room.
    const slack = Math.max(member.pageSize, Math.min(MAX_SLACK_BYTES, sizeLimit * SLACK_SHARE));
    const wanted = Math.max(slack, Math.min(used - sizeLimit, pending + MAX_OVERRUN_PER_WRITE_BYTES));
    const freed = used <= sizeLimit ? 0 : this.#evict(wanted, held - sizeLimit, member, spared).bytes;
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
      const evicted = over > 0 ? this.#evict(Math.min(over, CULL_STEP_BYTES), held - sizeLimit).items : 0;
      if (evicted === 0) break;
      items += evicted;
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
   * Lets those go whose turn comes first, whichever member they live in. Small items go in handfuls, a member's part of what is
   * wanted at a time, for each step is a transaction; so their order is exact but for that. O(members) and O(log n) for each item.
   */
  #evict(wanted: number, surplus: number, writer?: Core, spared: KeyColumn | null = null) {
    const freed = { items: 0, bytes: 0 };
    const sparedIn = (member: Core) => (member === writer ? spared : null);
    const handful = wanted / this.members.size;
    const line: EvictionCandidate[] = [];
    const queueUp = (member: Core) => {
      const rank = peekRank(member, sparedIn(member));
      if (rank === undefined) return;
      const at = line.findIndex((other) => compareRanks(rank, other.rank) < 0);
      line.splice(at === -1 ? line.length : at, 0, { member, rank });
    };
    for (const member of this.members) {
      if (skipIfLocked(member, () => indexMember(member)) !== undefined) queueUp(member);
    }
    while (freed.bytes < wanted) {
      const first = line.shift();
      if (first === undefined) break;
      const { member, rank } = first;
      const gone = skipIfLocked(member, () =>
        inWriteTransaction(member, () => {
          const one = evict(member, 1, sparedIn(member), line[0]?.rank);
          const more = one.items === 0 ? one : evict(member, handful - one.bytes, sparedIn(member));
          vacuumOverLimit(member, surplus);
          return { items: one.items + more.items, bytes: one.bytes + more.bytes };
        }),
      );
      if (gone === undefined) continue;
      freed.items += gone.items;
      freed.bytes += gone.bytes;
      checkpointIfOversized(member);
      // Nobody went, because reads that were not written down yet had put the first one's turn off.
      const stuck = gone.items === 0 && compareRanks(peekRank(member, sparedIn(member)) ?? rank, rank) <= 0;
      if (!stuck) queueUp(member);
    }
    return freed;
  }
}

/** Whose turn it is can be told quickly, and by the same clock in all members. */
function indexMember(member: Core): true {
  member.clock();
  const { index: name } = EVICTION_POLICIES[member.settings.evictionPolicy];
  if (member.rowStats.knownIndex !== name) inWriteTransaction(member, () => prepareEvictionIndex(member));
  return true;
}

/** Undefined when somebody else holds the member's lock, or reads what would have to go. */
function skipIfLocked<T>(member: Core, work: () => T): T | undefined {
  let result: T | undefined;
  try {
    member.connection.withoutRetry(() => {
      result = work();
    });
    return result;
  } catch (error) {
    // IO: somebody has removed it.
    if (error instanceof DiskCacheError && (error.code === 'BUSY' || error.code === 'IO')) return undefined;
    throw error;
  }
}
