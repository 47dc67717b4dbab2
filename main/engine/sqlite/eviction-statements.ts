import type { RowSelection } from './mass-statements.ts';
import { PINNED_SQL, type Statements } from './statements.ts';

/** The items that a policy evicts, in its order, from behind one rank up to another one. */
export interface EvictionRange {
  /** The columns of the order. */
  readonly order: string;
  /** The index on them; null if the table has this order. */
  readonly index: string | null;
  /** Items that were read since the hand last came by stay. */
  readonly skipsVisited: boolean;
  readonly after: readonly number[];
  readonly upTo: readonly number[];
}

/** Bytes that an item takes, as `computeItemCost` with `estimateKeyBytes`. */
export interface EvictionCost {
  readonly overhead: number;
  readonly perKeyByte: number;
}

const toList = (values: readonly number[]): string => `(${values.map(() => '?').join(', ')})`;

const toCostSql = ({ overhead, perKeyByte }: EvictionCost): string =>
  `${overhead} + ${perKeyByte} * CASE WHEN typeof(key) IN ('text', 'blob') THEN length(key) ELSE 8 END + size`;

/** Returns the rows of a range as a selection. */
export function selectVictims({ order, skipsVisited, after, upTo }: EvictionRange): RowSelection {
  const clauses = [
    `(${order}) > ${toList(after)}`,
    `(${order}) <= ${toList(upTo)}`,
    skipsVisited && 'visited = 0',
    `tag IS NOT ${PINNED_SQL}`,
  ];
  return { condition: clauses.filter(Boolean).join(' AND '), parameters: [...after, ...upTo] };
}

const toSource = ({ index }: EvictionRange): string => (index === null ? 'entry' : `entry INDEXED BY ${index}`);

/** Returns the rank some rows behind the beginning of a range; undefined if it has fewer. O(rows). */
export function readRankBehind(sql: Statements, range: EvictionRange, rows: number): readonly number[] | undefined {
  const { order, after } = range;
  return sql
    .dynamic<number[]>(
      `SELECT ${order} FROM ${toSource(range)} WHERE (${order}) > ${toList(after)} ORDER BY ${order} LIMIT 1 OFFSET ?`,
    )
    .first(...after, rows - 1);
}

/** Returns how many victims a range has, and the bytes that they take. O(rows · log n). */
export function sumVictims(
  sql: Statements,
  range: EvictionRange,
  cost: EvictionCost,
): readonly [rows: number, bytes: number] {
  const { condition, parameters } = selectVictims(range);
  const text = `SELECT count(*), total(${toCostSql(cost)}) FROM ${toSource(range)} WHERE ${condition}`;
  return sql.dynamic<[number, number]>(text).first(...parameters) ?? [0, 0];
}

/** Returns the rank of the victim with which at least these bytes are free; undefined if the range has fewer. O(rows · log n). */
export function readRankFreeing(
  sql: Statements,
  range: EvictionRange,
  cost: EvictionCost,
  wantedBytes: number,
): readonly number[] | undefined {
  const { condition, parameters } = selectVictims(range);
  const { order } = range;
  let bytes = 0;
  let found: readonly number[] | undefined;
  sql
    .dynamic<number[]>(
      `SELECT ${toCostSql(cost)}, ${order} FROM ${toSource(range)} WHERE ${condition} ORDER BY ${order}`,
    )
    .each(
      ([rowBytes, ...rank]) => {
        bytes += rowBytes ?? 0;
        if (bytes >= wantedBytes) found = rank;
        return found === undefined;
      },
      ...parameters,
    );
  return found;
}
