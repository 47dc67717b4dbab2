/**
 * Exports for other parts of this package, not for applications. Unpublished: `index.ts` is the entry of `deskcache/engine`, and nothing in
 * the engine imports this file.
 */

export { backUpTree, parseBackupOptions } from './backup/backup.ts';
export { hasDamagedHeader, hasDamagedPages } from './backup/find-damage.ts';
export { BackupRotation, parseRotation, type RotationOptions } from './backup/rotation.ts';
export { salvage } from './backup/salvage.ts';
export {
  BACKUPS_FOLDER,
  DAMAGED_FOLDER,
  isSideFolder,
  listBackups,
  STAMP_PATTERN,
  toStamp,
} from './backup/side-folders.ts';
export { toFolderFilter } from './backup/store-tree.ts';
export { readStoredRows } from './backup/stored-rows.ts';
export { CONSISTENCY, type ConsistencyOptions } from './cache/check.ts';
export { getItemFacts, getStoreSettings, type ItemFacts } from './cache/item-facts.ts';
export { readStoreKind } from './cache/open.ts';
export { isDeferred } from './cache/transaction.ts';
export type { HttpMessage, JobMessage, SessionMessage } from './diagnostics.ts';
export { callChannel, damageChannel, httpChannel, queueChannel, sessionChannel } from './diagnostics.ts';
export { type ExportHeader, MAX_LINE_CHARACTERS, readExportHeader } from './export/export-format.ts';
export { type ExportItem, exportStore } from './export/export-store.ts';
export { checkExport, importStore } from './export/import-store.ts';
export type { ImportTarget as LineTarget } from './export/import-targets.ts';
export { MANIFEST_FILE } from './fanout/manifest.ts';
export { encodeFolderName } from './fanout/named-stores.ts';
export {
  CLOCK_TOLERANCE_MS,
  createIdentity,
  describeProcess,
  hasExited,
  type ProcessIdentity,
} from './process-identity.ts';
export { toOwnRealm, unrefTimer } from './realm.ts';
export { type SafeStorage, SealKeys, sealStores, withStoreKeys } from './sealing/host-keys.ts';
export { isResealDue, isSealed } from './sealing/reseal.ts';
export { giveBackFreePages } from './space/give-back.ts';
export { limitBlocking, withBriefWait } from './sqlite/busy-retry.ts';
export type { Column } from './sqlite/driver.ts';
export { isCorrupt, isDamage, isTransient, toFileError, watchDamage } from './sqlite/errors.ts';
export { ForeignDatabase } from './sqlite/foreign-database.ts';
export { getDatabasePath, makeDurableFolder, resolveDirectory, syncIfPossible } from './sqlite/open-database.ts';
export { completeRestore } from './sqlite/restored-folder.ts';
export { OpenHandle } from './state/core.ts';
export { getCores, registerStore } from './state/open-cores.ts';
export { assertCacheOptions } from './state/settings.ts';
export { type CheckableStore, openAsItIs, type StoreOpener, type StoreToOpen } from './store-opener.ts';
export {
  assertFlag,
  assertFunction,
  assertIterable,
  assertOptions,
  assertSignal,
  createUnknownOptionError,
  emitWarning,
  isRecord,
  wrapListener,
} from './validate.ts';
export { isEqual } from './values/equality.ts';
export { listFolders, readSmallFile, syncFile } from './values/file-io.ts';
export { fromJson, toJson } from './values/json-value.ts';
export { encodeKey, type KeyColumn } from './values/key.ts';
export { type KeyFilter, type KeyId, parseSubscribeOptions, toColumnId } from './values/key-filter.ts';
export { OutOfTime, type ReadBudget, withoutByteLimit, withReadBudget } from './values/read-budget.ts';
export { withoutWorkerThread } from './worker/worker-checkpoints.ts';
