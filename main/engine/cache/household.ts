import type { KeyColumn } from '../values/key.ts';
import type { Core } from './core.ts';

/** Several stores, each in a directory of its own, that live within one `sizeLimit`. */
export interface Household {
  /** Bytes in use by all of them. */
  usedBytes(): number;
  /** Bytes of the limit that can't hold items. */
  overhead(): number;
  /**
   * Lets items of all members go, in the order of the policy, until about so many bytes are free; never the item of the key
   * `spared` of `member`. Called after a commit, when no member's lock is held.
   */
  makeRoom(member: Core, wanted: number, spared: KeyColumn | null): void;
  /** Deletes, by the policy, what of all is over the limit; answers how many. */
  cull(): number;
  /** The place of a new item in the stored order of all: a whole number above 0 that grows with time. */
  nextPlace(now: number): number;
}

/** A store's part in a household. */
export interface Membership {
  readonly household: Household;
  /** The part of the limit, above 0 and up to 1, that its log and its pages are cut to. */
  readonly share: number;
}

/** The bytes that a store's log and pages are cut to: of a store of its own, the limit. */
export const shareOf = ({ settings, membership }: Core): number => settings.sizeLimit * (membership?.share ?? 1);
