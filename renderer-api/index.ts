/** `deskcache/renderer`: the stores, from a page. */

import type { Purpose } from '../protocol/handshake.ts';
import { connect } from './connect.ts';
import { DiskCache } from './disk-cache.ts';

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

/** Usable at once; connects to the main process with the first call. */
export const diskCache: DiskCache = /* @__PURE__ */ new DiskCache(connectFromPage);

let isWatched = false;

/** Nothing is done before the first call: a page that wants only the error class pays for nothing else. */
function connectFromPage(signal: AbortSignal, to: Purpose): Promise<MessagePort> {
  if (!isWatched) {
    isWatched = true;
    // A page that is unloading gets no more answers: its open calls reject while there is still time.
    globalThis.addEventListener?.('pagehide', () => diskCache.disconnect('The page was left before the answer came'));
  }
  return connect(signal, to);
}
