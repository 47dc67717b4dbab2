/*
 * `deskcache/renderer`: the stores, from a page. Nothing but names: of what stands here a bundler can't leave out what loads parts on
 * demand, not even for a page that only wants the error class.
 */

export type { ByteRange } from '../protocol/byte-range.ts';
export { DiskCacheError, type ErrorCode } from '../protocol/error.ts';
export type {
  Counts,
  Enqueued,
  EnqueueOptions,
  Job,
  JobState,
  NewJob,
  QueueEvent,
} from '../protocol/job.ts';
export type { Key } from '../protocol/key.ts';
export type { QueryOptions } from '../protocol/offline.ts';
export type { Range, SetOptions } from '../protocol/options.ts';
export { type Provenance, provenanceOf } from '../protocol/provenance.ts';
export type { Plan, Strategy } from '../protocol/strategy.ts';
export type { RemoteCache, RemoteDeque, RemoteIndex, RemoteStoreOf, RemoteStores } from './client/remote.ts';
export type { RemoteQueue } from './client/remote-queue.ts';
export { RemoteRange } from './client/remote-range.ts';
export { DiskCache, type DiskCacheOptions } from './disk-cache.ts';
export type { RemoteCacheStorage, RemoteWebCache } from './offline/remote-caches.ts';
export type { RemoteConnection } from './offline/remote-connection.ts';
export type { RemoteFetchInit } from './offline/remote-fetch.ts';
export { diskCache } from './page.ts';
