/** `deskcache`: what main process and pages share. Runs anywhere, imports nothing. */
export type { Access } from './contract.ts';
export type { Entry, Stats } from './entry.ts';
export { DiskCacheError, ERROR_CODES, type ErrorCode } from './error.ts';
export type { Key } from './key.ts';
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
} from './options.ts';
export {
  type CacheDeclaration,
  cache,
  defineStores,
  type StoreDeclaration,
  type StoreDeclarations,
} from './stores.ts';
