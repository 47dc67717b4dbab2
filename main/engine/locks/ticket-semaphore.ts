import { formatValue } from '../../../protocol/describe-value.ts';
import { DiskCacheError } from '../../../protocol/error.ts';
import type { Key } from '../../../protocol/key.ts';
import { MAX_TIMER_MS } from '../../../protocol/options.ts';
import {
  CLOCK_TOLERANCE_MS,
  describeProcess,
  hasExited,
  isThisThread,
  type ProcessIdentity,
} from '../process-identity.ts';
import type { Clock } from '../space/policy.ts';
import { assertFunction, assertOptions } from '../validate.ts';
import { encodeKey } from '../values/key.ts';
import { RecipeRow, type RecipeStore } from './recipe-store.ts';

/** Of a holder, unless it was given another one. */
export const DEFAULT_LOCK_LEASE_MS = 30_000;

/** One who is inside or waits. */
export interface Participant extends ProcessIdentity {
  /** Handed out in order, never twice: the greater one came later. */
  readonly ticket: number;
  /** Taken for dead at this moment, epoch milliseconds; put off while it lives. */
  readonly until: number;
  /** Milliseconds from the last sign of life to `until`. Absent in what older versions wrote. */
  readonly lease?: number;
  /** How often it has entered without leaving. */
  readonly count: number;
}

/**
 * The state of a lock or semaphore. `inside` has at most `bound` parties; `waiting` stands in the order of its tickets.
 *
 * After the sequencer of Reed and Kanodia, "Synchronization with Eventcounts and Sequencers", CACM 22 (2), 1979: who comes
 * takes a ticket, and tickets are served in order.
 */
export interface SemaphoreState {
  readonly bound: number;
  readonly next: number;
  readonly inside: readonly Participant[];
  readonly waiting: readonly Participant[];
}

export const isSameTicket = (participant: Participant, owner: ProcessIdentity, ticket: number): boolean =>
  participant.ticket === ticket && participant.id === owner.id;

/**
 * Without those whose lease is over, and when asked to be thorough, those whose process has ended. A lease that would end later
 * than it may was given before the clock was set back: it ends a lease from now.
 */
export function withoutDead(state: SemaphoreState, now: number, checkProcesses: boolean): SemaphoreState {
  const isAlive = (party: Participant) => now < party.until && !(checkProcesses && hasExited(party));
  const filterAlive = (of: readonly Participant[]) => of.filter(isAlive).map((party) => clampLease(party, now));
  return { ...state, inside: filterAlive(state.inside), waiting: filterAlive(state.waiting) };
}

/** Whether some lease was given before the clock was set back. */
export const hasFutureLease = ({ inside, waiting }: SemaphoreState, now: number): boolean =>
  [...inside, ...waiting].some((party) => clampLease(party, now) !== party);

function clampLease(participant: Participant, now: number): Participant {
  const { until, lease = DEFAULT_LOCK_LEASE_MS } = participant;
  return until > now + lease + CLOCK_TOLERANCE_MS ? { ...participant, until: now + lease } : participant;
}

/** How many of those in front have to go before one who has so many waiting before it may enter; 0 is: now. */
export const countAhead = ({ bound, inside }: SemaphoreState, waitersBefore: number): number =>
  Math.max(0, waitersBefore + 1 - (bound - inside.length));

/** Options of everything that is held. */
export interface LeaseOptions {
  /**
   * Milliseconds after which a holder that gives no sign of life is taken for dead. While it lives and its event loop turns,
   * the lease is renewed three times as often, so a hold may last as long as it likes; work that blocks the thread for longer
   * calls `renew` in between. A holder whose process has ended is noticed at once on the same machine. Default 30 000.
   */
  readonly lease?: number;
  /** Now, in epoch milliseconds, for leases. Default `Date.now`. All who share a key need clocks that agree. */
  readonly clock?: Clock;
}

const LEASE_OPTIONS: ReadonlySet<string> = new Set(['lease', 'clock']);

/** A waiter asks many times a second, so it is missed sooner than a holder. */
const WAITER_LEASE_MS = 3000;

const EMPTY_STATE: Omit<SemaphoreState, 'bound'> = { next: 1, inside: [], waiting: [] };

/** Where a party stands: inside, or waiting with a ticket. */
export interface TicketStatus {
  readonly ticket: number;
  readonly inside: boolean;
}

/**
 * Lets at most `bound` owners inside at a time, first come, first served, across processes. All is in one row; each step is
 * one transaction of O(owners inside and waiting).
 */
export class TicketSemaphore {
  readonly leaseMs: number;
  /** What tells it from others in this process. */
  readonly name: string;
  readonly #row: RecipeRow<SemaphoreState>;
  readonly #bound: number;
  readonly #clock: Clock;

  constructor(store: RecipeStore, key: Key, recipe: string, bound: number, options?: LeaseOptions) {
    const { lease = DEFAULT_LOCK_LEASE_MS, clock = Date.now } = assertOptions(options, LEASE_OPTIONS);
    if (!(typeof lease === 'number' && lease > 0 && lease <= MAX_TIMER_MS)) {
      throw new DiskCacheError(
        'BAD_OPTION',
        `lease is ${formatValue(lease, "'")}; give a number of milliseconds, above 0 and at most ${MAX_TIMER_MS}`,
      );
    }
    assertFunction(clock, 'clock');
    const column = encodeKey(key);
    const text = typeof column === 'object' ? Buffer.from(column).toString('latin1') : column;
    this.name = `${store.directory}\n${typeof column}\n${text}`;
    this.leaseMs = lease;
    this.#row = new RecipeRow(store, key, recipe);
    this.#bound = bound;
    this.#clock = clock;
  }

  /**
   * Before somebody comes: an open transaction keeps everybody else from leaving, and might be undone with the hold in it.
   *
   * @throws {DiskCacheError} `BAD_OPTION`
   */
  assertNoTransaction(): void {
    if (!this.#row.store.inTransaction) return;
    throw new DiskCacheError(
      'BAD_OPTION',
      `${this} was acquired inside a transaction; acquire first, then transact while it is held`,
    );
  }

  /**
   * Goes inside if it is the owner's turn, or if it is inside already; otherwise takes a ticket, or keeps the one it has.
   * With `join` false, nothing is left behind by one who can't enter; `thorough` as for `withoutDead`.
   */
  tryAcquire(
    owner: ProcessIdentity,
    ticket: number | undefined,
    { thorough, join }: { thorough: boolean; join: boolean },
  ): TicketStatus {
    return this.#row.store.transact(() => {
      const now = this.#clock();
      const { isClockBehind, next, inside, waiting } = this.#readAlive(now, thorough);
      const others = waiting.filter((party) => !isSameTicket(party, owner, ticket ?? 0));
      const stay = { until: now + this.leaseMs, lease: this.leaseMs };

      const again = inside.findIndex(({ id }) => id === owner.id);
      if (again !== -1) {
        const party = inside[again]!;
        this.#write({
          next,
          inside: inside.with(again, { ...party, ...stay, count: party.count + 1 }),
          waiting: others,
        });
        return { ticket: party.ticket, inside: true };
      }
      const kept = waiting.findIndex((party) => isSameTicket(party, owner, ticket ?? 0));
      const place = kept === -1 ? waiting.length : kept;
      const mine = kept === -1 ? next : ticket!;
      const after = Math.max(next, mine + 1);
      if (countAhead({ bound: this.#bound, next, inside, waiting }, place) === 0) {
        this.#write({
          next: after,
          inside: [...inside, { ...owner, ticket: mine, ...stay, count: 1 }],
          waiting: others,
        });
        return { ticket: mine, inside: true };
      }
      if (join) {
        const party = { ...owner, ticket: mine, until: now + WAITER_LEASE_MS, lease: WAITER_LEASE_MS, count: 1 };
        this.#write({ next: after, inside, waiting: others.toSpliced(place, 0, party) });
      } else if (isClockBehind) this.#write({ next, inside, waiting });
      return { ticket: mine, inside: false };
    });
  }

  /**
   * How many have to go before the owner of a ticket may enter, without writing anything; undefined when it is worth asking:
   * it may enter, it has to show that it lives, or its ticket is not in line any more.
   */
  countAhead(owner: ProcessIdentity, ticket: number, thorough: boolean): number | undefined {
    const permits = this.#row.peek();
    if (permits === undefined) return undefined;
    const now = this.#clock();
    if (hasFutureLease(permits, now)) return undefined;
    const place = permits.waiting.findIndex((party) => isSameTicket(party, owner, ticket));
    const mine = permits.waiting[place];
    if (mine === undefined || mine.until - now < WAITER_LEASE_MS / 2) return undefined;
    const { inside, waiting } = withoutDead({ ...permits, waiting: permits.waiting.slice(0, place) }, now, thorough);
    if (inside.some(({ id }) => id === owner.id)) return undefined;
    return countAhead({ ...permits, inside }, waiting.length) || undefined;
  }

  /** Leaves once; answers false when the owner is not inside any more. Frees the place when it has entered only once. */
  release(owner: ProcessIdentity, ticket: number): boolean {
    return this.#updateHolder(owner, ticket, (party) =>
      party.count > 1 ? { ...party, count: party.count - 1 } : undefined,
    );
  }

  /** Puts off the end of the lease; answers false when the owner is not inside any more. */
  renew(owner: ProcessIdentity, ticket: number): boolean {
    return this.#updateHolder(owner, ticket, (party) => ({
      ...party,
      until: this.#clock() + this.leaseMs,
      lease: this.leaseMs,
    }));
  }

  /** Gives up a ticket. */
  abandon(owner: ProcessIdentity, ticket: number): void {
    this.#row.store.transact(() => {
      const permits = this.#row.read();
      const waiting = permits?.waiting.filter((party) => !isSameTicket(party, owner, ticket));
      if (permits && waiting && waiting.length < permits.waiting.length) this.#write({ ...permits, waiting });
    });
  }

  /** Whether every place is taken by somebody who lives. */
  isFull(): boolean {
    return this.holders().length >= this.#bound;
  }

  /** Those inside who live. */
  holders(): readonly Participant[] {
    return withoutDead(this.#row.peek() ?? { ...EMPTY_STATE, bound: this.#bound }, this.#clock(), true).inside;
  }

  /** Whether the owner is inside with that ticket and its lease is not over. */
  isHolder(owner: ProcessIdentity, ticket: number): boolean {
    const now = this.#clock();
    return this.#row.peek()?.inside.some((party) => isSameTicket(party, owner, ticket) && now < party.until) ?? false;
  }

  /** Whether all places are held by this thread itself: then nobody can leave while it waits on the spot. */
  isHeldByThisThread(): boolean {
    const holders = this.holders();
    return holders.length >= this.#bound && holders.every(isThisThread);
  }

  /** Why somebody waited in vain. */
  /** `timeout`: milliseconds, as the caller gave it; may be `Infinity`. */
  toTimeoutError(timeout: number, onTheSpot: boolean): DiskCacheError {
    const holders = this.holders();
    const who = holders.map((party) => `${describeProcess(party)} with ticket ${party.ticket}`).join(', ');
    const hint =
      onTheSpot && this.isHeldByThisThread()
        ? '; it is held by this thread, which can not let go while it waits: use acquireAsync'
        : '';
    return new DiskCacheError(
      'TIMEOUT',
      `${this} could not be acquired${Number.isFinite(timeout) ? ` within ${timeout} ms` : ''}; ${who ? `held by ${who}` : 'it has been released since'}${hint}`,
    );
  }

  toString(): string {
    return String(this.#row);
  }

  #updateHolder(
    owner: ProcessIdentity,
    ticket: number,
    next: (party: Participant) => Participant | undefined,
  ): boolean {
    return this.#row.store.transact(() => {
      const permits = this.#row.read();
      const at = permits?.inside.findIndex((party) => isSameTicket(party, owner, ticket)) ?? -1;
      if (permits === undefined || at === -1) return false;
      const party = next(permits.inside[at]!);
      const inside = party ? permits.inside.with(at, party) : permits.inside.toSpliced(at, 1);
      this.#write({ ...permits, inside });
      return true;
    });
  }

  #write(permits: Omit<SemaphoreState, 'bound'>): void {
    this.#row.write({ ...permits, bound: this.#bound });
  }

  /** @throws {DiskCacheError} `BAD_OPTION` when it is in use with another bound. */
  #readAlive(now: number, thorough: boolean): SemaphoreState & { readonly isClockBehind: boolean } {
    const permits = this.#row.read();
    if (permits === undefined) return { ...EMPTY_STATE, bound: this.#bound, isClockBehind: false };
    const found = { ...withoutDead(permits, now, thorough), isClockBehind: hasFutureLease(permits, now) };
    if (found.bound === this.#bound || found.inside.length + found.waiting.length === 0) return found;
    throw new DiskCacheError(
      'BAD_OPTION',
      `${this} is in use with a bound of ${found.bound}, not ${this.#bound}; all who share a key give the same one`,
    );
  }
}
