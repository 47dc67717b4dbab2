import { DiskCacheError } from '../../../protocol/error.ts';
import type { Column, Connection } from '../sqlite/connection.ts';
import { unlessCorrupt } from '../sqlite/errors.ts';
import { isReplacedCounter, PERMANENT_COUNTERS, type Statements } from '../sqlite/statements.ts';
import { isSettingName } from '../state/settings.ts';
import { readSmallTable } from './read-skipping-damage.ts';

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
const METADATA_NAMES: ReadonlySet<unknown> = new Set(['kind', 'maxLength', 'shard', 'shards made', 'version']);
const COUNTER_NAMES: ReadonlySet<unknown> = new Set([...PERMANENT_COUNTERS, 'clock', 'collected at', 'next folder']);
const LISTENER_ID_PATTERN = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/;

/** What the settings of a newer version may be called. */
const SETTING_NAME_PATTERN = /^[a-z][A-Za-z ]{0,39}$/;

const isSetting = ([name]: readonly unknown[]): boolean =>
  METADATA_NAMES.has(name) || (typeof name === 'string' && isSettingName(name));

const mightBeSetting = ([name]: readonly unknown[]): boolean =>
  typeof name === 'string' && SETTING_NAME_PATTERN.test(name);

const isCounterName = (name: unknown): boolean => COUNTER_NAMES.has(name) || isReplacedCounter(name);

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
