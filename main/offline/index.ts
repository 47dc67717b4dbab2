/** Offline: an HTTP cache, strategies by route, precached files, CacheStorage. */
export { Connection } from './connection.ts';
export { createHttpCache, HttpCache, type HttpCacheOptions } from './http/http-cache.ts';
export { type Provenance, provenanceOf } from './http/provenance.ts';
export { Offline, type OfflineOptions } from './offline.ts';
export { type InstallOptions, type Manifest, Precache, type PrecacheOptions, type Progress } from './precache.ts';
export type { Plan, Route, Strategy } from './strategy.ts';
