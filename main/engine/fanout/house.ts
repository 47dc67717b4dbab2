import { DiskCacheError } from '../../../protocol/error.ts';
import type { Core } from '../cache/core.ts';
import { compareTurns, evict, nextTurn, prepareIndex, type Turn } from '../cache/evict.ts';
import { type Household, shareOf } from '../cache/household.ts';
import { heldBytes, NEARLY_FULL, OVER_PER_WRITE, shrink, usedBytes } from '../cache/room.ts';
import { Stamps } from '../cache/stamps.ts';
import { atomically } from '../cache/transaction.ts';
import { boundLog, giveBack } from '../cache/upkeep.ts';
import { allowance, overheadOf } from '../policy/budget.ts';
import { EVICTION_POLICIES } from '../policy/eviction.ts';
import { LAST_PLACE } from '../sqlite/statements.ts';
import type { KeyColumn } from '../values/key.ts';

/** Places in the stored order per millisecond; a process that stores more runs ahead of its clock. */
const PLACES_PER_MILLISECOND = 1024;
/** The largest place that a clock gives: centuries ahead of today. From here on places count up by one. */
const MAX_TIMED_PLACE = 2 ** 53 - 2 ** 43;
/** Milliseconds after which it is counted again what others may have taken meanwhile. */
const TRUST = 1000;
/** Of what this process may write before it counts again, a member is given this part at a time. */
const PORTION = 1 / 8;
/** So much is freed at a time at least, of the limit and in bytes. */
const SLACK = 1 / 256;
const MOST_SLACK = 64 * 1024;
/** `cull` goes so far in one step. */
const PER_STEP = 64 * 1024;

interface Waiting {
  readonly member: Core;
  readonly turn: Turn;
}

/**
 * The stores that live within the limit of one FanoutCache. What all of them take is counted now and then, the more often the
 * less is free; who has to leave is looked for among all.
 *
 * Invariant: nobody who holds one member's lock waits for another one's to make room, so two processes can't block each other:
 * room is made after the commit, and a member that is locked is passed over.
 */
export class House implements Household {
  readonly members = new Set<Core>();
  readonly #directory: string;
  readonly #gather: () => void;
  readonly stamps = new Stamps();
  #place = 0;
  #countedAt = Number.NEGATIVE_INFINITY;
  /** Free when it was last counted. */
  #free = 0;
  /** Bytes to hand out before it is counted again. */
  #left = 0;
  /** Bytes of writes that found no room, in transactions that may not have ended yet. */
  #pending = 0;
  /** Why no room could be made after a commit: the next write that needs room is refused with it, and the one after tries again. */
  #failed: { readonly error: unknown } | undefined;

  /** `gather` sees to it that everybody is a member; it is called before all are counted. */
  constructor(directory: string, gather: () => void) {
    this.#directory = directory;
    this.#gather = gather;
  }

  join(member: Core): void {
    this.members.add(member);
    this.#left = 0;
    // A clock that has gone back since must not put new items before old ones.
    const [last] = member.sql.composed<[number]>(LAST_PLACE).first() ?? [0];
    this.#place = Math.max(this.#place, last);
  }

  leave(member: Core): void {
    this.members.delete(member);
  }

  makeRoom(member: Core, incoming: number, spared: KeyColumn | null): void {
    const { ledger, transaction, settings } = member;
    ledger.room = 0;
    if (incoming > this.#left || performance.now() - this.#countedAt > TRUST) {
      this.#free = settings.sizeLimit - this.#count().used;
      this.#left = Math.max(allowance(this.#free), Math.min(member.pageSize, this.#free));
    }
    if (this.#free < settings.sizeLimit * NEARLY_FULL) prepareIndex(member);
    if (incoming <= this.#left) {
      ledger.room = (this.#left - incoming) * PORTION;
      this.#left -= incoming + ledger.room;
    } else if (incoming > this.#free) {
      if (settings.evictionPolicy === 'none') throw full(this.#directory, settings.sizeLimit);
      this.#left = 0;
      const failed = this.#failed;
      this.#failed = undefined;
      if (failed !== undefined) throw failed.error;
      this.#pending += incoming;
      transaction.afterCommit.push(() => this.#settleOrRemember(member, spared));
    }
  }

  /** The write has been committed: it can't fail any more. */
  #settleOrRemember(member: Core, spared: KeyColumn | null): void {
    try {
      this.#settle(member, spared);
    } catch (error) {
      this.#failed = { error };
    }
  }

  /** Lets go what the writes of a transaction that has ended demand; the first one of them sees to all. */
  #settle(member: Core, spared: KeyColumn | null): void {
    const pending = this.#pending;
    this.#pending = 0;
    if (pending === 0) return;
    const { sizeLimit } = member.settings;
    const { used, held } = this.#count();
    // Counting and looking for whose turn it is costs something, so a little more goes, and the next writes find room.
    const slack = Math.max(member.pageSize, Math.min(MOST_SLACK, sizeLimit * SLACK));
    const wanted = Math.max(slack, Math.min(used - sizeLimit, pending + OVER_PER_WRITE));
    const freed = used <= sizeLimit ? 0 : this.#evict(wanted, held - sizeLimit, member, spared).bytes;
    this.#free = sizeLimit - used + freed;
    this.#left = Math.max(0, Math.min(slack, this.#free));
  }

  overhead(): number {
    let bytes = 0;
    for (const member of this.members) bytes += overheadOf(shareOf(member), member.pageSize);
    return bytes;
  }

  cull(): number {
    let items = 0;
    const [first] = this.members;
    const sizeLimit = first?.settings.sizeLimit ?? Number.POSITIVE_INFINITY;
    for (;;) {
      const { used, held } = this.#count();
      const over = used - sizeLimit;
      const evicted = over > 0 ? this.#evict(Math.min(over, PER_STEP), held - sizeLimit).items : 0;
      if (evicted === 0) break;
      items += evicted;
    }
    if (items > 0) for (const member of this.members) giveBack(member);
    return items;
  }

  placeAfter(last: number, now: number): number {
    this.#place = Math.max(
      this.#place + 1,
      last + 1,
      Math.min(MAX_TIMED_PLACE, Math.floor(now * PLACES_PER_MILLISECOND)),
    );
    return this.#place;
  }

  #count(): { readonly used: number; readonly held: number } {
    const now = performance.now();
    if (now - this.#countedAt > TRUST) this.#gather();
    this.#countedAt = now;
    let used = 0;
    let held = 0;
    for (const member of this.members) {
      used += usedBytes(member);
      held += heldBytes(member);
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
    const line: Waiting[] = [];
    const queueUp = (member: Core) => {
      const turn = nextTurn(member, sparedIn(member));
      if (turn === undefined) return;
      const at = line.findIndex((other) => compareTurns(turn, other.turn) < 0);
      line.splice(at === -1 ? line.length : at, 0, { member, turn });
    };
    for (const member of this.members) {
      if (unlessLocked(member, () => index(member)) !== undefined) queueUp(member);
    }
    while (freed.bytes < wanted) {
      const first = line.shift();
      if (first === undefined) break;
      const { member, turn } = first;
      const gone = unlessLocked(member, () =>
        atomically(member, () => {
          const one = evict(member, 1, sparedIn(member), line[0]?.turn);
          const more = one.items === 0 ? one : evict(member, handful - one.bytes, sparedIn(member));
          shrink(member, surplus);
          return { items: one.items + more.items, bytes: one.bytes + more.bytes };
        }),
      );
      if (gone === undefined) continue;
      freed.items += gone.items;
      freed.bytes += gone.bytes;
      boundLog(member);
      // Nobody went, because reads that were not written down yet had put the first one's turn off.
      const stuck = gone.items === 0 && compareTurns(nextTurn(member, sparedIn(member)) ?? turn, turn) <= 0;
      if (!stuck) queueUp(member);
    }
    return freed;
  }
}

const full = (directory: string, sizeLimit: number): DiskCacheError =>
  new DiskCacheError(
    'DISK_FULL',
    `${directory} has reached its sizeLimit of ${sizeLimit} bytes and its policy "none" lets nothing go; delete something or raise the limit`,
  );

/** Whose turn it is can be told quickly, and by the same clock in all members. */
function index(member: Core): true {
  member.clock();
  const { index: name } = EVICTION_POLICIES[member.settings.evictionPolicy];
  if (member.ledger.indexed !== name) atomically(member, () => prepareIndex(member));
  return true;
}

/** Undefined when somebody else holds the member's lock, or reads what would have to go. */
function unlessLocked<T>(member: Core, work: () => T): T | undefined {
  let result: T | undefined;
  try {
    member.connection.impatiently(() => {
      result = work();
    });
    return result;
  } catch (error) {
    // IO: somebody has removed it.
    if (error instanceof DiskCacheError && (error.code === 'BUSY' || error.code === 'IO')) return undefined;
    throw error;
  }
}
