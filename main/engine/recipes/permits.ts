import { isGone, type Owner } from '../owner.ts';

/** One who is inside or waits. */
export interface Party extends Owner {
  /** Handed out in order, never twice: the greater one came later. */
  readonly ticket: number;
  /** Taken for dead at this moment, epoch milliseconds; put off while it lives. */
  readonly until: number;
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

/** Without those whose lease is over, and when asked to be thorough, those whose process has ended. */
export function living(permits: Permits, now: number, thorough: boolean): Permits {
  const isLiving = (party: Party) => now < party.until && !(thorough && isGone(party));
  return { ...permits, inside: permits.inside.filter(isLiving), waiting: permits.waiting.filter(isLiving) };
}

/** How many of those in front have to go before one who has so many waiting before it may enter; 0 is: now. */
export const toGo = ({ bound, inside }: Permits, before: number): number =>
  Math.max(0, before + 1 - (bound - inside.length));
