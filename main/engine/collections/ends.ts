import { DiskCacheError } from '../../../protocol/error.ts';
import type { Core } from '../cache/core.ts';
import { drop } from '../cache/drop.ts';
import { type Item, place, using } from '../cache/item.ts';
import { despiteReplacement, readValue } from '../cache/read.ts';
import { atomically } from '../cache/transaction.ts';
import { afterWrite, beforeWrite } from '../cache/upkeep.ts';
import { itemOf } from '../cache/write.ts';
import { type PlacedRow, POSITIONS } from '../sqlite/positions.ts';
import { type Extent, extentOf } from './extent.ts';

export type Side = 'front' | 'back';

/** Puts values to one end, one after the other, in one transaction; what is too much leaves by the other end. */
export function put(core: Core, values: readonly unknown[], side: Side): number {
  return atomically(core, () => {
    let { first, length, most } = extentOf(core);
    for (const value of values) {
      if (side === 'front') first--;
      add(core, side === 'front' ? first : first + length, value);
      if (length < most) {
        length++;
        continue;
      }
      dropAt(core, side === 'front' ? first + length : first);
      if (side === 'back') first++;
    }
    return length;
  });
}

/** Stores a value at a position where nothing is. Inside a write transaction. */
function add(core: Core, position: number, value: unknown): void {
  const { ledger, sql } = core;
  const now = core.clock();
  const item = itemOf(core, position, value, now, {});
  // Where there is room for certain, nothing but the row has to be written.
  if (item.staged !== undefined || now >= ledger.nextExpiry || item.cost > ledger.room) {
    placeItem(core, item, now);
    return;
  }
  const { expiresAt, tag, mode, bytes, check, data } = item;
  const stamp = core.stamps.at(now);
  const added = sql.insert.run(position, stamp, stamp, expiresAt, tag, mode, bytes, check, null, data);
  ledger.room -= item.cost;
  core.upkeep.bytes += item.cost;
  ledger.inserted(added.lastInsertRowid, expiresAt);
}

/** Stores a value at a position, in place of the one that is there. Inside a write transaction. */
export function putAt(core: Core, position: number, value: unknown): void {
  const now = core.clock();
  placeItem(core, itemOf(core, position, value, now, {}), now);
}

function placeItem(core: Core, item: Item, now: number): void {
  if (item.staged === undefined) place(core, item, now);
  else using(core, item, () => place(core, item, now));
}

/**
 * Takes the value at one end; undefined when there is none.
 *
 * @throws {DiskCacheError} `CORRUPT` for a damaged value, which is gone after it: the next one is whole.
 */
export function take(core: Core, side: Side): unknown {
  const row = takeRow(core, side);
  return row === undefined ? takeLarge(core, side) : valueIn(core, row);
}

/** Undefined when there is none, or its value is in a file. */
function takeRow(core: Core, side: Side): PlacedRow | undefined {
  const { sql } = core;
  beforeWrite(core);
  core.feed.cause = 'delete';
  // All rows, though there is one at most: so the statement runs to its end, and a commit that fails is told.
  const [row] = (side === 'front' ? POSITIONS.takeFront(sql) : POSITIONS.takeBack(sql)).all();
  if (row === undefined) return undefined;
  core.ledger.deleted(1);
  afterWrite(core);
  return row;
}

function takeLarge(core: Core, side: Side): unknown {
  // Who waits for something to come asks often; nobody is kept waiting for that.
  if (edge(core, side) === undefined) return undefined;
  const taken = atomically(core, () => {
    const row = edge(core, side);
    if (row === undefined) return undefined;
    const found = attempt(() => valueIn(core, row));
    const [key, id, , , , size, file] = row;
    drop(core, [id, key, file, size], 'delete');
    return found;
  });
  if (taken !== undefined && 'error' in taken) throw taken.error;
  return taken?.value;
}

export function peek(core: Core, side: Side): unknown {
  return despiteReplacement(core, () => {
    const row = edge(core, side);
    return row && valueIn(core, row);
  });
}

/** Holds a deque to its greatest length: what is too much leaves by the front. Inside a write transaction. */
export function trim(core: Core): void {
  const { first, length, most } = extentOf(core);
  for (let position = first; position < first + length - most; position++) dropAt(core, position);
}

/** Deletes what is at a position. Inside a write transaction; whoever asks closes the gap. */
export function dropAt(core: Core, position: number): void {
  const row = POSITIONS.doomed(core.sql).first(position);
  if (row !== undefined) drop(core, row, 'delete');
}

export function valueIn(core: Core, [key, ...row]: PlacedRow): unknown {
  return readValue(core, key, row);
}

/** The position of an index, counted from the end when it is negative; undefined where nothing is. */
export function positionOf({ first, length }: Extent, index: number): number | undefined {
  const at = index < 0 ? index + length : index;
  return Number.isInteger(at) && at >= 0 && at < length ? first + at : undefined;
}

const edge = ({ sql }: Core, side: Side): PlacedRow | undefined =>
  (side === 'front' ? POSITIONS.front(sql) : POSITIONS.back(sql)).first();

function attempt(work: () => unknown): { readonly value: unknown } | { readonly error: unknown } {
  try {
    return { value: work() };
  } catch (error) {
    if (error instanceof DiskCacheError && error.code === 'CORRUPT') return { error };
    throw error;
  }
}
