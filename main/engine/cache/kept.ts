import type { SetOptions } from '../../../protocol/options.ts';

/** An option of what sets, for the engine alone: eviction passes over the item, until it is set without it. */
export const KEPT: unique symbol = Symbol('kept');

export interface KeptOptions extends SetOptions {
  readonly [KEPT]?: true;
}
