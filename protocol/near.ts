import type { Key } from './key.ts';

/** Milliseconds for which a page may read what it keeps near, from when it asked; it asks again in good time while it reads. */
export const LEASE = 1000;

/** Main to page: these have changed. The answer to whoever changed them waits until the page has dropped them. */
export interface Stale {
  readonly deskcache: 'stale';
  readonly number: number;
  /** Without keys: everything of the store. */
  readonly changed: readonly (readonly [store: string, keys?: readonly Key[]])[];
}

export const isStale = (message: unknown): message is Stale =>
  (Object(message) as Partial<Stale>).deskcache === 'stale';
