/*
 * `deskcache/renderer`: the stores, from a page. Contains only exports: a bundler could not leave out code here that loads parts on demand,
 * not even for a page that only imports the error class.
 */

export type {
  RemoteCache,
  RemoteDeque,
  RemoteIndex,
  RemoteStoreOf,
  RemoteStores,
  RemoteSubscribeOptions,
} from '../client/remote.ts';
export type { RemoteQueue } from '../client/remote-queue.ts';
export { RemoteRange } from '../client/remote-range.ts';
export type { RemoteSettings, RemoteSettingsListenerOptions } from '../client/remote-settings.ts';
export { type CacheStatus, getCacheStatus } from '../protocol/cache-status.ts';
export { DiskCacheError, type ErrorCode } from '../protocol/error.ts';
export type { QueryOptions } from '../protocol/http.ts';
export type {
  EnqueueOptions,
  EnqueueResult,
  Job,
  JobCounts,
  JobState,
  NewJob,
  QueueEvent,
} from '../protocol/job.ts';
export type { Key } from '../protocol/key.ts';
export type {
  Change,
  ClearOptions,
  DeleteManyOptions,
  EntryWithOptions,
  ExpiryOptions,
  Range,
  SetOptions,
  WatchOptions,
} from '../protocol/options.ts';
export type { Strategy, StrategyOptions } from '../protocol/strategy.ts';
export type { ByteRange } from '../protocol/value-stream.ts';
export type { ChangeOrReset } from '../protocol/wire.ts';
export { type AdoptTarget, adopt } from './adopt.ts';
export type { AdoptOptions, AdoptProgress, AdoptResult } from './adoption.ts';
export { diskCache } from './connect.ts';
export { DiskCache, type DiskCacheOptions } from './disk-cache.ts';
export type { RemoteCacheStorage, RemoteWebCache } from './http/remote-caches.ts';
export type { RemoteConnection } from './http/remote-connection.ts';
export type { RemoteFetchInit } from './http/request-input.ts';
