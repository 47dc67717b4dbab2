/** `deskcache`: what the main process and pages share. Runs in any JavaScript environment and has no imports outside this folder. */

export type { Access } from './contract/signature.ts';
export { DiskCacheError, ERROR_CODES, type ErrorCode } from './error.ts';
export type { Key } from './key.ts';
export {
  type ConfFileOptions,
  conf,
  type EncryptedFileOptions,
  type EncryptionAlgorithm,
  electronConf,
  electronJsonStorage,
  electronStore,
  lowdb,
  type MoveFormat,
  type MoveSource,
} from './move-source.ts';
export { omitUnstorable } from './omit-unstorable.ts';
export type {
  CacheOptions,
  Change,
  ChangeKind,
  ClearOptions,
  Codec,
  Configuration,
  CountOptions,
  DeleteManyOptions,
  EntryWithOptions,
  EvictionPolicyName,
  ExpiryOptions,
  QueueOptions,
  Range,
  SetOptions,
  SubscribeOptions,
  WatchOptions,
} from './options.ts';
export type { Storable } from './plain-values.ts';
export type { CheckOptions, Entry, Finding, FindingCode, Stats } from './results.ts';
export type { SettingsPatch, SettingsPath, SettingsValue } from './settings-path.ts';
export type { StandardSchema } from './stores.ts';
export {
  type CacheDeclaration,
  cache,
  type DequeDeclaration,
  defineStores,
  deque,
  type FanoutDeclaration,
  fanout,
  type IndexDeclaration,
  index,
  type SettingsDeclaration,
  type SettingsDeclarationOptions,
  type SettingsMigrations,
  type SettingsVersion,
  type StoreDeclaration,
  type StoreDeclarations,
  type StoredSettings,
  settings,
} from './stores.ts';
