/**
 * What other parts of this package use of the engine and applications do not. Unpublished: `index.ts` is the face of
 * `deskcache/engine`, and nothing in the engine imports this file.
 */
export { demandFlag, assertFunction, isRecord, assertIterable, assertOptions } from './validate.ts';
export { type KeyRange, parseKeyRange } from './cache/change-feed.ts';
export { assertCacheOptions } from './state/settings.ts';
export { CONSISTENCY, type ConsistencyOptions } from './cache/check.ts';
export { isCorrupt, isDamage, isTransient } from './sqlite/errors.ts';
export { CLOCK_TOLERANCE_MS, describeProcess, hasExited, createIdentity, type ProcessIdentity } from './process-identity.ts';
export { limitBlocking, withBriefWait } from './sqlite/busy-retry.ts';
export { type ReadBudget, withReadBudget, OutOfTime, withoutByteLimit } from './values/read-budget.ts';
export { isEqual } from './values/equality.ts';
export { encodeKey, type KeyColumn } from './values/key.ts';
export { wrapListener } from './validate.ts';
