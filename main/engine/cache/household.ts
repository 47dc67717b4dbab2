import type { KeyColumn } from '../values/key.ts';
import type { Core } from './core.ts';
import type { Stamps } from './stamps.ts';

/** Several stores, each in a directory of its own, that live within one `sizeLimit`. */
export interface Household {
  /** Times that are stored, comparable between all members. */
  readonly stamps: Stamps;
  join(member: Core): void;
  leave(member: Core): void;
  /**
   * Grants a member, inside its write transaction, so many bytes and some more that it need not ask for (`ledger.room`); lets
   * items of all members go for them when that is over, in the order of the policy, but not the one `spared`.
   *
   * @throws {DiskCacheError} `DISK_FULL` when the policy lets nobody go.
   */
  makeRoom(member: Core, incoming: number, spared: KeyColumn | null): void;
  /** Bytes of the limit that can't hold items. */
  overhead(): number;
  /** Deletes, in the order of the policy, what of all members is over the limit; answers how many. */
  cull(): number;
  /** The place of a new item in the stored order of all: a whole number that grows with time, behind the last one of its store. */
  placeAfter(last: number, now: number): number;
}

/** A store's part in a household. */
export interface Membership {
  readonly household: Household;
  /** The part of the limit, above 0 and up to 1, that its log and its pages are cut to. */
  readonly share: number;
}

/** The bytes that a store's log and pages are cut to: of a store of its own, the limit. */
export const shareOf = ({ settings, membership }: Core): number => settings.sizeLimit * (membership?.share ?? 1);
