/** `deskcache/engine`: the store itself, synchronous, in plain Node. */
export { DiskCacheError, ERROR_CODES, type ErrorCode } from '../../protocol/error.ts';
export type { Key } from '../../protocol/key.ts';
export type {
  CacheOptions,
  Change,
  ChangeKind,
  Codec,
  EvictionPolicyName,
  Range,
  SetOptions,
} from '../../protocol/options.ts';
export { Cache } from './cache/cache.ts';
export type { Configuration } from './cache/configure.ts';
export type { QueueOptions } from './cache/queue.ts';
export type { Entry } from './cache/read.ts';
export type { Stats } from './cache/stats.ts';
export type { CountOptions } from './cache/write.ts';
