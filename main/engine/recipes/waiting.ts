import { DiskCacheError } from '../../../protocol/error.ts';
import { renewDueHolds } from './hold.ts';
import type { Owner } from './owner.ts';
import type { Standing, Turnstile } from './turnstile.ts';
import { pauseInTurn, pauseOnTheSpot, wake } from './waking.ts';

export interface AcquireOptions {
  /** Milliseconds to wait; 0 tries once. Default: without end. */
  readonly timeout?: number;
}

export interface AcquireAsyncOptions extends AcquireOptions {
  /** Ends the waiting with its reason. */
  readonly signal?: AbortSignal;
}

/** Milliseconds between two looks at the row: few when the line has just moved, more the longer it stands still. */
const SHORTEST = 2;
const LONGEST = 25;

/** A wait in line, by monotonic time. */
class Wait {
  readonly #began = performance.now();
  readonly #timeout: number;
  #movedAt = this.#began;
  #toGo = -1;

  constructor(timeout: number) {
    this.#timeout = timeout;
  }

  get waited(): number {
    return performance.now() - this.#began;
  }

  get isOver(): boolean {
    return this.waited >= this.#timeout;
  }

  /** How long to pause until the next look, when so many have to go first. */
  pause(toGo: number): number {
    const now = performance.now();
    if (toGo !== this.#toGo) this.#movedAt = now;
    this.#toGo = toGo;
    // Scattered, so that several waiters don't look in step.
    const pause = Math.min(LONGEST, Math.max(SHORTEST, (now - this.#movedAt) / 4)) * (0.75 + Math.random() / 2);
    return Math.min(pause, this.#timeout - this.waited);
  }
}

/** Blocks this thread until the owner is inside; answers its ticket. */
export function enterOnTheSpot(turnstile: Turnstile, owner: Owner, { timeout }: AcquireOptions = {}): number {
  turnstile.demandNoTransaction();
  const wait = new Wait(checkedTimeout(timeout));
  let standing = turnstile.ask(owner, undefined, timeout !== 0);
  try {
    while (!standing.inside) {
      if (wait.isOver || turnstile.isHeldHere()) throw turnstile.timedOut(wait.waited, true);
      pauseOnTheSpot(wait.pause(turnstile.toGo(owner, standing.ticket) ?? 0));
      renewDueHolds();
      standing = askAgain(turnstile, owner, standing);
    }
    return standing.ticket;
  } catch (error) {
    giveUp(turnstile, owner, standing.ticket);
    throw error;
  }
}

/** Waits until the owner is inside, while the event loop turns; answers its ticket. */
export async function enterInTurn(
  turnstile: Turnstile,
  owner: Owner,
  { timeout, signal }: AcquireAsyncOptions = {},
): Promise<number> {
  signal?.throwIfAborted();
  turnstile.demandNoTransaction();
  const wait = new Wait(checkedTimeout(timeout));
  let standing = turnstile.ask(owner, undefined, timeout !== 0);
  try {
    while (!standing.inside) {
      if (wait.isOver) throw turnstile.timedOut(wait.waited, false);
      const ms = wait.pause(turnstile.toGo(owner, standing.ticket) ?? 0);
      await pauseInTurn(ms, signal, turnstile.name);
      standing = askAgain(turnstile, owner, standing);
    }
    return standing.ticket;
  } catch (error) {
    giveUp(turnstile, owner, standing.ticket);
    throw error;
  }
}

const askAgain = (turnstile: Turnstile, owner: Owner, standing: Standing): Standing =>
  turnstile.toGo(owner, standing.ticket) === undefined ? turnstile.ask(owner, standing.ticket) : standing;

function giveUp(turnstile: Turnstile, owner: Owner, ticket: number): void {
  try {
    turnstile.giveUp(owner, ticket);
    wake(turnstile.name);
  } catch (error) {
    // The first failure is the one to tell; the ticket ends with its lease.
    if (!(error instanceof DiskCacheError)) throw error;
  }
}

/** @throws {DiskCacheError} `BAD_OPTION` */
function checkedTimeout(timeout = Number.POSITIVE_INFINITY): number {
  if (typeof timeout === 'number' && timeout >= 0) return timeout;
  throw new DiskCacheError('BAD_OPTION', `timeout is ${String(timeout)}; give a number of milliseconds, 0 to try once`);
}
