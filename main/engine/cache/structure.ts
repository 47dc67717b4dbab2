import type { CheckOptions, Finding } from '../../../protocol/check.ts';

/** What a collection keeps in its items beyond each single one: the positions of a deque, the order of a queue. */
export interface Structure {
  /** Returns what is wrong with it. */
  look(): Finding[];
  /** Puts it in order again, in the transaction that takes the damaged items out. */
  mend(): void;
}

/** An option of `check`, for what is built upon an index. */
export const STRUCTURE: unique symbol = Symbol('structure');

export interface StructureOptions extends CheckOptions {
  readonly [STRUCTURE]?: Structure;
}
