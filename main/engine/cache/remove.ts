import type { Key } from '../../../protocol/key.ts';
import { startAfresh } from '../backup/salvage.ts';
import { isCorrupt, unlessCorrupt } from '../damage.ts';
import { isLive } from '../policy/expiry.ts';
import { withoutDeletions } from '../sqlite/change-log.ts';
import { assertInTime, shouldPause } from '../values/allowance.ts';
import { encodeKey, type KeyColumn } from '../values/key.ts';
import { iterated, tagColumn } from './arguments.ts';
import type { Core } from './core.ts';
import { drop, isLogged } from './drop.ts';
import { evict as evictFor } from './evict.ts';
import { dropExpired } from './expire.ts';
import { despiteFullDisk, isDiskFull } from './full-disk.ts';
import { collectBucket } from './orphans.ts';
import { liveFacts } from './read.ts';
import { noteReplaced, removeFile } from './replaced-files.ts';
import { usedBytes } from './room.ts';
import { size } from './size.ts';
import { atomically } from './transaction.ts';
import { afterWrite, beforeWrite, giveBack } from './upkeep.ts';

/** Mass deletions let others write in between: so many items in one transaction. */
const BATCH = 256;

/** Whether there was a live item to delete. */
export function remove(core: Core, key: Key): boolean {
  const column = encodeKey(key);
  return despiteFullDisk([core], () => removeColumn(core, column));
}

/** How many live items there were to delete; all in one transaction. */
export function deleteMany(core: Core, keys: Iterable<Key>): number {
  const columns = Array.from(iterated(keys, 'keys'), encodeKey);
  const deleted = despiteFullDisk([core], () =>
    atomically(core, () => columns.filter((column) => removeColumn(core, column)).length),
  );
  if (deleted >= BATCH) giveBack(core);
  return deleted;
}

/** Takes an item out: its value, or undefined when there is none. */
export function pop(core: Core, key: Key): unknown {
  const column = encodeKey(key);
  return despiteFullDisk([core], () =>
    atomically(core, () => {
      const value = liveFacts(core, column, core.clock())?.value;
      removeColumn(core, column);
      return value;
    }),
  );
}

/**
 * Deletes everything; answers how many live items there were. A damaged database makes place for an empty one, and of its items
 * those count that could still be read.
 */
export function clear(core: Core): number {
  let items: number | undefined;
  try {
    items = despiteFullDisk([core], () => atomically(core, () => clearWhole(core)));
    giveBack(core);
    if (core.transaction.depth > 0 || isSound(core)) return items;
  } catch (error) {
    if (!isCorrupt(error) || core.transaction.depth > 0) throw error;
  }
  const readable = startAfresh(core);
  for (const bucket of core.files.buckets()) collectBucket(core, bucket);
  return items ?? readable;
}

/** Whether SQLite finds nothing wrong. Of a store that was emptied a few pages are left. */
export const isSound = ({ sql }: Core): boolean =>
  unlessCorrupt(() => sql.integrity.all().every(([message]) => message === 'ok')) ?? false;

function clearWhole(core: Core): number {
  const { sql, transaction } = core;
  const live = size(core);
  const files = sql.files.all();
  const deleteAll = () => void sql.deleteAll.run();
  if (isLogged(core)) withoutDeletions(core.connection, deleteAll);
  else deleteAll();
  // Of a damaged table SQLite deletes another number than it counts.
  core.ledger.deleted(core.ledger.rows ?? 0);
  sql.logClear.run();
  sql.setCounter.run(0, 'file bytes');
  sql.setCounter.run(0, 'hand');
  core.memory.clear();
  core.uses.clear();
  if (core.settings.durability === 'process') for (const [file, size] of files) noteReplaced(core, file, size);
  else transaction.afterCommit.push(() => removeFiles(core, files));
  return live;
}

/** Deletes all expired items; answers how many. */
export function expire(core: Core): number {
  const now = core.clock();
  return inBatches(core, (most) => dropExpired(core, now, most));
}

/** Deletes all items with a tag; answers how many live ones there were. */
export function evictTag(core: Core, tag: string | number): number {
  const column = tagColumn(tag);
  const now = core.clock();
  let live = 0;
  let after = 0;
  let rows: ReturnType<typeof core.sql.tagged.all> = [];
  const dropTagged = (most: number) => {
    rows = core.sql.tagged.all(column, after, most);
    for (const [id, key, file, bytes] of rows) drop(core, [id, key, file, bytes], 'evict');
    return rows.length;
  };
  inBatches(core, dropTagged, () => {
    live += rows.filter(([, , , , expiresAt]) => isLive(expiresAt, now)).length;
    after = rows.at(-1)?.[0] ?? after;
  });
  return live;
}

/** Deletes what has expired, then, by the policy, what is over the limit; answers how many. */
export function cull(core: Core): number {
  const expired = expire(core);
  if (core.membership !== undefined) return expired + core.membership.household.cull();
  const evicted = inBatches(core, () => {
    const over = usedBytes(core) - core.settings.sizeLimit;
    return over <= 0 ? 0 : evictFor(core, Math.min(over, 64 * 1024), null).items;
  });
  return expired + evicted;
}

/**
 * Repeats a step, each in its own transaction, until it finds nothing more; then the space goes back to the disk. `step` is told
 * how many items at most to delete; on a full disk ever fewer, and again those of a step that failed. `committed` follows each commit. On behalf
 * of a page it pauses when that has taken long.
 */
function inBatches(core: Core, step: (most: number) => number, committed: () => void = () => {}): number {
  let total = 0;
  let most = BATCH;
  for (let done = -1; done !== 0; ) {
    try {
      done = despiteFullDisk([core], () => atomically(core, () => step(most)));
      total += done;
      committed();
      if (core.transaction.depth > 0) assertInTime();
      else if (done > 0 && shouldPause()) return total;
    } catch (error) {
      if (!isDiskFull(error) || most === 1) throw error;
      most /= 4;
    }
  }
  if (total > 0) giveBack(core);
  return total;
}

function removeFiles(core: Core, files: readonly (readonly [file: string, size: number])[]): void {
  for (const [file] of files) removeFile(core, file);
}

function removeColumn(core: Core, key: KeyColumn): boolean {
  const { sql, ledger } = core;
  const now = core.clock();
  beforeWrite(core, now);
  if (sql.deleteInline.run(key, now).changes === 1) {
    ledger.deleted(1);
    core.memory.forget(key);
    afterWrite(core);
    return true;
  }
  // Not there, expired, or with a file.
  if (sql.locate.first(key) === undefined) return false;
  return atomically(core, () => {
    const row = sql.locate.first(key);
    if (row === undefined) return false;
    const [id, expiresAt, file, bytes] = row;
    const live = isLive(expiresAt, now);
    drop(core, [id, key, file, bytes], live ? 'delete' : 'expire');
    return live;
  });
}
