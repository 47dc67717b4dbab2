import { DiskCacheError } from '../../../protocol/error.ts';
import type { Column, Connection, Statement } from '../sqlite/connection.ts';
import { isSqliteCorrupt, unlessCorrupt } from '../sqlite/errors.ts';
import { isReplacedCounter, PERMANENT_COUNTERS, type Statements } from '../sqlite/statements.ts';
import { isSettingName } from '../state/settings.ts';

type TreeRow = [type: 'table' | 'index', name: string, table: string, sql: string | null];
/** The index that SQLite makes for a primary key has no text; its table is the same tree. */
const TREES_SQL = `SELECT type, name, tbl_name, sql FROM sqlite_schema WHERE type = 'table' OR (type = 'index' AND sql IS NOT NULL)`;

/**
 * Returns what is wrong with the pages of a database, in SQLite's words; empty when nothing is. O(bytes).
 *
 * @throws {DiskCacheError} `CORRUPT` where SQLite can't even look.
 */
export function findPageDamage({
  sql,
  connection,
}: {
  readonly sql: Statements;
  readonly connection: Connection;
}): string[] {
  const messages = sql.integrity.all().map(([message]) => message);
  if (messages.some((message) => message !== 'ok')) return messages;
  return connection
    .prepare<[], TreeRow>(TREES_SQL)
    .all()
    .flatMap((tree) => findTreeDamage(connection, tree));
}

/** SQLite's own check doesn't notice that an empty page of an index is one of a table; each use of the index then fails. */
function findTreeDamage(connection: Connection, [type, name, table, sql]: TreeRow): string[] {
  const [, columns = '', condition] = (type === 'index' && sql?.match(/\(([^)]*)\)(?: WHERE (.*))?$/)) || [];
  const query =
    type === 'table'
      ? `SELECT 1 FROM ${name} NOT INDEXED LIMIT 1`
      : `SELECT ${columns} FROM ${table} INDEXED BY ${name} ${condition ? `WHERE ${condition}` : ''} ORDER BY ${columns} LIMIT 1`;
  try {
    connection.prepare<[]>(query).first();
    return [];
  } catch (error) {
    if (!isSqliteCorrupt(error)) throw error;
    return [`the pages of ${name} belong to something else`];
  }
}

/** The largest absolute value of an id. */
const MAX_ABSOLUTE_ID = 2 ** 53;

/** After a skipped row, the next one is searched at distances up to this power of 2. */
const MAX_SEARCH_EXPONENT = 20;

export interface DamagedTableReader {
  /** Takes a row that can be read; the first column is its id. */
  readonly take: (row: Column[]) => void;
  /** Gets the id of a row whose columns can't all be read. */
  readonly skip?: (id: number) => void;
  /** Whether the id of a row is its own. Asked for the last row before a failure: a damaged id would lead past others. */
  readonly isIdTrusted?: (row: readonly Column[]) => boolean;
}

/**
 * Reads all readable rows of the table of items, in the order of their ids as far as that is undamaged. Unreadable rows and pages are
 * skipped. A row may come twice. Returns true if nothing was skipped.
 *
 * Invariant: it ends. Each step starts from a greater id, whatever SQLite finds in a damaged tree.
 */
export function readSkippingDamage(
  connection: Connection,
  columns: readonly string[],
  { take, skip = () => {}, isIdTrusted = () => true }: DamagedTableReader,
): boolean {
  const select = `SELECT ${['id', ...columns].join(', ')} FROM entry NOT INDEXED WHERE`;
  // `>=`, not `>`: to find the id after the last one of a page, SQLite would read that page again.
  const rows = connection.prepare<[number]>(`${select} id >= ? ORDER BY id`);
  const rowsBackwards = connection.prepare<[number]>(`${select} id < ? ORDER BY id DESC`);
  const next = connection.prepare<[number], [number]>(
    'SELECT id FROM entry NOT INDEXED WHERE id >= ? ORDER BY id LIMIT 1',
  );
  let isWhole = true;
  for (let from: number | undefined = -MAX_ABSOLUTE_ID; from !== undefined && from <= MAX_ABSOLUTE_ID; ) {
    const lastId = scan(rows, from, take, isIdTrusted);
    if (lastId === undefined) return isWhole;
    isWhole = false;
    from = findNextReadable(next, lastId + 1, skip);
    if (from !== undefined && from > lastId + 1) scanBackwards(rowsBackwards, from, lastId, take);
  }
  return isWhole;
}

/** Reads from an id to the end or to the first damage. Returns the id up to which it has read if there was damage. */
function scan(
  rows: Statement<[number]>,
  from: number,
  take: (row: Column[]) => void,
  isIdTrusted: (row: readonly Column[]) => boolean,
): number | undefined {
  let last: { readonly id: number; readonly row: readonly Column[] } | undefined;
  let before = from - 1;
  const isEnded = unlessCorrupt(() => {
    rows.each((row) => {
      const id = Number(row[0]);
      // A row with a smaller id than the last one, but a greater one than those before: the last id was damaged.
      if (last !== undefined && id > last.id) before = last.id;
      if (id > before) last = { id, row };
      take(row);
      return true;
    }, from);
    return true;
  });
  if (isEnded) return undefined;
  return last !== undefined && isIdTrusted(last.row) ? last.id : before;
}

/** Reads from an id down to another one, or to the first damage. It may find rows that a search from the root doesn't. */
function scanBackwards(rows: Statement<[number]>, from: number, end: number, take: (row: Column[]) => void): void {
  unlessCorrupt(() => {
    rows.each((row) => {
      if (Number(row[0]) <= end) return false;
      take(row);
      return true;
    }, from);
  });
}

/** Returns the id from which reading can continue after a failure; undefined if there are no more rows. */
function findNextReadable(
  next: Statement<[number], [number]>,
  from: number,
  skip: (id: number) => void,
): number | undefined {
  const probe = (start: number): number | 'end' | undefined => {
    const found = unlessCorrupt(() => next.first(start) ?? 'end');
    if (found === undefined || found === 'end') return found;
    return found[0] >= start ? found[0] : undefined;
  };
  const there = probe(from);
  if (there === 'end') return undefined;
  if (there !== undefined) {
    // That row alone is damaged: its neighbours on the page are not.
    skip(there);
    return findNearest(probe, from, there + 1);
  }
  let low = from;
  let high = low;
  for (let step = 1; ; step *= 2) {
    high = low + step;
    if (high > MAX_ABSOLUTE_ID) return undefined;
    if (probe(high) !== undefined) break;
  }
  while (high - low > 1) {
    const middle = Math.floor((low + high) / 2);
    if (probe(middle) === undefined) low = middle;
    else high = middle;
  }
  return high;
}

/** Where a search has led to a row whose id is damaged, others lie in between. Returns the nearest one that is found, or `end`. */
function findNearest(probe: (start: number) => number | 'end' | undefined, from: number, end: number): number {
  for (let exponent = 0; exponent <= MAX_SEARCH_EXPONENT && from + 2 ** exponent < end; exponent++) {
    const found = probe(from + 2 ** exponent);
    if (typeof found === 'number' && found < end - 1) return found;
  }
  return end;
}

/** Hands the rows of a small table to `take`, from the front until something is damaged, then from the back. True when all were read. */
export function readSmallTable(
  connection: Connection,
  table: string,
  columns: readonly string[],
  order: string,
  take: (row: Column[]) => void,
): boolean {
  const read = (direction: 'ASC' | 'DESC') =>
    unlessCorrupt(() => {
      const text = `SELECT ${columns.join(', ')} FROM ${table} ORDER BY ${order} ${direction}`;
      connection.prepare<[]>(text).each((row) => {
        take(row);
        return true;
      });
      return true;
    }) === true;
  if (read('ASC')) return true;
  read('DESC');
  return false;
}

/*
 * The tables that hold a few rows each. SQLite notices nothing where the pages of two of them were exchanged, for a page doesn't say
 * which table it belongs to. So rows are told apart by what is in them.
 */

export const SMALL_TABLES = {
  setting: ['name', 'value'],
  counter: ['name', 'value'],
  listener: ['id', 'until'],
  lease: ['name', 'holder', 'pid', 'until'],
} as const satisfies Record<string, readonly string[]>;

export type SmallTable = keyof typeof SMALL_TABLES;
export type SmallRows = Readonly<Record<SmallTable, readonly (readonly Column[])[]>>;

/** What stands in `setting` beside the settings. On disk. */
const METADATA_NAMES: ReadonlySet<unknown> = new Set(['kind', 'maxLength', 'seal', 'shard', 'shards made', 'version']);
const COUNTER_NAMES: ReadonlySet<unknown> = new Set([
  ...PERMANENT_COUNTERS,
  'clock',
  'collected at',
  'next folder',
  'journal',
]);
/** Salvaged, the number of rows would be wrong: it fits all rows of a store, or none. */
const ROW_COUNTERS: ReadonlySet<unknown> = new Set(['rows', 'rows check']);
const LISTENER_ID_PATTERN = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/;

/** What the settings of a newer version may be called. */
const SETTING_NAME_PATTERN = /^[a-z][A-Za-z ]{0,39}$/;

const isSetting = ([name]: readonly unknown[]): boolean =>
  METADATA_NAMES.has(name) || (typeof name === 'string' && isSettingName(name));

const mightBeSetting = ([name]: readonly unknown[]): boolean =>
  typeof name === 'string' && SETTING_NAME_PATTERN.test(name);

export const isCounterName = (name: unknown): boolean => COUNTER_NAMES.has(name) || isReplacedCounter(name);

/**
 * Whether the table of settings holds something else. `revision` is the count of changes to the settings, read before the rows: each
 * change writes a row in its transaction.
 */
export const areSettingsLost = (rows: readonly (readonly unknown[])[], revision: number): boolean =>
  rows.some(([name]) => isCounterName(name)) || (revision > 0 && !rows.some(mightBeSetting));

/** How often the settings were changed; undefined where that count is lost, too. */
export const getRevision = ({ counter }: SmallRows): number | undefined =>
  counter.flatMap(([name, value]) => (name === 'settings' ? [Number(value)] : []))[0];

/** `areSettingsLost` for what is on disk now. Where counts are damaged, nothing is known of them; what needs them says so. */
export function areStoredSettingsLost(sql: Statements): boolean {
  const [revision] = unlessCorrupt(() => sql.counter.first('settings')) ?? [0];
  return areSettingsLost(sql.settings.all(), revision);
}

/** Reads what can be read of the small tables, and gives each row to the table that it belongs to. */
export function readSmallTables(connection: Connection): {
  readonly rows: SmallRows;
  readonly areSettingsWhole: boolean;
} {
  const rows: Record<SmallTable, (readonly Column[])[]> = { setting: [], counter: [], listener: [], lease: [] };
  let areSettingsWhole = true;
  for (const [table, columns] of Object.entries(SMALL_TABLES)) {
    const isWhole = readSmallTable(connection, table, columns, columns[0], (row) => {
      const owner = findOwner(table as SmallTable, row);
      if (owner !== undefined) rows[owner].push(row.slice(0, SMALL_TABLES[owner].length));
    });
    if (table === 'setting') areSettingsWhole = isWhole;
  }
  return { rows, areSettingsWhole };
}

/** A name that this version does not know stays where it is. Returns undefined for a row that fits nowhere. */
function findOwner(table: SmallTable, row: readonly Column[]): SmallTable | undefined {
  const [name, value] = row;
  if (ROW_COUNTERS.has(name)) return undefined;
  if (isSetting(row)) return 'setting';
  if (table === 'lease' && typeof row[2] === 'number') return 'lease';
  if (typeof name !== 'string') return undefined;
  if (typeof value === 'number' && isCounterName(name)) return 'counter';
  if (typeof value === 'number' && LISTENER_ID_PATTERN.test(name)) return 'listener';
  return table === 'setting' || (table === 'counter' && typeof value === 'number') ? table : undefined;
}

/**
 * When a store is opened: puts settings back that are in another small table. Costs two small reads where nothing is lost.
 *
 * @throws {DiskCacheError} `CORRUPT` where they are in none, and for a reader: with others in force a store would evict or expire what
 * it was to keep.
 */
export function restoreLostSettings(connection: Connection, sql: Statements, readOnly: boolean): void {
  if (!areStoredSettingsLost(sql)) return;
  const { path } = connection;
  const fault = `${path} has lost its settings: a page of something else is in their place`;
  if (readOnly) {
    // The counts are gone, and there were no settings.
    if (getRevision(readSmallTables(connection).rows) === 0) return;
    throw new DiskCacheError('CORRUPT', `${fault}; open it for writing once, which may find them, or restore it`);
  }
  connection.execute('BEGIN IMMEDIATE');
  try {
    // Another process may have put them back.
    if (areStoredSettingsLost(sql)) {
      const { rows } = readSmallTables(connection);
      if (areSettingsLost(rows.setting, getRevision(rows) ?? 1))
        throw new DiskCacheError('CORRUPT', `${fault}; restore it, or delete the directory`);
      writeSmallTables(connection, rows);
    }
    connection.execute('COMMIT');
  } catch (error) {
    if (connection.inTransaction) connection.execute('ROLLBACK');
    throw error;
  }
}

function writeSmallTables(connection: Connection, rows: SmallRows): void {
  for (const [table, columns] of Object.entries(SMALL_TABLES)) {
    connection.execute(`DELETE FROM ${table}`);
    const insert = connection.prepare(toInsertSmallRow(table as SmallTable));
    for (const row of rows[table as SmallTable]) insert.run(...columns.map((_, nth) => row[nth] ?? null));
  }
}

export const toInsertSmallRow = (table: SmallTable): string =>
  `INSERT OR REPLACE INTO ${table} VALUES (${SMALL_TABLES[table].map(() => '?').join(', ')})`;
