import { DiskCacheError } from '../../../protocol/error.ts';
import { shownValue } from '../../../protocol/fault.ts';
import type { Key } from '../../../protocol/key.ts';
import { MAX_TIMER_MS } from '../../../protocol/timer.ts';
import { demandFunction, optionsOf } from '../cache/arguments.ts';
import { describeOwner, isOfThisThread, type Owner } from '../owner.ts';
import type { Clock } from '../policy/expiry.ts';
import { encodeKey } from '../values/key.ts';
import { isAhead, isSame, LEASE_MS, living, type Party, type Permits, toGo } from './permits.ts';
import { RecipeRow, type RecipeStore } from './recipe-store.ts';

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
const WAITING_LEASE = 3000;

const NOBODY: Omit<Permits, 'bound'> = { next: 1, inside: [], waiting: [] };

/** Where a party stands: inside, or waiting with a ticket. */
export interface Standing {
  readonly ticket: number;
  readonly inside: boolean;
}

/**
 * Lets at most `bound` owners inside at a time, first come, first served, across processes. All is in one row; each step is
 * one transaction of O(owners inside and waiting).
 */
export class Turnstile {
  readonly lease: number;
  /** What tells it from others in this process. */
  readonly name: string;
  readonly #row: RecipeRow<Permits>;
  readonly #bound: number;
  readonly #clock: Clock;

  constructor(store: RecipeStore, key: Key, recipe: string, bound: number, options?: LeaseOptions) {
    const { lease = LEASE_MS, clock = Date.now } = optionsOf(options, LEASE_OPTIONS);
    if (!(typeof lease === 'number' && lease > 0 && lease <= MAX_TIMER_MS)) {
      throw new DiskCacheError(
        'BAD_OPTION',
        `lease is ${shownValue(lease, "'")}; give a number of milliseconds, above 0 and at most ${MAX_TIMER_MS}`,
      );
    }
    demandFunction(clock, 'clock');
    const column = encodeKey(key);
    const text = typeof column === 'object' ? Buffer.from(column).toString('latin1') : column;
    this.name = `${store.directory}\n${typeof column}\n${text}`;
    this.lease = lease;
    this.#row = new RecipeRow(store, key, recipe);
    this.#bound = bound;
    this.#clock = clock;
  }

  /**
   * Before somebody comes: an open transaction keeps everybody else from leaving, and might be undone with the hold in it.
   *
   * @throws {DiskCacheError} `BAD_OPTION`
   */
  demandNoTransaction(): void {
    if (!this.#row.store.inTransaction) return;
    throw new DiskCacheError(
      'BAD_OPTION',
      `${this} was acquired inside a transaction; acquire first, then transact while it is held`,
    );
  }

  /**
   * Goes inside if it is the owner's turn, or if it is inside already; otherwise takes a ticket, or keeps the one it has.
   * With `join` false, nothing is left behind by one who can't enter; `thorough` as for `living`.
   */
  ask(owner: Owner, ticket: number | undefined, { thorough, join }: { thorough: boolean; join: boolean }): Standing {
    return this.#row.store.transact(() => {
      const now = this.#clock();
      const { isClockBehind, next, inside, waiting } = this.#living(now, thorough);
      const others = waiting.filter((party) => !isSame(party, owner, ticket ?? 0));
      const stay = { until: now + this.lease, lease: this.lease };

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
      const kept = waiting.findIndex((party) => isSame(party, owner, ticket ?? 0));
      const place = kept === -1 ? waiting.length : kept;
      const mine = kept === -1 ? next : ticket!;
      const after = Math.max(next, mine + 1);
      if (toGo({ bound: this.#bound, next, inside, waiting }, place) === 0) {
        this.#write({
          next: after,
          inside: [...inside, { ...owner, ticket: mine, ...stay, count: 1 }],
          waiting: others,
        });
        return { ticket: mine, inside: true };
      }
      if (join) {
        const party = { ...owner, ticket: mine, until: now + WAITING_LEASE, lease: WAITING_LEASE, count: 1 };
        this.#write({ next: after, inside, waiting: others.toSpliced(place, 0, party) });
      } else if (isClockBehind) this.#write({ next, inside, waiting });
      return { ticket: mine, inside: false };
    });
  }

  /**
   * How many have to go before the owner of a ticket may enter, without writing anything; undefined when it is worth asking:
   * it may enter, it has to show that it lives, or its ticket is not in line any more.
   */
  toGo(owner: Owner, ticket: number, thorough: boolean): number | undefined {
    const permits = this.#row.look();
    if (permits === undefined) return undefined;
    const now = this.#clock();
    if (isAhead(permits, now)) return undefined;
    const place = permits.waiting.findIndex((party) => isSame(party, owner, ticket));
    const mine = permits.waiting[place];
    if (mine === undefined || mine.until - now < WAITING_LEASE / 2) return undefined;
    const { inside, waiting } = living({ ...permits, waiting: permits.waiting.slice(0, place) }, now, thorough);
    if (inside.some(({ id }) => id === owner.id)) return undefined;
    return toGo({ ...permits, inside }, waiting.length) || undefined;
  }

  /** Leaves once; answers false when the owner is not inside any more. Frees the place when it has entered only once. */
  leave(owner: Owner, ticket: number): boolean {
    return this.#change(owner, ticket, (party) => (party.count > 1 ? { ...party, count: party.count - 1 } : undefined));
  }

  /** Puts off the end of the lease; answers false when the owner is not inside any more. */
  renew(owner: Owner, ticket: number): boolean {
    return this.#change(owner, ticket, (party) => ({
      ...party,
      until: this.#clock() + this.lease,
      lease: this.lease,
    }));
  }

  /** Gives up a ticket. */
  giveUp(owner: Owner, ticket: number): void {
    this.#row.store.transact(() => {
      const permits = this.#row.read();
      const waiting = permits?.waiting.filter((party) => !isSame(party, owner, ticket));
      if (permits && waiting && waiting.length < permits.waiting.length) this.#write({ ...permits, waiting });
    });
  }

  /** Whether every place is taken by somebody who lives. */
  isFull(): boolean {
    return this.holders().length >= this.#bound;
  }

  /** Those inside who live. */
  holders(): readonly Party[] {
    return living(this.#row.look() ?? { ...NOBODY, bound: this.#bound }, this.#clock(), true).inside;
  }

  /** Whether the owner is inside with that ticket and its lease is not over. */
  isInside(owner: Owner, ticket: number): boolean {
    const now = this.#clock();
    return this.#row.look()?.inside.some((party) => isSame(party, owner, ticket) && now < party.until) ?? false;
  }

  /** Whether all places are held by this thread itself: then nobody can leave while it waits on the spot. */
  isHeldHere(): boolean {
    const holders = this.holders();
    return holders.length >= this.#bound && holders.every(isOfThisThread);
  }

  /** Why somebody waited in vain. */
  /** `timeout`: milliseconds, as the caller gave it; may be `Infinity`. */
  timedOut(timeout: number, onTheSpot: boolean): DiskCacheError {
    const holders = this.holders();
    const who = holders.map((party) => `${describeOwner(party)} with ticket ${party.ticket}`).join(', ');
    const hint =
      onTheSpot && this.isHeldHere()
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

  #change(owner: Owner, ticket: number, next: (party: Party) => Party | undefined): boolean {
    return this.#row.store.transact(() => {
      const permits = this.#row.read();
      const at = permits?.inside.findIndex((party) => isSame(party, owner, ticket)) ?? -1;
      if (permits === undefined || at === -1) return false;
      const party = next(permits.inside[at]!);
      const inside = party ? permits.inside.with(at, party) : permits.inside.toSpliced(at, 1);
      this.#write({ ...permits, inside });
      return true;
    });
  }

  #write(permits: Omit<Permits, 'bound'>): void {
    this.#row.write({ ...permits, bound: this.#bound });
  }

  /** @throws {DiskCacheError} `BAD_OPTION` when it is in use with another bound. */
  #living(now: number, thorough: boolean): Permits & { readonly isClockBehind: boolean } {
    const permits = this.#row.read();
    if (permits === undefined) return { ...NOBODY, bound: this.#bound, isClockBehind: false };
    const found = { ...living(permits, now, thorough), isClockBehind: isAhead(permits, now) };
    if (found.bound === this.#bound || found.inside.length + found.waiting.length === 0) return found;
    throw new DiskCacheError(
      'BAD_OPTION',
      `${this} is in use with a bound of ${found.bound}, not ${this.#bound}; all who share a key give the same one`,
    );
  }
}
