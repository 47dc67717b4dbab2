import type { CacheContract } from '../../protocol/contract/cache.ts';
import type { CacheOptions, Range } from '../../protocol/options.ts';

/** Verbs that have another shape on the face of a store than on the wire. */
type Reshaped = 'page' | 'size';

type Promised<F> = F extends (...args: infer A) => infer R ? (...args: A) => Promise<R> : never;

/** The face of a cache as promises, what the bare engine and the bridge have in common: every verb of the contract. */
export type AsyncCache = { readonly [M in Exclude<keyof CacheContract, Reshaped>]: Promised<CacheContract[M]> } & {
  readonly size: Promise<number>;
  keys(range?: Range): AsyncIterable<unknown>;
  values(range?: Range): AsyncIterable<unknown>;
  entries(range?: Range): AsyncIterable<unknown>;
};

/** A store under test, with a clock that stands still until it is moved. */
export interface AsyncStoreFixture {
  readonly store: AsyncCache;
  /** Now, by the store's clock: epoch milliseconds. */
  now(): number;
  /** Moves the store's clock by so many milliseconds. */
  advance(ms: number): void;
  close(): Promise<void>;
}

/** How a test gets a store, fresh and empty. */
export type OpenAsyncStore = (options?: CacheOptions) => Promise<AsyncStoreFixture>;

export async function collectItems(items: AsyncIterable<unknown>): Promise<unknown[]> {
  const found: unknown[] = [];
  for await (const item of items) found.push(item);
  return found;
}
