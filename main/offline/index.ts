/** `deskcache/offline`: an HTTP cache, strategies by route, precached files, CacheStorage, durable queues; in plain Node. */

export type { HttpMessage } from '../engine/index.ts';
export {
  type Backoff,
  type EnqueueOptions,
  type EnqueueResult,
  type Handler,
  type Job,
  type JobContext,
  type JobCounts,
  type JobMessage,
  type JobState,
  type NewJob,
  type OpenQueueOptions,
  type ProcessOptions,
  Queue,
  type QueueEvent,
  type Retry,
} from '../queue/index.ts';
export { CacheStorage, type CacheStorageOptions, WebCache } from './cache-storage/cache-storage.ts';
export type { QueryOptions } from './cache-storage/cached-items.ts';
export { createHttpCache, HttpCache, type HttpCacheOptions } from './http/http-cache.ts';
export { type CacheStatus, getCacheStatus } from './http/response.ts';
export type { RequestGuard } from './network.ts';
export { NetworkState } from './network.ts';
export type { Route, Strategy, StrategyOptions } from './offline.ts';
export { Offline, type OfflineOptions } from './offline.ts';
export {
  Precache,
  type PrecacheInstallOptions,
  type PrecacheManifest,
  type PrecacheOptions,
  type PrecacheProgress,
} from './precache.ts';
