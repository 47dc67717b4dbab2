import { DEQUE_STATEMENTS } from '../sqlite/deque-statements.ts';
import type { Core } from '../state/core.ts';
import type { DequeEnds, DequeSide, JournaledWrite, WriteJournal } from '../state/write-journal.ts';
import { forgetRows } from './rows-ahead.ts';

export type Side = DequeSide;

/*
 * A deque with a write journal knows its ends in memory, so that a value at an end costs no search. What is known holds until something is
 * written to the database directly; then nothing is pending, and the ends are read again.
 */

/**
 * Returns the ends of a deque, with its pending changes. Undefined where the database has to be asked: without a journal, if nothing is
 * pending, or if an end is damaged.
 */
export function findEnds(core: Core): DequeEnds | undefined {
  const { journal, connection } = core;
  if (journal === undefined) return undefined;
  if (areEndsKnown(core, journal)) return journal.ends;
  // In a deferred transaction that has changed nothing yet: a statement would make it one of SQLite.
  return connection.pending.hasAny ? readEnds(core, journal) : undefined;
}

const areEndsKnown = ({ connection, transaction }: Core, { ends }: WriteJournal): boolean =>
  ends !== undefined && (!connection.pending.hasDirectWrites || (transaction.isDeferred && ends.before !== undefined));

function readEnds({ sql }: Core, journal: WriteJournal): DequeEnds | undefined {
  const [first, last, storedMaxLength, isEmpty] = DEQUE_STATEMENTS.bounds(sql).firstStored() ?? [null, null, null, 1];
  const maxLength = storedMaxLength ?? Number.POSITIVE_INFINITY;
  if (isEmpty === 1) journal.ends = { first: 0, length: 0, maxLength, before: undefined, ahead: undefined };
  else if (first === null || last === null) journal.ends = undefined;
  else journal.ends = { first, length: last - first + 1, maxLength, before: undefined, ahead: undefined };
  return journal.ends;
}

/** Returns the position of the value at an end. */
export const getEdgePosition = ({ first, length }: DequeEnds, side: Side): number =>
  side === 'front' ? first : first + length - 1;

/**
 * Returns the ends if a change may be appended to the journal now; undefined if it has to be written directly. After `beforeWrite`.
 */
export function findWritableEnds(core: Core, bytes: number, cost: number): DequeEnds | undefined {
  const { journal } = core;
  if (journal === undefined || !journal.accepts(bytes, cost)) return undefined;
  return areEndsKnown(core, journal) ? journal.ends : readEnds(core, journal);
}

/** Appends a value to an end. Returns the new length, or undefined if it has to be written directly. */
export function pushPending(core: Core, write: JournaledWrite, side: Side): number | undefined {
  const ends = findWritableEnds(core, write.bytes, write.cost);
  if (ends === undefined || ends.maxLength === 0) return undefined;
  const isFront = side === 'front';
  const isFull = ends.length >= ends.maxLength;
  const dropped = isFull ? getEdgePosition(ends, isFront ? 'back' : 'front') : undefined;
  if (dropped !== undefined && !canDropPending(core, dropped)) return undefined;
  // An empty deque starts at position 0 again.
  const position = ends.length === 0 ? 0 : isFront ? ends.first - 1 : ends.first + ends.length;
  core.journal!.setAt(position, write, core.clock(), dropped);
  if (isFull) forgetRows(ends);
  keepForRollback(core, ends);
  ends.first = ends.length === 0 || isFront ? position : isFull ? ends.first + 1 : ends.first;
  if (!isFull) ends.length++;
  return ends.length;
}

/** Whether the value at a position can be deleted by the journal: not if it is in a file, or missing because of damage. */
function canDropPending({ journal, sql }: Core, position: number): boolean {
  return journal!.find(position) !== undefined || sql.locateById.firstStored(position)?.[2] === null;
}

/** Deletes the value at an end, which has no file. */
export function dropEnd(core: Core, ends: DequeEnds, side: Side): void {
  core.journal!.deleteAt(getEdgePosition(ends, side), core.clock());
  keepForRollback(core, ends);
  if (side === 'front') ends.first++;
  ends.length--;
}

/** Before the first change in a deferred transaction. */
function keepForRollback({ transaction }: Core, ends: DequeEnds): void {
  if (!transaction.isDeferred || ends.before !== undefined) return;
  const { first, length } = ends;
  ends.before = { first, length };
  transaction.afterCommit.push(() => {
    ends.before = undefined;
  });
  transaction.afterRollback.push(() => {
    ends.before = undefined;
    ends.first = first;
    ends.length = length;
  });
}
