import { CLOCK_TOLERANCE_MS, isGone, type Owner } from '../owner.ts';

/** Of a holder, unless it was given another one. */
export const LEASE_MS = 30_000;

/** One who is inside or waits. */
export interface Party extends Owner {
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
export interface Permits {
  readonly bound: number;
  readonly next: number;
  readonly inside: readonly Party[];
  readonly waiting: readonly Party[];
}

export const isSame = (party: Party, owner: Owner, ticket: number): boolean =>
  party.ticket === ticket && party.id === owner.id;

/**
 * Without those whose lease is over, and when asked to be thorough, those whose process has ended. A lease that would end later
 * than it may was given before the clock was set back: it ends a lease from now.
 */
export function living(permits: Permits, now: number, thorough: boolean): Permits {
  const isLiving = (party: Party) => now < party.until && !(thorough && isGone(party));
  const parties = (of: readonly Party[]) => of.filter(isLiving).map((party) => withinLease(party, now));
  return { ...permits, inside: parties(permits.inside), waiting: parties(permits.waiting) };
}

/** Whether some lease was given before the clock was set back. */
export const isAhead = ({ inside, waiting }: Permits, now: number): boolean =>
  [...inside, ...waiting].some((party) => withinLease(party, now) !== party);

function withinLease(party: Party, now: number): Party {
  const { until, lease = LEASE_MS } = party;
  return until > now + lease + CLOCK_TOLERANCE_MS ? { ...party, until: now + lease } : party;
}

/** How many of those in front have to go before one who has so many waiting before it may enter; 0 is: now. */
export const toGo = ({ bound, inside }: Permits, before: number): number =>
  Math.max(0, before + 1 - (bound - inside.length));
