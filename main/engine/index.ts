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
export type { SubscribeOptions } from './cache/feed.ts';
export type { MemoizeOptions } from './cache/memoize.ts';
