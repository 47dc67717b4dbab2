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
import { RecipeRow, type RecipeStore } from './recipes.ts';

/** The lease of a holder, unless the option `lease` says otherwise. */
const DEFAULT_LOCK_LEASE_MS = 30_000;

/** A holder or waiter. On disk. */
export interface Participant extends ProcessIdentity {
  /** Given out in increasing order, never twice. */
  readonly ticket: number;
  /** When the participant counts as dead, epoch milliseconds; moved on with each renewal. */
  readonly until: number;
  /** Milliseconds from the last renewal to `until`. Older versions did not write it. */
  readonly lease?: number;
  /** Acquires without a release, for `RLock`. */
  readonly count: number;
}

/**
 * The state of a lock or semaphore. On disk. `inside` are the holders, at most `bound`; `waiting` is in the order of its tickets.
 *
 * After the sequencer of Reed and Kanodia, "Synchronization with Eventcounts and Sequencers", CACM 22 (2), 1979: each newcomer takes
 * a ticket, and tickets are served in order.
 */
export interface SemaphoreState {
  readonly bound: number;
  readonly next: number;
  readonly inside: readonly Participant[];
  readonly waiting: readonly Participant[];
}

const isSameTicket = (participant: Participant, owner: ProcessIdentity, ticket: number): boolean =>
  participant.ticket === ticket && participant.id === owner.id;

/**
 * Returns the state without participants whose lease is over and, with `checkProcesses`, without those whose process has exited. A
 * lease that ends later than possible was taken before the clock was set back: it is shortened to one lease from now.
 */
function withoutDead(state: SemaphoreState, now: number, checkProcesses: boolean): SemaphoreState {
  const isAlive = (participant: Participant) => now < participant.until && !(checkProcesses && hasExited(participant));
  const filterAlive = (participants: readonly Participant[]) =>
    participants.filter(isAlive).map((participant) => clampLease(participant, now));
  return { ...state, inside: filterAlive(state.inside), waiting: filterAlive(state.waiting) };
}

/** Whether any lease was taken before the clock was set back. */
const hasFutureLease = ({ inside, waiting }: SemaphoreState, now: number): boolean =>
  [...inside, ...waiting].some((participant) => clampLease(participant, now) !== participant);

function clampLease(participant: Participant, now: number): Participant {
  const { until, lease = DEFAULT_LOCK_LEASE_MS } = participant;
  return until > now + lease + CLOCK_TOLERANCE_MS ? { ...participant, until: now + lease } : participant;
}

/** Returns how many holders or waiters must leave before a waiter with `waitersBefore` waiters ahead may enter; 0 means now. */
const countAhead = ({ bound, inside }: SemaphoreState, waitersBefore: number): number =>
  Math.max(0, waitersBefore + 1 - (bound - inside.length));

/** Options of locks and semaphores. */
export interface LeaseOptions {
  /**
   * Milliseconds after which a holder that doesn't renew counts as dead. While its event loop turns, the lease is renewed three times
   * per lease, so the lock can be held for any time; work that blocks the thread for longer must call `renew`. On the same machine,
   * the exit of a holder's process is noticed at once. Default 30 000.
   */
  readonly lease?: number;
  /** Returns the current time in epoch milliseconds, for leases. All users of a key need clocks that agree. Default `Date.now`. */
  readonly clock?: Clock;
}

const LEASE_OPTIONS: ReadonlySet<string> = new Set(['lease', 'clock']);

/** Shorter than the lease of a holder, because a waiter polls many times per second. */
const WAITER_LEASE_MS = 3000;

const EMPTY_STATE: Omit<SemaphoreState, 'bound'> = { next: 1, inside: [], waiting: [] };

/** Whether a participant holds the lock or waits, and its ticket. */
export interface TicketStatus {
  readonly ticket: number;
  readonly isHeld: boolean;
}

/**
 * A semaphore with `bound` places across processes, first come, first served. Its state is one row; each step is one transaction,
 * O(holders and waiters).
 */
export class TicketSemaphore {
  readonly leaseMs: number;
  /** Identifies the semaphore within this process. */
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
   * Asserts that no transaction is open: it would block all releases, and its rollback would undo the acquire.
   *
   * @throws {DiskCacheError} `BAD_OPTION` inside a transaction.
   */
  assertNoTransaction(): void {
    if (!this.#row.store.inTransaction) return;
    throw new DiskCacheError(
      'BAD_OPTION',
      `${this} was acquired inside a transaction; acquire first, then transact while it is held`,
    );
  }

  /**
   * Acquires a place if it is the owner's turn or the owner is already a holder; otherwise takes a ticket, or keeps its ticket. With
   * `join` false, an owner that gets no place is not added to the waiters. `checkProcesses` as in `withoutDead`.
   */
  tryAcquire(
    owner: ProcessIdentity,
    ticket: number | undefined,
    { checkProcesses, join }: { checkProcesses: boolean; join: boolean },
  ): TicketStatus {
    return this.#row.store.transact(() => {
      const now = this.#clock();
      const { isClockBehind, next, inside, waiting } = this.#readAlive(now, checkProcesses);
      const others = waiting.filter((participant) => !isSameTicket(participant, owner, ticket ?? 0));
      const renewed = { until: now + this.leaseMs, lease: this.leaseMs };

      const index = inside.findIndex(({ id }) => id === owner.id);
      if (index !== -1) {
        const participant = inside[index]!;
        this.#write({
          next,
          inside: inside.with(index, { ...participant, ...renewed, count: participant.count + 1 }),
          waiting: others,
        });
        return { ticket: participant.ticket, isHeld: true };
      }
      const kept = waiting.findIndex((participant) => isSameTicket(participant, owner, ticket ?? 0));
      const place = kept === -1 ? waiting.length : kept;
      const own = kept === -1 ? next : ticket!;
      const after = Math.max(next, own + 1);
      if (countAhead({ bound: this.#bound, next, inside, waiting }, place) === 0) {
        this.#write({
          next: after,
          inside: [...inside, { ...owner, ticket: own, ...renewed, count: 1 }],
          waiting: others,
        });
        return { ticket: own, isHeld: true };
      }
      if (join) {
        const participant = { ...owner, ticket: own, until: now + WAITER_LEASE_MS, lease: WAITER_LEASE_MS, count: 1 };
        this.#write({ next: after, inside, waiting: others.toSpliced(place, 0, participant) });
      } else if (isClockBehind) this.#write({ next, inside, waiting });
      return { ticket: own, isHeld: false };
    });
  }

  /**
   * Returns how many participants must leave before the owner of a ticket may enter, without writing. Returns undefined if the owner
   * should call `tryAcquire`: it may enter, its lease is due for renewal, or its ticket is no longer among the waiters.
   */
  countAhead(owner: ProcessIdentity, ticket: number, checkProcesses: boolean): number | undefined {
    const state = this.#row.peek();
    if (state === undefined) return undefined;
    const now = this.#clock();
    if (hasFutureLease(state, now)) return undefined;
    const place = state.waiting.findIndex((participant) => isSameTicket(participant, owner, ticket));
    const own = state.waiting[place];
    if (own === undefined || own.until - now < WAITER_LEASE_MS / 2) return undefined;
    const { inside, waiting } = withoutDead({ ...state, waiting: state.waiting.slice(0, place) }, now, checkProcesses);
    if (inside.some(({ id }) => id === owner.id)) return undefined;
    return countAhead({ ...state, inside }, waiting.length) || undefined;
  }

  /** Undoes one acquire; the last one frees the place. Returns false if the owner is no longer a holder. */
  release(owner: ProcessIdentity, ticket: number): boolean {
    return this.#updateHolder(owner, ticket, (participant) =>
      participant.count > 1 ? { ...participant, count: participant.count - 1 } : undefined,
    );
  }

  /** Renews the lease. Returns false if the owner is no longer a holder. */
  renew(owner: ProcessIdentity, ticket: number): boolean {
    return this.#updateHolder(owner, ticket, (participant) => ({
      ...participant,
      until: this.#clock() + this.leaseMs,
      lease: this.leaseMs,
    }));
  }

  /** Removes a waiter. */
  abandon(owner: ProcessIdentity, ticket: number): void {
    this.#row.store.transact(() => {
      const state = this.#row.read();
      const waiting = state?.waiting.filter((participant) => !isSameTicket(participant, owner, ticket));
      if (state && waiting && waiting.length < state.waiting.length) this.#write({ ...state, waiting });
    });
  }

  /** Whether every place is taken by a live holder. */
  isFull(): boolean {
    return this.holders().length >= this.#bound;
  }

  /** Returns the live holders. */
  holders(): readonly Participant[] {
    return withoutDead(this.#row.peek() ?? { ...EMPTY_STATE, bound: this.#bound }, this.#clock(), true).inside;
  }

  /** Whether the owner holds a place with that ticket and its lease is not over. */
  isHolder(owner: ProcessIdentity, ticket: number): boolean {
    const now = this.#clock();
    return (
      this.#row
        .peek()
        ?.inside.some((participant) => isSameTicket(participant, owner, ticket) && now < participant.until) ?? false
    );
  }

  /** Whether all places are held by this thread, so that none can be released while it is blocked. */
  isHeldByThisThread(): boolean {
    const holders = this.holders();
    return holders.length >= this.#bound && holders.every(isThisThread);
  }

  /** Returns the error for a wait that was too long. `timeout` is in milliseconds and may be `Infinity`. */
  toTimeoutError(timeout: number, isBlocking: boolean): DiskCacheError {
    const holders = this.holders();
    const names = holders
      .map((participant) => `${describeProcess(participant)} with ticket ${participant.ticket}`)
      .join(', ');
    const hint =
      isBlocking && this.isHeldByThisThread()
        ? '; it is held by this thread, which can not release it while blocked: use acquireAsync'
        : '';
    return new DiskCacheError(
      'TIMEOUT',
      `${this} could not be acquired${Number.isFinite(timeout) ? ` within ${timeout} ms` : ''}; ${names ? `held by ${names}` : 'it has been released since'}${hint}`,
    );
  }

  toString(): string {
    return String(this.#row);
  }

  #updateHolder(
    owner: ProcessIdentity,
    ticket: number,
    next: (participant: Participant) => Participant | undefined,
  ): boolean {
    return this.#row.store.transact(() => {
      const state = this.#row.read();
      const at = state?.inside.findIndex((participant) => isSameTicket(participant, owner, ticket)) ?? -1;
      if (state === undefined || at === -1) return false;
      const participant = next(state.inside[at]!);
      const inside = participant ? state.inside.with(at, participant) : state.inside.toSpliced(at, 1);
      this.#write({ ...state, inside });
      return true;
    });
  }

  #write(state: Omit<SemaphoreState, 'bound'>): void {
    this.#row.write({ ...state, bound: this.#bound });
  }

  /** Returns the state without dead participants. @throws {DiskCacheError} `BAD_OPTION` if the key is in use with another bound. */
  #readAlive(now: number, checkProcesses: boolean): SemaphoreState & { readonly isClockBehind: boolean } {
    const state = this.#row.read();
    if (state === undefined) return { ...EMPTY_STATE, bound: this.#bound, isClockBehind: false };
    const found = { ...withoutDead(state, now, checkProcesses), isClockBehind: hasFutureLease(state, now) };
    if (found.bound === this.#bound || found.inside.length + found.waiting.length === 0) return found;
    throw new DiskCacheError(
      'BAD_OPTION',
      `${this} is in use with bound ${found.bound}, not ${this.#bound}; give the same bound wherever the key is used`,
    );
  }
}
