import { DiskCacheError } from '../../../protocol/error.ts';
import { shownValue } from '../../../protocol/fault.ts';
import { optionsOf } from '../cache/arguments.ts';
import type { Owner } from '../owner.ts';
import { blockFor } from '../sqlite/views.ts';
import { renewDueHolds } from './hold.ts';
import type { Standing, Turnstile } from './turnstile.ts';
import { pauseInTurn, wake } from './waking.ts';

export interface AcquireOptions {
  /** Milliseconds to wait; 0 tries once. Default: without end. */
  readonly timeout?: number;
}

export interface AcquireAsyncOptions extends AcquireOptions {
  /** Ends the waiting with its reason. */
  readonly signal?: AbortSignal;
}

const WAITING_ON_THE_SPOT: ReadonlySet<string> = new Set(['timeout']);
const WAITING_IN_TURN: ReadonlySet<string> = new Set(['timeout', 'signal']);

/**
 * Milliseconds between two looks at the row: few when the line has just moved, more the longer it stands still and the more
 * have to go first. Whether those in front live is a question to the system and asked less often.
 */
const SHORTEST = 2;
const LONGEST = 25;
const BETWEEN_CHECKS = 50;

/** One owner's wait in line, by monotonic time. */
class Wait {
  readonly #turnstile: Turnstile;
  readonly #owner: Owner;
  readonly timeout: number;
  readonly #began = performance.now();
  #movedAt = this.#began;
  #checkedAt = this.#began;
  #toGo = 0;
  #standing: Standing;

  constructor(turnstile: Turnstile, owner: Owner, timeout = Number.POSITIVE_INFINITY) {
    if (!(typeof timeout === 'number' && timeout >= 0)) {
      const hint = 'give a number of milliseconds, 0 to try once';
      throw new DiskCacheError('BAD_OPTION', `timeout is ${shownValue(timeout, "'")}; ${hint}`);
    }
    turnstile.demandNoTransaction();
    this.#turnstile = turnstile;
    this.#owner = owner;
    this.timeout = timeout;
    this.#standing = turnstile.ask(owner, undefined, { join: timeout > 0, thorough: timeout === 0 });
  }

  get standing(): Standing {
    return this.#standing;
  }

  get waited(): number {
    return performance.now() - this.#began;
  }

  get isOver(): boolean {
    return this.waited >= this.timeout;
  }

  /** Looks at the row, and asks to be let in when it may be worth it. */
  look(): void {
    const now = performance.now();
    const thorough = now - this.#checkedAt >= BETWEEN_CHECKS;
    if (thorough) this.#checkedAt = now;
    const { ticket } = this.#standing;
    const toGo = this.#turnstile.toGo(this.#owner, ticket, thorough);
    if (toGo === undefined) this.#standing = this.#turnstile.ask(this.#owner, ticket, { join: true, thorough });
    if (toGo !== this.#toGo) this.#movedAt = now;
    this.#toGo = toGo ?? 0;
  }

  /** How long to pause until the next look. Scattered, so that several waiters don't look in step. */
  get pause(): number {
    const still = performance.now() - this.#movedAt;
    const pause = Math.min(LONGEST, Math.max(SHORTEST * this.#toGo, SHORTEST, still / 4));
    return Math.min(pause * (0.75 + Math.random() / 2), this.timeout - this.waited);
  }

  /** Leaves the line. */
  giveUp(): void {
    try {
      this.#turnstile.giveUp(this.#owner, this.#standing.ticket);
      wake(this.#turnstile.name);
    } catch {
      // Another failure is being told already; the ticket ends with its lease.
    }
  }
}

/** Blocks this thread until the owner is inside; answers its ticket. */
export function enterOnTheSpot(turnstile: Turnstile, owner: Owner, options?: AcquireOptions): number {
  const { timeout } = optionsOf(options, WAITING_ON_THE_SPOT);
  const wait = new Wait(turnstile, owner, timeout);
  try {
    if (!wait.standing.inside && turnstile.isHeldHere()) throw turnstile.timedOut(wait.timeout, true);
    while (!wait.standing.inside) {
      if (wait.isOver) throw turnstile.timedOut(wait.timeout, true);
      blockFor(wait.pause);
      renewDueHolds();
      wait.look();
    }
    return wait.standing.ticket;
  } catch (error) {
    wait.giveUp();
    throw error;
  }
}

/** Waits until the owner is inside, while the event loop turns; answers its ticket. */
export async function enterInTurn(turnstile: Turnstile, owner: Owner, options?: AcquireAsyncOptions): Promise<number> {
  const { timeout, signal } = optionsOf(options, WAITING_IN_TURN);
  if (signal !== undefined && !(signal instanceof AbortSignal)) {
    throw new DiskCacheError('BAD_OPTION', 'signal has to be an AbortSignal');
  }
  signal?.throwIfAborted();
  const wait = new Wait(turnstile, owner, timeout);
  try {
    while (!wait.standing.inside) {
      if (wait.isOver) throw turnstile.timedOut(wait.timeout, false);
      await pauseInTurn(wait.pause, signal, turnstile.name);
      wait.look();
    }
    return wait.standing.ticket;
  } catch (error) {
    wait.giveUp();
    throw error;
  }
}
