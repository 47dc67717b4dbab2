import type { KeyColumn } from '../values/key.ts';
import type { Column, Statement } from './connection.ts';
import { DOOMED_COLUMNS, type DoomedRow, type Statements, VALUE_COLUMNS, type ValueRow } from './statements.ts';

/** An item with the position it has. */
export type PlacedRow = [position: KeyColumn, ...ValueRow];

const FIRST = '(SELECT min(key) FROM entry)';
const LAST = '(SELECT max(key) FROM entry)';
const PLACED = `SELECT key, ${VALUE_COLUMNS} FROM entry`;

/** Takes out the row at an end and answers it, unless its value is in a file. One statement, so that it needs no transaction. */
const take = (end: string): string =>
  `DELETE FROM entry WHERE key = ${end} AND file IS NULL RETURNING key, ${VALUE_COLUMNS}`;

const of =
  <Row extends readonly unknown[] = Column[]>(text: string) =>
  (sql: Statements): Statement<readonly Column[], Row> =>
    sql.composed<Row>(text);

/**
 * The statements of a deque. Its keys are positions, whole numbers without a gap: the first one and an index give the key,
 * so every place is one search in the index of keys.
 */
export const POSITIONS = {
  /** The first and the last position, null when there is none, and the greatest length, null when none was chosen. */
  extent: of<[first: number | null, last: number | null, most: number | null]>(
    `SELECT ${FIRST}, ${LAST}, (SELECT value FROM setting WHERE name = 'maxLength')`,
  ),
  front: of<PlacedRow>(`${PLACED} ORDER BY key LIMIT 1`),
  back: of<PlacedRow>(`${PLACED} ORDER BY key DESC LIMIT 1`),
  takeFront: of<PlacedRow>(take(FIRST)),
  takeBack: of<PlacedRow>(take(LAST)),
  /** Parameter: how many are before it; after it. */
  fromFront: of<PlacedRow>(`${PLACED} WHERE key = ${FIRST} + ?`),
  fromBack: of<PlacedRow>(`${PLACED} WHERE key = ${LAST} - ?`),
  /** Parameters: the index to begin at, how many at most. */
  upwards: of<PlacedRow>(`${PLACED} WHERE key >= ${FIRST} + ? ORDER BY key LIMIT ?`),
  downwards: of<PlacedRow>(`${PLACED} WHERE key <= ${FIRST} + ? ORDER BY key DESC LIMIT ?`),
  doomed: of<DoomedRow>(`SELECT ${DOOMED_COLUMNS} FROM entry WHERE key = ?`),
  /** Parameters: from, to. */
  stretch: of<PlacedRow>(`${PLACED} WHERE key >= ? AND key <= ? ORDER BY key`),
  /** What of a stretch has no file. Parameters: from, to. */
  deleteInline: of('DELETE FROM entry WHERE key >= ? AND key <= ? AND file IS NULL'),
  /** Parameters: by how much, from, to. Uniqueness is looked at row by row, so none may come where another one still is. */
  move: of('UPDATE entry SET key = key + ? WHERE key >= ? AND key <= ?'),
  /** Turns all positions around one point. The parameter is first plus last of what they become and were. */
  mirror: of('UPDATE entry SET key = ? - key'),
  /** Numbers the items anew, in their order, behind the last one. */
  renumber: of(
    `UPDATE entry SET key = ranked.position
     FROM (SELECT id, ${LAST} + row_number() OVER (ORDER BY key) AS position FROM entry) AS ranked
     WHERE entry.id = ranked.id`,
  ),
  count: of<[number]>('SELECT count(*) FROM entry'),
  logMove: of("INSERT INTO change (kind) SELECT 'set' WHERE EXISTS (SELECT 1 FROM listener)"),
} as const;
