import { runAndWarn } from '../diagnostics.ts';
import { isDatabaseInPlace } from '../space/store-files.ts';
import { unlessCorrupt } from '../sqlite/errors.ts';
import type { Core } from '../state/core.ts';
import { checksum, ENCODING } from '../values/encoding.ts';

/*
 * SQLite counts rows by walking an index: 15 ms for a million. A store that one process owns keeps the number while it is open, and
 * stores it when it is closed, so that the next size is not counted either. Invariant: the stored number is in the database only while
 * no process has changed an item since. Only an owner stores it, as its last write; the process that opens the store next removes it before its
 * own first write, in an earlier transaction or the same one.
 */

/** Fewer rows are counted in less time than it takes to store their number. */
const MIN_STORED_ROWS = 10_000;

/** Returns the number of rows, expired ones included. Inside a transaction that has checked for external changes. */
export function countRows(core: Core): number {
  const { rowStats, sql } = core;
  rowStats.rows ??= readStoredCount(core) ?? sql.countRows.first()?.[0] ?? 0;
  return rowStats.rows;
}

/** At opening: looks for a stored number, and for an owner whether there are no rows yet. */
export function findStoredCount({ rowStats, sql, openOptions }: Core): void {
  // Where counters are damaged, rows are counted.
  rowStats.hasStoredCount = unlessCorrupt(() => sql.counter.first('rows')) !== undefined;
  if (!openOptions.exclusive || openOptions.readOnly || rowStats.hasStoredCount) return;
  if (unlessCorrupt(() => [sql.dynamic('SELECT 1 FROM entry LIMIT 1').first()])?.[0] === undefined) rowStats.rows = 0;
}

/** Before a write, with or without a transaction. The number stays known to this process. */
export function removeStoredCount(core: Core): void {
  const { rowStats, sql, transaction } = core;
  rowStats.rows ??= readStoredCount(core);
  sql.removeRowCount.run();
  rowStats.hasStoredCount = false;
  if (transaction.depth === 0) return;
  transaction.afterRollback.push(() => {
    rowStats.hasStoredCount = true;
  });
}

/** The last write of an owner before it closes the store. */
export function storeCount(core: Core): void {
  const { rowStats, sql, openOptions, connection } = core;
  const { rows } = rowStats;
  if (!openOptions.exclusive || openOptions.readOnly || rowStats.hasStoredCount) return;
  if (rows === undefined || rows < MIN_STORED_ROWS || !connection.isOpen || !isDatabaseInPlace(core)) return;
  runAndWarn(
    core,
    () => {
      sql.storeRowCount.run(rows, toRowCountCheck(core, rows));
      rowStats.hasStoredCount = true;
    },
    'Storing the number of items of',
  );
}

/** Returns the stored number; undefined if it is missing or damaged. */
function readStoredCount(core: Core): number | undefined {
  const { rowStats, sql } = core;
  if (!rowStats.hasStoredCount) return undefined;
  const rows = unlessCorrupt(() => sql.counter.first('rows'))?.[0];
  if (typeof rows !== 'number' || !Number.isSafeInteger(rows) || rows < 0) return undefined;
  const check = unlessCorrupt(() => sql.counter.first('rows check'))?.[0];
  return check === toRowCountCheck(core, rows) ? rows : undefined;
}

/** Binds the number to the newest item: a page that damage has put back in its place doesn't fit the others. */
const toRowCountCheck = ({ sql }: Core, rows: number): number =>
  checksum(ENCODING.text, `${rows} ${sql.lastIds.first()?.[1]}`);
