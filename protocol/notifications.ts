import type { Key } from './key.ts';
import type { ChangesMessage } from './wire.ts';

/** Milliseconds for which a page may read what it keeps near, from when it asked; it asks again in good time while it reads. */
export const NEAR_LEASE_MS = 1000;

/** Main to page: these have changed. The answer to whoever changed them waits until the page has dropped them. */
export interface Invalidation {
  readonly deskcache: 'stale';
  readonly number: number;
  /** Without keys: everything of the store. */
  readonly changed: readonly (readonly [store: string, keys?: readonly Key[]])[];
}

export const isInvalidation = (message: unknown): message is Invalidation =>
  (Object(message) as Partial<Invalidation>).deskcache === 'stale';

/** Not in wire.ts, for only a page that listens loads it. */
export const isChangesMessage = (message: unknown): message is ChangesMessage =>
  (Object(message) as Partial<ChangesMessage>).deskcache === 'changes';
