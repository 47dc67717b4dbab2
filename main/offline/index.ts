/** `deskcache/offline`: an HTTP cache, strategies by route, precached files, CacheStorage, durable queues; in plain Node. */
export { CacheStorage, type CacheStorageOptions } from './cache-storage/cache-storage.ts';
export type { QueryOptions } from './cache-storage/cached-items.ts';
export { WebCache } from './cache-storage/cache-storage.ts';
export { NetworkState } from './network.ts';
export { createHttpCache, HttpCache, type HttpCacheOptions } from './http/http-cache.ts';
export { type CacheStatus, getCacheStatus } from './http/response.ts';
export { Offline, type OfflineOptions } from './offline.ts';
export { type PrecacheInstallOptions, type PrecacheManifest, Precache, type PrecacheOptions, type PrecacheProgress } from './precache.ts';
export {
  type JobContext,
  type Backoff,
  type JobCounts,
  type EnqueueResult,
  type EnqueueOptions,
  type Handler,
  type Job,
  type JobState,
  type NewJob,
  type OpenQueueOptions,
  type ProcessOptions,
  Queue,
  type QueueEvent,
  type Retry,
} from '../queue/index.ts';
export type { RequestGuard } from './network.ts';
export type { StrategyOptions, Route, Strategy } from './offline.ts';
