import type { Key } from './key.ts';
import type { ChangesMessage } from './wire.ts';

/** Lease of a page's near cache in milliseconds, counted from the request; the page renews it before it ends while it reads. */
export const NEAR_LEASE_MS = 1000;

/** Main to page: these items have changed. The response to the writer waits until the page has dropped them. */
export interface Invalidation {
  readonly deskcache: 'stale';
  readonly number: number;
  /** Without keys: every item of the store. */
  readonly changed: readonly (readonly [store: string, keys?: readonly Key[]])[];
}

export const isInvalidation = (message: unknown): message is Invalidation =>
  (Object(message) as Partial<Invalidation>).deskcache === 'stale';

/** Separate from wire.ts, because only pages that subscribe load it. */
export const isChangesMessage = (message: unknown): message is ChangesMessage =>
  (Object(message) as Partial<ChangesMessage>).deskcache === 'changes';
