import { CACHE, type CacheContract } from './contract/cache.ts';
import { DEQUE, type DequeContract } from './contract/deque.ts';
import { INDEX, type IndexContract } from './contract/index-map.ts';
import { QUEUE, type QueueContract } from './contract/queue.ts';
import type { Signature } from './contract/signature.ts';

export type { Cursor, Page, PageOf } from './page.ts';

/**
 * The methods that a page may call, written once for each kind of store: they type the client, they type the server, and
 * their signatures are the allow-list at run time.
 */
export interface Contracts {
  readonly cache: CacheContract;
  readonly index: IndexContract;
  readonly deque: DequeContract;
  readonly queue: QueueContract;
}

/** Kinds of stores by what can be called on them; a FanoutCache is called as a cache is. */
export type Kind = keyof Contracts;

type Named = Readonly<Record<string, Signature>>;

export const SIGNATURES: Readonly<Record<Kind, Named>> = {
  cache: CACHE as unknown as Named,
  index: INDEX as unknown as Named,
  deque: DEQUE as unknown as Named,
  queue: QUEUE as unknown as Named,
};

/**
 * Where the kind of a declared store isn't known: `push` is that of a deque, which takes any number of values; what else kinds have in
 * common has one signature.
 */
export const SIGNATURES_OF_ANY: Named = /* @__PURE__ */ (() => ({
  ...SIGNATURES.deque,
  ...SIGNATURES.index,
  ...SIGNATURES.cache,
  push: DEQUE.push,
}))();
