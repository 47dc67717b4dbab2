/** `deskcache/engine`: the store itself, synchronous, in plain Node. */

export { DiskCacheError, ERROR_CODES, type ErrorCode } from '../../protocol/error.ts';
export type { Key } from '../../protocol/key.ts';
export type {
  CacheOptions,
  Change,
  ChangeKind,
  ClearOptions,
  Codec,
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
} from '../../protocol/options.ts';
export type { Entry, Stats } from '../../protocol/results.ts';
export type { SettingsPatch, SettingsPath, SettingsValue } from '../../protocol/settings-path.ts';
export type { SettingsMigrations, SettingsVersion, StoredSettings } from '../../protocol/stores.ts';
export type { BackedUpStore, BackupOptions, BackupProgress, BackupResult } from './backup/backup.ts';
export { type RestoreResult, restore } from './backup/restore.ts';
export { type SalvageOptions, type SalvageResult, salvage } from './backup/salvage.ts';
export type { ByteRange, StoredBytes } from './cache/byte-streams.ts';
export { Cache } from './cache/cache.ts';

export type { CheckOptions, Finding, FindingCode } from './cache/check.ts';
export type { Configuration } from './cache/configure.ts';
export type { MemoizeOptions } from './cache/memoize.ts';
export type { PlainResult } from './cache/transaction.ts';
export { Deque, type DequeChange, type DequeOptions } from './deque/deque.ts';
export type {
  CallMessage,
  CheckpointMessage,
  DamageMessage,
  DiagnosticsMessages,
  EvictionMessage,
  HttpMessage,
  JobMessage,
  SessionMessage,
  TransactionMessage,
} from './diagnostics.ts';
export type { ExportPosition } from './export/export-format.ts';
export type { ExportOptions, TransferProgress } from './export/export-store.ts';
export type { ExportLines, ImportLinesOptions, ImportLinesResult } from './export/import-store.ts';
export { type CacheMethods, FanoutCache } from './fanout/fanout-cache.ts';
export type { NamedKind } from './fanout/named-stores.ts';
export type { FanoutOptions } from './fanout/open-fanout.ts';
export { Index, type IndexOptions, type IndexRange } from './index-map/index-map.ts';
export type { StandardSchema } from './index-map/schema.ts';
export type { AcquireAsyncOptions, AcquireOptions, LockHandle } from './locks/acquire.ts';
export { type BarrierOptions, barrier, type LockFactory, type ThrottleOptions, throttle } from './locks/decorators.ts';
export { BoundedSemaphore, Lock, type LockLike, RLock } from './locks/locks.ts';
export type { RecipeStore } from './locks/recipes.ts';
export { Averager } from './locks/recipes.ts';
export type { LeaseOptions } from './locks/ticket-semaphore.ts';
export { type Injected, reopen, type StoreHandle } from './registry.ts';
export { type ResealOptions, type ResealResult, reseal } from './sealing/reseal.ts';
export { Settings, type SettingsOptions } from './settings/settings.ts';
export { type TemporaryDirectory, temporaryDirectory } from './temporary-directory.ts';
