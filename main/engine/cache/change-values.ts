import { DiskCacheError } from '../../../protocol/error.ts';
import { deepFreeze } from '../../../protocol/freeze.ts';
import type { Change } from '../../../protocol/options.ts';
import type { ChangeSubscription, ReadLive } from '../state/core.ts';
import type { KeyColumn } from '../values/key.ts';
import { toColumnId } from '../values/key-filter.ts';

/**
 * Returns a change with the value that is stored now, frozen, or with the error of reading it. Returns undefined for `set` of an item that
 * no longer exists: the change that removed it follows.
 */
export function addValue(change: Change, read: ReadLive): Change | undefined {
  if (change.kind !== 'set') return change;
  try {
    const found = read(change.key!);
    return found && { ...change, value: deepFreeze(found.value) };
  } catch (error) {
    return { ...change, error: toDiskCacheError(error) };
  }
}

const toDiskCacheError = (cause: unknown): DiskCacheError =>
  cause instanceof DiskCacheError
    ? cause
    : new DiskCacheError('CORRUPT', "The value of a change can't be read; see the cause", { cause });

/** Reads the values that a subscription to exact keys reports as `before` of the first changes. Skips those that can't be read. */
export function readKnownValues({ known, filter, read }: ChangeSubscription): void {
  if (known === undefined || read === undefined) return;
  for (const [id, key] of filter.exactKeys ?? []) {
    const found = addValue({ kind: 'set', key }, read);
    if (found !== undefined && found.error === undefined) known.set(id, found.value);
  }
}

/** Adds the value that the subscription knew, and remembers the new one. */
export function addBefore(change: Change, key: KeyColumn | undefined, { known, filter }: ChangeSubscription): Change {
  if (known === undefined) return change;
  const id = key === undefined ? getOnlyKey(filter.exactKeys!) : toColumnId(key);
  const told = id !== undefined && known.has(id) ? { ...change, before: known.get(id) } : change;
  if (key === undefined) known.clear();
  else if (change.kind === 'set' && change.error === undefined) known.set(id!, change.value);
  else known.delete(id!);
  return told;
}

/** Returns the key of a subscription to one key. A `clear` concerns all keys, so it has a `before` only there. */
const getOnlyKey = <T>(keys: ReadonlyMap<T, unknown>): T | undefined =>
  keys.size === 1 ? keys.keys().next().value : undefined;
