import type { CacheContract } from '../../protocol/contract/cache.ts';
import type { Key } from '../../protocol/key.ts';
import type { CacheOptions, Range, SubscribeOptions, WatchOptions } from '../../protocol/options.ts';
import type { ChangeOrReset } from '../../protocol/wire.ts';

/** Methods that differ between a store and the wire. */
type Reshaped = 'page' | 'size';

type Promised<F> = F extends (...args: infer A) => infer R ? (...args: A) => Promise<R> : never;

/** The promise-based interface that the engine and the bridge share: every method of the contract. */
export type AsyncCache = { readonly [M in Exclude<keyof CacheContract, Reshaped>]: Promised<CacheContract[M]> } & {
  readonly size: Promise<number>;
  keys(range?: Range): AsyncIterable<unknown>;
  values(range?: Range): AsyncIterable<unknown>;
  entries(range?: Range): AsyncIterable<unknown>;
  subscribe(listener: (change: ChangeOrReset) => void, options?: SubscribeOptions): () => void;
  watch(key: Key, options?: WatchOptions): AsyncIterableIterator<unknown>;
  watchMany(range?: Range, options?: WatchOptions): AsyncIterableIterator<readonly (readonly [Key, unknown])[]>;
};

/** A store under test, with a clock that moves only by hand. */
export interface AsyncStoreFixture {
  readonly store: AsyncCache;
  /** Now, by the store's clock: epoch milliseconds. */
  now(): number;
  /** Moves the store's clock by some milliseconds. */
  advance(ms: number): void;
  close(): Promise<void>;
}

/** How a test gets a new, empty store. */
export type OpenAsyncStore = (options?: CacheOptions) => Promise<AsyncStoreFixture>;

export async function collectItems(items: AsyncIterable<unknown>): Promise<unknown[]> {
  const found: unknown[] = [];
  for await (const item of items) found.push(item);
  return found;
}
