import { CACHE_SIGNATURES, type CacheContract } from './contract/cache.ts';
import { DEQUE_ONLY_SIGNATURES, DEQUE_SIGNATURES, type DequeContract } from './contract/deque.ts';
import { INDEX_ONLY_SIGNATURES, INDEX_SIGNATURES, type IndexContract } from './contract/index-map.ts';
import { QUEUE_SIGNATURES, type QueueContract } from './contract/queue.ts';
import { SETTINGS_ONLY_SIGNATURES, SETTINGS_SIGNATURES, type SettingsContract } from './contract/settings.ts';
import type { Signature } from './contract/signature.ts';

export type { Cursor, Projection, ResultPage } from './results.ts';

/**
 * The methods that a page may call, written once for each kind of store: they type the client and the server, and their signatures are the
 * allow-list at run time.
 */
export interface Contracts {
  readonly cache: CacheContract;
  readonly index: IndexContract;
  readonly deque: DequeContract;
  readonly queue: QueueContract;
  readonly settings: SettingsContract;
}

/** Kinds of stores by the methods they have; a FanoutCache has the methods of a cache. */
export type Kind = keyof Contracts;

type SignatureTable = Readonly<Record<string, Signature>>;

export const SIGNATURES: Readonly<Record<Kind, SignatureTable>> = {
  cache: CACHE_SIGNATURES as unknown as SignatureTable,
  index: INDEX_SIGNATURES as unknown as SignatureTable,
  deque: DEQUE_SIGNATURES as unknown as SignatureTable,
  queue: QUEUE_SIGNATURES as unknown as SignatureTable,
  settings: SETTINGS_SIGNATURES as unknown as SignatureTable,
};

/**
 * Used when the kind of a declared store isn't known. `push` and `equals` are those of a deque, which take any values; all other methods
 * that kinds share have the same signature. The page starts with this table and that of queues alone, so it is made of few others.
 */
export const ANY_STORE_SIGNATURES: SignatureTable = /* @__PURE__ */ (() => ({
  ...CACHE_SIGNATURES,
  ...INDEX_ONLY_SIGNATURES,
  ...DEQUE_ONLY_SIGNATURES,
  ...SETTINGS_ONLY_SIGNATURES,
}))();
