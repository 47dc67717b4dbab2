import { chargeRead, openPending } from '../cache/pending-reads.ts';
import { readValue, retryIfReplaced } from '../cache/read.ts';
import { afterWrite, beforeWrite, inDeferredTransaction, inWriteTransaction } from '../cache/transaction.ts';
import { attachFile, commitWrite, type PendingWrite, prepareWrite } from '../cache/write.ts';
import { deleteRow } from '../space/delete-row.ts';
import { retryWithBallast } from '../space/maintenance.ts';

import { DEQUE_STATEMENTS, type DequeRow, type InsertColumns, ROWS_PER_STATEMENT } from '../sqlite/deque-statements.ts';
import { tryRead } from '../sqlite/errors.ts';
import type { ValueRow } from '../sqlite/statements.ts';
import type { Core } from '../state/core.ts';
import { restoreValue } from '../values/codec.ts';
import { PLAIN_ENCODINGS } from '../values/encoding.ts';
import { isLimited } from '../values/read-budget.ts';
import { dropEnd, findEnds, findWritableEnds, getEdgePosition, pushPending, type Side } from './pending-ends.ts';
import { damagedPositionError, type Positions, readPositions } from './positions.ts';
import { takeRow } from './rows-ahead.ts';

/** Adds values at one end, all or none; values beyond the maximum length are dropped from the other end. Returns the new length. */
export function pushValues(core: Core, values: readonly unknown[], side: Side): number {
  if (values.length !== 1)
    return inDeferredTransaction(core, () => pushAll(core, prepareDequeItems(core, values), side));
  const item = prepareDequeItem(core, values[0]);
  const length = item.staged === undefined ? (pushPending(core, item, side) ?? pushOne(core, item, side)) : undefined;
  return length ?? commitWrite(core, item, () => pushAll(core, [item], side));
}

/** Encodes a value whose position is known only later, inside the transaction. */
export const prepareDequeItem = (core: Core, value: unknown): PendingWrite =>
  prepareWrite(core, UNASSIGNED_POSITION, value, null, null, core.clock());
const UNASSIGNED_POSITION = 0;

function* prepareDequeItems(core: Core, values: readonly unknown[]): Generator<PendingWrite, void, undefined> {
  for (const value of values) yield prepareDequeItem(core, value);
}

/** Adds a value without a file in one statement. Returns the new length, or undefined if the deque is full or an end is damaged. */
function pushOne(core: Core, { mode, bytes, check, data, cost }: PendingWrite, side: Side): number | undefined {
  const add = (side === 'front' ? DEQUE_STATEMENTS.addFront : DEQUE_STATEMENTS.addBack)(core.sql);
  const [added] = add.write(mode, bytes, check, data, core.timestamps.from(core.clock()));
  if (added === undefined) return undefined;
  recordInsert(core, cost);
  afterWrite(core);
  return added[0];
}

/** Adds items and drops those beyond the maximum length. Inside a transaction, which stays deferred as long as it can. */
function pushAll(core: Core, items: Iterable<PendingWrite>, side: Side): number {
  const rest = pushWhileDeferred(core, items, side);
  const next = rest.next();
  return next.done ? readPositions(core).length : insertAll(core, next.value, rest, side);
}

/** Adds items to the journal; yields those that have to be written directly, from the first one on. */
function* pushWhileDeferred(
  core: Core,
  items: Iterable<PendingWrite>,
  side: Side,
): Generator<PendingWrite, void, undefined> {
  let isDeferred = core.transaction.isDeferred;
  for (const item of items) {
    isDeferred &&= item.staged === undefined && pushPending(core, item, side) !== undefined;
    if (!isDeferred) yield item;
  }
}

/** Inside a write transaction. */
function insertAll(
  core: Core,
  firstItem: PendingWrite,
  others: Iterator<PendingWrite, void, undefined>,
  side: Side,
): number {
  const { first, length, maxLength } = readPositions(core);
  const step = side === 'front' ? -1 : 1;
  const start = side === 'front' ? first - 1 : first + length;
  let position = start;
  let rows: InsertColumns[] = [];
  for (let item: PendingWrite | undefined = firstItem; item !== undefined; item = others.next().value ?? undefined) {
    if (item.staged !== undefined) insertWithFile(core, position, item);
    else if (rows.push(toColumns(core, position, item)) === ROWS_PER_STATEMENT) {
      DEQUE_STATEMENTS.insertSeveral(core.sql).run(...rows.flat());
      rows = [];
    }
    recordInsert(core, item.cost);
    position += step;
  }
  for (const row of rows) DEQUE_STATEMENTS.insert(core.sql).run(...row);
  const newLength = length + Math.abs(position - start);
  if (newLength <= maxLength) return newLength;
  deletePositions(core, side === 'front' ? position + 1 + maxLength : first, newLength - maxLength);
  return maxLength;
}

function insertWithFile(core: Core, position: number, item: PendingWrite): void {
  commitWrite(core, item, () =>
    DEQUE_STATEMENTS.insert(core.sql).run(...toColumns(core, position, item, attachFile(core, item))),
  );
}

function toColumns(
  core: Core,
  position: number,
  { mode, bytes, check, data }: PendingWrite,
  file: string | null = null,
): InsertColumns {
  const stamp = core.timestamps.from(core.clock());
  return [position, position, stamp, stamp, mode, bytes, check, file, data];
}

/** Row statistics expect increasing row ids; ids of a deque are positions, so a push is recorded as an update. */
function recordInsert(core: Core, cost: number): void {
  const { rowStats, space } = core;
  if (rowStats.rows !== undefined) rowStats.rows++;
  rowStats.recordUpdate(null);
  space.charge(core, cost);
}

/**
 * Removes and returns the value at one end; undefined if the deque is empty.
 *
 * @throws {DiskCacheError} `CORRUPT` for a damaged value, which is removed, so that the next call returns the next one. After any other
 * error the value stays: if it can't be read now, or not by this version, it may be readable later.
 */
export function popValue(core: Core, side: Side): unknown {
  return retryWithBallast([core], () => {
    const pending = popPending(core, side);
    if (pending !== undefined) return pending.value;
    // A value beyond a page's read budget must stay, and only decoding it shows its size.
    if (isLimited()) return readThenDelete(core, side);
    if (readBeforePop.has(core)) {
      const found = readAndDelete(core, side);
      return found === undefined ? readThenDelete(core, side) : found.value;
    }
    const row = popRow(core, side);
    return row === undefined ? readThenDelete(core, side) : readRowValue(core, row);
  });
}

/**
 * Reads the value at an end, then deletes it by the journal. Returns undefined if that has to be done directly: the value is in a file, or
 * can't be read.
 */
function popPending(core: Core, side: Side): { readonly value: unknown } | undefined {
  if (core.journal === undefined) return undefined;
  beforeWrite(core);
  const ends = findWritableEnds(core, 0, 0);
  if (ends === undefined) return undefined;
  if (ends.length === 0) return { value: undefined };
  const position = getEdgePosition(ends, side);
  const isPending = core.journal.find(position) !== undefined;
  const row = isPending ? undefined : takeRow(core, ends, side, position);
  if (!isPending && row?.[5] !== null) return undefined;
  const found = tryRead(() => (row === undefined ? readPendingAt(core, position, true) : readRowValue(core, row)));
  if ('error' in found) return undefined;
  dropEnd(core, ends, side);
  return found;
}

/** Returns the value at a position between the ends. @throws {DiskCacheError} `CORRUPT` */
export function readPosition(core: Core, position: number): unknown {
  if (core.journal!.find(position) !== undefined) return readPendingAt(core, position, false);
  const row = DEQUE_STATEMENTS.atPosition(core.sql).firstStored(position);
  if (row === undefined) throw damagedPositionError(core.directory);
  return readRowValue(core, row);
}

/** `isLast`: what is pending is not read again, so that its bytes may become the value. */
function readPendingAt(core: Core, position: number, isLast: boolean): unknown {
  const pending = core.journal!.find(position)!;
  if (pending.data === null) throw damagedPositionError(core.directory);
  const { mode, data } = openPending(core, position, pending.mode, pending.data);
  return chargeRead(mode, restoreValue(mode, data, core.codec, isLast && PLAIN_ENCODINGS.includes(mode)));
}

/** Deques whose last value might have been unreadable for some version or codec: the next one is probably similar. */
const readBeforePop = new WeakSet<Core>();

/**
 * Reads a value, then deletes it if it is still there: two statements, where `readThenDelete` needs five. Returns undefined if that is
 * needed.
 */
function readAndDelete(core: Core, side: Side): { readonly value: unknown } | undefined {
  const { sql } = core;
  beforeWrite(core);
  const row = getEdgeRow(core, side);
  if (row === undefined || row[5] !== null) return undefined;
  const found = tryRead(() => readRowValue(core, row));
  if ('error' in found) return undefined;
  const [position, mode, data, check] = row;
  const remove = side === 'front' ? DEQUE_STATEMENTS.removeFront(sql) : DEQUE_STATEMENTS.removeBack(sql);
  if (remove.run(position, mode, check, data).changes === 0) return undefined;
  if (PLAIN_ENCODINGS.includes(mode)) readBeforePop.delete(core);
  core.rowStats.recordDelete(1);
  afterWrite(core);
  return found;
}

/** Deletes and returns the row at one end; undefined for an empty deque, and for a value that might not be readable. */
function popRow(core: Core, side: Side): DequeRow | undefined {
  const { sql } = core;
  beforeWrite(core);
  const [row] = (side === 'front' ? DEQUE_STATEMENTS.popFront(sql) : DEQUE_STATEMENTS.popBack(sql)).write();
  if (row === undefined) return undefined;
  core.rowStats.recordDelete(1);
  afterWrite(core);
  return row;
}

/** Reads the value at one end, then deletes it. */
function readThenDelete(core: Core, side: Side): unknown {
  // A consumer that polls an empty deque must not take the write lock.
  if (getEdgeRow(core, side) === undefined) return undefined;
  const taken = inWriteTransaction(core, () => {
    const row = getEdgeRow(core, side);
    if (row === undefined) return undefined;
    // A row with a damaged position keeps its value, for the repair.
    assertRowPosition(core, row);
    const found = tryRead(() => readRowValue(core, row));
    const [position, mode, , , size, file] = row;
    if (file === null && !PLAIN_ENCODINGS.includes(mode)) readBeforePop.add(core);
    deleteRow(core, [position, position, file, size], 'delete');
    return found;
  });
  if (taken !== undefined && 'error' in taken) throw taken.error;
  return taken?.value;
}

export function peekValue(core: Core, side: Side): unknown {
  return retryIfReplaced(core, () => {
    const ends = findEnds(core);
    if (ends !== undefined) return ends.length === 0 ? undefined : readPosition(core, getEdgePosition(ends, side));
    const row = getEdgeRow(core, side);
    return row && readRowValue(core, row);
  });
}

/** Drops values beyond the maximum length from the front. Inside a write transaction. */
export function trim(core: Core): void {
  const { first, length, maxLength } = readPositions(core);
  deletePositions(core, first, length - maxLength);
}

/** Deletes the items at `count` positions. Inside a write transaction; the caller closes the gap. */
export function deletePositions(core: Core, start: number, count: number): void {
  if (count <= 0) return;
  const { sql, rowStats } = core;
  const { changes } = DEQUE_STATEMENTS.deleteInline(sql).run(start, start + count - 1);
  rowStats.recordDelete(changes);
  if (changes === count) return;
  for (const row of DEQUE_STATEMENTS.rowRefs(sql).all(start, start + count - 1)) deleteRow(core, row, 'delete');
}

/** Returns the value of a row. @throws {DiskCacheError} `CORRUPT`, also if the row's two positions differ. */
export function readRowValue(core: Core, row: DequeRow): unknown {
  assertRowPosition(core, row);
  return readValue(core, row[0], row as unknown as ValueRow);
}

function assertRowPosition({ directory }: Core, row: DequeRow): void {
  if (row[0] !== row[7]) throw damagedPositionError(directory);
}

/** Returns the position of an index, negative from the end; undefined outside the deque. */
export function toPosition({ first, length }: Positions, index: number): number | undefined {
  if (typeof index !== 'number') return undefined;
  const at = index < 0 ? index + length : index;
  return Number.isInteger(at) && at >= 0 && at < length ? first + at : undefined;
}

const getEdgeRow = ({ sql }: Core, side: Side): DequeRow | undefined =>
  (side === 'front' ? DEQUE_STATEMENTS.front(sql) : DEQUE_STATEMENTS.back(sql)).first();
