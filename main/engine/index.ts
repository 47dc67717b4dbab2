/** `deskcache/engine`: the store itself, synchronous, in plain Node. */
export type { Entry, Stats } from '../../protocol/results.ts';
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
export type { SubscribeOptions } from './cache/change-feed.ts';
export type { MemoizeOptions } from './cache/memoize.ts';
export type { ByteRange, StoredBytes } from './cache/byte-streams.ts';
export type { PlainResult } from './cache/transaction.ts';
export { Deque, type DequeChange, type DequeOptions } from './deque/deque.ts';
export { Index, type IndexOptions, type IndexRange } from './index-map/index-map.ts';
export type { StandardSchema } from './index-map/schema-validator.ts';
export type { NamedKind } from './fanout/named-stores.ts';
export type { FanoutOptions } from './fanout/open-fanout.ts';
export { type CacheMethods, FanoutCache } from './fanout/fanout-cache.ts';
export { type StoreHandle, type Injected, reopen } from './registry.ts';
export { Averager } from './locks/averager.ts';
export { type BarrierOptions, barrier, type LockFactory } from './locks/decorators.ts';
export { BoundedSemaphore } from './locks/locks.ts';
export type { LockBase } from './locks/locks.ts';
export type { LockHandle } from './locks/lock-handle.ts';
export { Lock } from './locks/locks.ts';
export { RLock } from './locks/locks.ts';
export type { RecipeStore } from './locks/recipe-store.ts';
export { type ThrottleOptions, throttle } from './locks/decorators.ts';
export type { LeaseOptions } from './locks/ticket-semaphore.ts';
export type { AcquireAsyncOptions, AcquireOptions } from './locks/acquire.ts';
