/** `deskcache/engine`: the store itself, synchronous, in plain Node. */
export type { Entry, Stats } from '../../protocol/entry.ts';
export { DiskCacheError, ERROR_CODES, type ErrorCode } from '../../protocol/error.ts';
export type { Key } from '../../protocol/key.ts';
export type {
  CacheOptions,
  Change,
  ChangeKind,
  Codec,
  CountOptions,
  EvictionPolicyName,
  QueueOptions,
  Range,
  SetOptions,
} from '../../protocol/options.ts';
export { Cache } from './cache/cache.ts';
export type { CheckOptions, Finding, FindingCode } from './cache/check.ts';
export type { Configuration } from './cache/configure.ts';
export type { SubscribeOptions } from './cache/key-range.ts';
export type { MemoizeOptions } from './cache/memoize.ts';
export type { ByteRange, StoredBytes } from './cache/stored-bytes.ts';
export type { PlainResult } from './cache/transaction.ts';
export { Deque, type DequeChange, type DequeOptions } from './collections/deque.ts';
export { Index, type IndexOptions, type IndexRange } from './collections/index-map.ts';
export type { StandardSchema } from './collections/schema.ts';
export type { NamedKind } from './fanout/named-stores.ts';
export type { FanoutOptions } from './fanout/open.ts';
export { type CacheFace, FanoutCache } from './fanout-cache.ts';
export { type Description, type HandedIn, reopen } from './handle.ts';
export { Averager } from './recipes/averager.ts';
export { type BarrierOptions, barrier, type LockFactory } from './recipes/barrier.ts';
export { BoundedSemaphore } from './recipes/bounded-semaphore.ts';
export type { Guard } from './recipes/guard.ts';
export type { Hold } from './recipes/hold.ts';
export { Lock } from './recipes/lock.ts';
export { RLock } from './recipes/r-lock.ts';
export type { RecipeStore } from './recipes/recipe-store.ts';
export { type ThrottleOptions, throttle } from './recipes/throttle.ts';
export type { LeaseOptions } from './recipes/turnstile.ts';
export type { AcquireAsyncOptions, AcquireOptions } from './recipes/waiting.ts';
