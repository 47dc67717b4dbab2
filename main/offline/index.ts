/** `deskcache/offline`: an HTTP cache, strategies by route, precached files, CacheStorage, durable queues; in plain Node. */
export { CacheStorage, type CacheStorageOptions } from './cache-storage/cache-storage.ts';
export type { QueryOptions } from './cache-storage/matching.ts';
export { WebCache } from './cache-storage/web-cache.ts';
export { Connection } from './connection.ts';
export { createHttpCache, HttpCache, type HttpCacheOptions } from './http/http-cache.ts';
export { type Provenance, provenanceOf } from './http/provenance.ts';
export { Offline, type OfflineOptions } from './offline.ts';
export { type InstallOptions, type Manifest, Precache, type PrecacheOptions, type Progress } from './precache.ts';
export {
  type Assignment,
  type Backoff,
  type Counts,
  type Enqueued,
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
} from './queue/index.ts';
export type { RequestGuard } from './request-guard.ts';
export type { Plan, Route, Strategy } from './strategy.ts';
