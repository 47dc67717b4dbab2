/**
 * Exports for other parts of this package, not for applications. Unpublished: `index.ts` is the entry of `deskcache/engine`, and nothing in
 * the engine imports this file.
 */

export { CONSISTENCY, type ConsistencyOptions } from './cache/check.ts';
export { readStoreKind } from './cache/open.ts';
export { isDeferred } from './cache/transaction.ts';
export type { HttpMessage, JobMessage, SessionMessage } from './diagnostics.ts';
export { callChannel, httpChannel, queueChannel, sessionChannel } from './diagnostics.ts';
export { type ExportHeader, MAX_LINE_CHARACTERS, readExportHeader } from './export/export-format.ts';
export {
  CLOCK_TOLERANCE_MS,
  createIdentity,
  describeProcess,
  hasExited,
  type ProcessIdentity,
} from './process-identity.ts';
export { toOwnRealm, unrefTimer } from './realm.ts';
export { limitBlocking, withBriefWait } from './sqlite/busy-retry.ts';
export type { Column } from './sqlite/driver.ts';
export { isCorrupt, isDamage, isTransient } from './sqlite/errors.ts';
export { ForeignDatabase } from './sqlite/foreign-database.ts';
export { resolveDirectory } from './sqlite/open-database.ts';
export { OpenHandle } from './state/core.ts';
export { assertCacheOptions } from './state/settings.ts';
export {
  assertFlag,
  assertFunction,
  assertIterable,
  assertOptions,
  assertSignal,
  createUnknownOptionError,
  isRecord,
  wrapListener,
} from './validate.ts';
export { isEqual } from './values/equality.ts';
export { fromJson, toJson } from './values/json-value.ts';
export { encodeKey, type KeyColumn } from './values/key.ts';
export { type KeyFilter, type KeyId, parseSubscribeOptions, toColumnId } from './values/key-filter.ts';
export { OutOfTime, type ReadBudget, withoutByteLimit, withReadBudget } from './values/read-budget.ts';
export { withoutWorkerThread } from './worker/worker-checkpoints.ts';
