import { DiskCacheError } from '../../../protocol/error.ts';
import { shownValue } from '../../../protocol/fault.ts';
import type { Core } from '../cache/core.ts';
import { dropFile } from '../cache/drop.ts';
import { nameFile, using } from '../cache/item.ts';
import { despiteReplacement, sizeIn } from '../cache/read.ts';
import { atomically, onSnapshot } from '../cache/transaction.ts';
import { type PlacedRow, POSITIONS } from '../sqlite/positions.ts';
import { transiently } from '../values/allowance.ts';
import { isEqual } from '../values/equality.ts';
import { dropStretch, itemOf, positionOf, valueIn } from './ends.ts';
import { assertMovable, damagedPosition, type Extent, extentOf, shiftBy } from './extent.ts';

/** A page ends at so many values or, after the first, at so many bytes. */
export const PAGE_ITEMS = 512;
const PAGE_BYTES = 512 * 1024;
/** A walk begins with small pages: most loops end early. */
const FIRST_PAGE_ITEMS = 16;

export function at(core: Core, index: number): unknown {
  const whole = Math.trunc(index) || 0;
  const { sql } = core;
  return despiteReplacement(core, () => {
    const row = whole < 0 ? POSITIONS.fromBack(sql).first(-whole - 1) : POSITIONS.fromFront(sql).first(whole);
    if (row !== undefined) return valueIn(core, row);
    assertNone(core, whole);
    return undefined;
  });
}

/** @throws {DiskCacheError} `CORRUPT` when an item at this index should be there. */
function assertNone(core: Core, index: number): void {
  const { length } = extentOf(core);
  if (index < length && index >= -length) throw damagedPosition(core.directory);
}

/** @throws {DiskCacheError} `BAD_OPTION` where nothing is. */
export function replace(core: Core, index: number, value: unknown): void {
  const { sql } = core;
  const item = itemOf(core, value);
  using(core, item, () => {
    const extent = extentOf(core);
    const position = positionOf(extent, index);
    if (position === undefined) {
      throw new DiskCacheError(
        'BAD_OPTION',
        `There is no index ${shownValue(index)} in ${core.directory}, which has ${extent.length} items; push adds one`,
      );
    }
    const { mode, bytes, check, data } = item;
    const stamp = core.stamps.at(core.clock());
    const old = POSITIONS.doomed(sql).first(position, position);
    const file = nameFile(core, item);
    const { changes } = sql.update.run(position, stamp, stamp, null, null, mode, bytes, check, file, data, position);
    if (changes === 0) throw damagedPosition(core.directory);
    if (old !== undefined) dropFile(core, old[2], old[3]);
    core.ledger.updated(null);
    core.upkeep.bytes += item.cost;
  });
}

/** Takes a stretch out, as `Array.prototype.splice` counts it; the shorter side closes the gap. */
export function splice(core: Core, start: number, count: number): unknown[] {
  return atomically(core, () => {
    const { first, length } = extentOf(core);
    const from = Math.trunc(start) || 0;
    const index = from < 0 ? Math.max(0, from + length) : Math.min(from, length);
    const taken = Math.min(Math.max(0, Math.trunc(count) || 0), length - index);
    assertMovable(core, first + index, first + index + taken - 1);
    const found: unknown[] = [];
    const take = (row: PlacedRow) => found.push(valueIn(core, row)) > 0;
    POSITIONS.stretch(core.sql).each(take, first + index, first + index + taken - 1);
    if (found.length !== taken) throw damagedPosition(core.directory);
    cut(core, { first, length }, index, taken);
    return found;
  });
}

/** Takes out what is at an index; answers whether there was something. */
export function removeAt(core: Core, index: number): boolean {
  return atomically(core, () => {
    const extent = extentOf(core);
    const position = positionOf(extent, index);
    if (position === undefined) return false;
    cut(core, extent, position - extent.first, 1);
    return true;
  });
}

/** Deletes a stretch and lets the shorter side close up. Inside a write transaction. */
function cut(core: Core, { first, length }: Pick<Extent, 'first' | 'length'>, index: number, count: number): void {
  if (count === 0) return;
  const start = first + index;
  const end = start + count;
  dropStretch(core, start, count);
  const last = first + length - 1;
  if (index <= last - end) shiftBy(core, first, start - 1, count);
  else shiftBy(core, end, last, -count);
}

/** Removes the first value that is deeply equal. */
export const remove = (core: Core, value: unknown): boolean =>
  atomically(core, () => {
    const index = indexOf(core, value);
    return index >= 0 && removeAt(core, index);
  });

/** Reads values one after the other on one snapshot, and keeps none. */
const whileLooking = <T>(core: Core, work: () => T): T => onSnapshot(core, () => transiently(work));

/** The index of the first value from `from` on that is deeply equal, or −1. */
export function indexOf(core: Core, value: unknown, from = 0): number {
  return whileLooking(core, () => {
    const start = Math.trunc(from) || 0;
    let index = start < 0 ? Math.max(0, start + extentOf(core).length) : start;
    for (const found of walk(() => core, index)) {
      if (isEqual(found, value)) return index;
      index++;
    }
    return -1;
  });
}

export function count(core: Core, value: unknown): number {
  return whileLooking(core, () => {
    let times = 0;
    for (const found of walk(() => core)) if (isEqual(found, value)) times++;
    return times;
  });
}

/** Whether another sequence has equal values in the same order. */
export function equals(core: Core, other: Iterable<unknown>): boolean {
  const others = other[Symbol.iterator]();
  try {
    return whileLooking(core, () => {
      for (const value of walk(() => core)) {
        const next = others.next();
        if (next.done || !isEqual(value, next.value)) return false;
      }
      return others.next().done === true;
    });
  } finally {
    others.return?.();
  }
}

/** The values from an index on, as an array's iterator meets them: index by index, whatever happens meanwhile; `open` is asked before each. */
export function* walk(open: () => Core, from = 0): Generator<unknown, void, undefined> {
  let most = FIRST_PAGE_ITEMS;
  for (let index = from; ; ) {
    const core = open();
    const values = despiteReplacement(core, () => stretch(core, 'upwards', index, most));
    if (values.length === 0) return;
    const { changes } = core.ledger;
    const before = index;
    for (; index - before < values.length && core.ledger.changes === changes; index++) {
      yield values[index - before];
      open();
    }
    most = core.ledger.changes === changes ? Math.min(most * 2, PAGE_ITEMS) : FIRST_PAGE_ITEMS;
  }
}

/** The same from the last one to the first. */
export function* walkBack(open: () => Core): Generator<unknown, void, undefined> {
  let most = FIRST_PAGE_ITEMS;
  for (let index = extentOf(open()).length - 1; index >= 0; ) {
    const core = open();
    index = Math.min(index, extentOf(core).length - 1);
    const values = despiteReplacement(core, () => stretch(core, 'downwards', index, most));
    if (values.length === 0) return;
    const { changes } = core.ledger;
    const before = index;
    for (; before - index < values.length && core.ledger.changes === changes; index--) {
      yield values[before - index];
      open();
    }
    most = core.ledger.changes === changes ? Math.min(most * 2, PAGE_ITEMS) : FIRST_PAGE_ITEMS;
  }
}

/** The values from an index on, at most so many and, after the first, so many bytes. */
export function stretch(core: Core, direction: 'upwards' | 'downwards', index: number, most: number): unknown[] {
  const values: unknown[] = [];
  const step = direction === 'upwards' ? 1 : -1;
  let bytes = 0;
  let next: number | undefined;
  POSITIONS[direction](core.sql).each(
    (row) => {
      next ??= positionAt(core, direction, index);
      if (row[0] !== next) throw damagedPosition(core.directory);
      const value = valueIn(core, row);
      values.push(value);
      next += step;
      bytes += sizeIn(row, value);
      return bytes < PAGE_BYTES;
    },
    index,
    most,
  );
  if (values.length === 0) assertNone(core, index);
  return values;
}

/** Where a stretch begins. Backwards from an index that was the last one, until another process took something out, at the end. */
function positionAt(core: Core, direction: 'upwards' | 'downwards', index: number): number {
  const { first, length } = extentOf(core);
  return first + (direction === 'upwards' ? index : Math.min(index, length - 1));
}
