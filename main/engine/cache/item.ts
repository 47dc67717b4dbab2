import { DiskCacheError } from '../../../protocol/error.ts';
import { costOf } from '../policy/budget.ts';
import { isLive } from '../policy/expiry.ts';
import type { TagColumn } from '../sqlite/statements.ts';
import type { Stored } from '../values/check.ts';
import { encodeValue } from '../values/codec.ts';
import type { Staged } from '../values/file-store.ts';
import type { KeyColumn } from '../values/key.ts';
import { toRowCheck } from '../values/row-check.ts';
import type { Core } from './core.ts';
import { drop, dropFile, keyBytes, lostRow } from './drop.ts';
import { collectSome } from './orphans.ts';
import { capacityOf, makeRoom } from './room.ts';
import { atomically } from './transaction.ts';
import { beforeWrite } from './upkeep.ts';

/** An item on its way to the disk. */
export interface Item {
  readonly key: KeyColumn;
  readonly mode: number;
  /** Null when it is in a file. */
  readonly data: Stored | null;
  readonly bytes: number;
  readonly check: number;
  readonly staged: Staged | undefined;
  /** What it takes of the budget. */
  readonly cost: number;
  readonly expiresAt: number | null;
  readonly tag: TagColumn;
}

/**
 * A value as an item; a large one is written to a file that no row names yet. Whoever prepares uses up or discards.
 *
 * @throws {DiskCacheError} `BAD_VALUE`, and `TOO_LARGE` for what would not fit if everything else left.
 */
export function prepare(
  core: Core,
  key: KeyColumn,
  value: unknown,
  expiresAt: number | null,
  tag: TagColumn,
  now: number,
): Item {
  beforeWrite(core, now);
  const capacity = capacityOf(core);
  // What is much too large is refused before the work of encoding it.
  assertFits(core, leastBytes(core, value), capacity);
  const { mode, data, bytes, check } = encodeValue(value, core.codec);
  const cost = costOf(keyBytes(key), bytes);
  assertFits(core, bytes, capacity, cost);
  const inFile = (bytes >= core.settings.fileThreshold || bytes > MAX_INLINE_BYTES) && typeof data !== 'number';
  const staged = inFile ? core.files.stage(data) : undefined;
  return { key, mode, data: inFile ? null : data, bytes, check, staged, cost, expiresAt, tag };
}

/** SQLite takes rows of up to 1 GB; a larger value is in a file, whatever the threshold says. */
const MAX_INLINE_BYTES = 512 * 1024 * 1024;

/** What a value takes at least, as far as that is known without encoding it. */
function leastBytes({ codec }: Core, value: unknown): number {
  if (codec.compression !== 'none' || typeof codec.codec === 'object') return 0;
  return typeof value === 'string' || value instanceof Uint8Array ? value.length : 0;
}

/** @throws {DiskCacheError} `TOO_LARGE` */
function assertFits({ directory, settings }: Core, bytes: number, capacity: number, cost = bytes): void {
  if (cost <= capacity) return;
  throw new DiskCacheError(
    'TOO_LARGE',
    `The value takes ${bytes} bytes; ${directory} can hold ${capacity} under its sizeLimit of ${settings.sizeLimit}. Raise the limit or store less`,
  );
}

/** Stores an item in place of whatever has its key; answers the row's id. Inside a write transaction. */
export function place(core: Core, item: Item, now: number): number {
  const { sql, ledger } = core;
  makeRoom(core, item, now);
  const file = nameFile(core, item);
  const stamp = core.stamps.at(now);
  const { key, expiresAt, tag, mode, bytes, data } = item;
  const check = toRowCheck(item.check, key);
  const old = sql.locate.first(key);
  if (old !== undefined && isLive(old[1], now)) {
    const { changes } = sql.update.run(key, stamp, stamp, expiresAt, tag, mode, bytes, check, file, data, old[0]);
    if (changes === 0) throw lostRow(core);
    // Its reads are counted from the last set.
    core.uses.take(old[0]);
    dropFile(core, old[2], old[3]);
    ledger.updated(expiresAt);
    core.memory.forget(key);
    return old[0];
  }
  if (old !== undefined) drop(core, [old[0], key, old[2], old[3]], 'expire');
  const { lastInsertRowid } = sql.insert.run(key, stamp, stamp, expiresAt, tag, mode, bytes, check, file, data);
  ledger.inserted(lastInsertRowid, expiresAt);
  core.memory.forget(key);
  return Number(lastInsertRowid);
}

/** Invariant: a row names a file only when the file is whole and in its place; a rollback takes the file away again. */
export function nameFile(core: Core, { staged }: Item): string | null {
  if (staged === undefined) return null;
  const { name, bytes } = staged;
  core.transaction.afterRollback.push(() => core.files.remove(name));
  core.files.place(staged);
  core.sql.count.run(bytes, 'file bytes');
  return name;
}

/** Runs `work`, which may place the item, in a transaction; a file that was not placed is given up. */
export function using<T>(core: Core, { staged }: Item, work: () => T): T {
  if (staged === undefined) return atomically(core, work);
  try {
    const result = atomically(core, work);
    collectSome(core);
    return result;
  } finally {
    core.files.discard(staged);
  }
}
