import type { Core } from '../cache/core.ts';
import { drop } from '../cache/drop.ts';
import { despiteFullDisk } from '../cache/full-disk.ts';
import { type Item, nameFile, prepare, using } from '../cache/item.ts';
import { despiteReplacement, readValue } from '../cache/read.ts';
import { atomically } from '../cache/transaction.ts';
import { afterWrite, beforeWrite } from '../cache/upkeep.ts';
import { attempt } from '../damage.ts';
import { type NewColumns, type PlacedRow, POSITIONS, ROWS_AT_ONCE } from '../sqlite/positions.ts';
import type { ValueRow } from '../sqlite/statements.ts';
import { isLimited } from '../values/allowance.ts';
import { PLAIN_MODES } from '../values/mode.ts';
import { damagedPosition, type Extent, extentOf } from './extent.ts';

export type Side = 'front' | 'back';

/** Puts values to one end, one after the other, all or none; what is too much leaves by the other end. */
export function put(core: Core, values: readonly unknown[], side: Side): number {
  if (values.length !== 1) return atomically(core, () => putAll(core, itemsOf(core, values), side));
  const item = itemOf(core, values[0]);
  const length = item.staged === undefined ? putAlone(core, item, side) : undefined;
  return length ?? using(core, item, () => putAll(core, [item], side));
}

/** A value on its way to a position, which is known when nobody else can write. */
export const itemOf = (core: Core, value: unknown): Item => prepare(core, SOMEWHERE, value, null, null, core.clock());
const SOMEWHERE = 0;

function* itemsOf(core: Core, values: readonly unknown[]): Generator<Item, void, undefined> {
  for (const value of values) yield itemOf(core, value);
}

/** What is not in a file and finds room is one statement; undefined where there is no room. */
function putAlone(core: Core, { mode, bytes, check, data, cost }: Item, side: Side): number | undefined {
  const add = (side === 'front' ? POSITIONS.addFront : POSITIONS.addBack)(core.sql);
  const [added] = add.write(mode, bytes, check, data, core.stamps.at(core.clock()));
  if (added === undefined) return undefined;
  count(core, cost);
  afterWrite(core);
  return added[0];
}

/** Inside a write transaction. */
function putAll(core: Core, items: Iterable<Item>, side: Side): number {
  const { first, length, most } = extentOf(core);
  const step = side === 'front' ? -1 : 1;
  const start = side === 'front' ? first - 1 : first + length;
  let position = start;
  let rows: NewColumns[] = [];
  for (const item of items) {
    if (item.staged !== undefined) putFile(core, position, item);
    else if (rows.push(columnsOf(core, position, item)) === ROWS_AT_ONCE) {
      POSITIONS.insertSeveral(core.sql).run(...rows.flat());
      rows = [];
    }
    count(core, item.cost);
    position += step;
  }
  for (const row of rows) POSITIONS.insert(core.sql).run(...row);
  const all = length + Math.abs(position - start);
  if (all <= most) return all;
  dropStretch(core, side === 'front' ? position + 1 + most : first, all - most);
  return most;
}

function putFile(core: Core, position: number, item: Item): void {
  using(core, item, () => POSITIONS.insert(core.sql).run(...columnsOf(core, position, item, nameFile(core, item))));
}

function columnsOf(
  core: Core,
  position: number,
  { mode, bytes, check, data }: Item,
  file: string | null = null,
): NewColumns {
  const stamp = core.stamps.at(core.clock());
  return [position, position, stamp, stamp, mode, bytes, check, file, data];
}

/** The ledger follows ids of rows that come one after the other; these are positions. */
function count({ ledger, upkeep }: Core, cost: number): void {
  if (ledger.rows !== undefined) ledger.rows++;
  ledger.updated(null);
  upkeep.bytes += cost;
}

/**
 * Takes the value at one end; undefined when there is none.
 *
 * @throws {DiskCacheError} `CORRUPT` for a damaged value, which is gone after it: the next one is whole. Whatever else is thrown,
 * the value stays: what can't be read now, or not by this version, may be read later.
 */
export function take(core: Core, side: Side): unknown {
  return despiteFullDisk([core], () => {
    // What is too much for a page must stay where it is, and how much it is only its decoding tells.
    if (isLimited()) return takeWithCare(core, side);
    if (readFirst.has(core)) {
      const found = takeRead(core, side);
      return found === undefined ? takeWithCare(core, side) : found.value;
    }
    const row = takeRow(core, side);
    return row === undefined ? takeWithCare(core, side) : valueIn(core, row);
  });
}

/** Deques whose last value was one that its reader might have refused: the next one is probably of its kind. */
const readFirst = new WeakSet<Core>();

/**
 * Reads a value, then deletes exactly what was read if it is still there: two statements where `takeWithCare` needs five. Undefined
 * for what needs that.
 */
function takeRead(core: Core, side: Side): { readonly value: unknown } | undefined {
  const { sql } = core;
  beforeWrite(core);
  const row = edge(core, side);
  if (row === undefined || row[5] !== null) return undefined;
  const found = attempt(() => valueIn(core, row));
  if ('error' in found) return undefined;
  const [position, mode, data, check] = row;
  const remove = side === 'front' ? POSITIONS.removeFront(sql) : POSITIONS.removeBack(sql);
  if (remove.run(position, mode, check, data).changes === 0) return undefined;
  if (PLAIN_MODES.includes(mode)) readFirst.delete(core);
  core.ledger.deleted(1);
  afterWrite(core);
  return found;
}

/** Returns undefined for an empty deque, and for a value that its reader might refuse. */
function takeRow(core: Core, side: Side): PlacedRow | undefined {
  const { sql } = core;
  beforeWrite(core);
  const [row] = (side === 'front' ? POSITIONS.takeFront(sql) : POSITIONS.takeBack(sql)).write();
  if (row === undefined) return undefined;
  core.ledger.deleted(1);
  afterWrite(core);
  return row;
}

/** Reads before it deletes. */
function takeWithCare(core: Core, side: Side): unknown {
  // Who waits for something to come asks often; nobody is kept waiting for that.
  if (edge(core, side) === undefined) return undefined;
  const taken = atomically(core, () => {
    const row = edge(core, side);
    if (row === undefined) return undefined;
    // The value is whole: it stays for the repair of its position.
    assertPlaced(core, row);
    const found = attempt(() => valueIn(core, row));
    const [position, mode, , , size, file] = row;
    if (file === null && !PLAIN_MODES.includes(mode)) readFirst.add(core);
    drop(core, [position, position, file, size], 'delete');
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
  dropStretch(core, first, length - most);
}

/** Deletes what is at so many positions. Inside a write transaction; whoever asks closes the gap. */
export function dropStretch(core: Core, start: number, count: number): void {
  if (count <= 0) return;
  const { sql, ledger } = core;
  const { changes } = POSITIONS.deleteInline(sql).run(start, start + count - 1);
  ledger.deleted(changes);
  if (changes === count) return;
  for (const row of POSITIONS.doomed(sql).all(start, start + count - 1)) drop(core, row, 'delete');
}

/** @throws {DiskCacheError} `CORRUPT` also for a row that is not where it says. */
export function valueIn(core: Core, row: PlacedRow): unknown {
  assertPlaced(core, row);
  return readValue(core, row[0], row as unknown as ValueRow);
}

function assertPlaced({ directory }: Core, row: PlacedRow): void {
  if (row[0] !== row[7]) throw damagedPosition(directory);
}

/** The position of an index, counted from the end when it is negative; undefined where nothing is. */
export function positionOf({ first, length }: Extent, index: number): number | undefined {
  const at = index < 0 ? index + length : index;
  return Number.isInteger(at) && at >= 0 && at < length ? first + at : undefined;
}

const edge = ({ sql }: Core, side: Side): PlacedRow | undefined =>
  (side === 'front' ? POSITIONS.front(sql) : POSITIONS.back(sql)).first();
