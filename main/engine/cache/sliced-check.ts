import type { Finding } from '../../../protocol/results.ts';
import { areStoredSettingsLost } from '../backup/damaged-tables.ts';
import { listDamagedJournals } from '../journal/damaged-journals.ts';
import { findOrphans, hasOutOfRangeIds } from '../space/garbage-collection.ts';
import type { Column } from '../sqlite/connection.ts';
import { unlessCorrupt } from '../sqlite/errors.ts';
import {
  checkOtherTables,
  compareKeys,
  type ItemIndex,
  isRowMissing,
  listItemIndexes,
  readLast,
} from '../sqlite/index-check.ts';
import { PERMANENT_COUNTERS } from '../sqlite/statements.ts';
import type { Core } from '../state/core.ts';
import { shouldPause, withoutReadBudget } from '../values/read-budget.ts';
import { findDamage } from './find-damage.ts';

/** Rows that are checked at a time, and keys of the index: both take less than half a millisecond. */
const MAX_BATCH_ROWS = 64;
const MAX_BATCH_KEYS = 256;
/** The index of keys, which a deque doesn't have. */
const KEY_INDEX = 'entry_key';

/** Milliseconds a writer may take between its commit and the removal of a replaced file. */
export const REMOVAL_GRACE_MS = 50;

/**
 * Checks a store for a page. In slices it finds out whether there is any damage; only if there is, everything is checked at once, as
 * in the main process. The slices look at each row, value file and key, and find each row in every index. They don't look at free pages,
 * and compare sums only if nothing was written meanwhile.
 */
export class SlicedCheck {
  readonly #core: Core;
  readonly #checkStructure: () => readonly Finding[];
  readonly #checkAtOnce: () => Finding[];
  readonly #steps: Generator<void, boolean, void>;
  #findings: Finding[] | undefined;

  constructor(core: Core, checkStructure: () => readonly Finding[], checkAtOnce: () => Finding[]) {
    this.#core = core;
    this.#checkStructure = checkStructure;
    this.#checkAtOnce = checkAtOnce;
    this.#steps = checkStore(core);
  }

  /** Goes on until the slice is over. Returns the findings; none before the check is complete. */
  run(): Finding[] {
    const { pending } = this.#core.connection;
    while (this.#findings === undefined) {
      const step = unlessCorrupt(() => pending.ignoring(() => this.#steps.next()));
      if (step?.done === false) {
        if (shouldPause()) return [];
      } else {
        const isWhole = step?.value === true && unlessCorrupt(this.#checkStructure)?.length === 0;
        if (isWhole) this.#findings = [];
        else withoutReadBudget(() => (this.#findings = this.#checkAtOnce()));
      }
    }
    return this.#findings;
  }
}

function* checkStore(core: Core): Generator<void, boolean, void> {
  const { sql, directory } = core;
  if (listDamagedJournals(directory).length > 0 || areStoredSettingsLost(sql) || hasOutOfRangeIds(core)) return false;
  if (checkOtherTables(sql).length > 0) return false;
  yield;
  const indexes = listItemIndexes(sql);
  if (!(yield* checkRows(core, indexes))) return false;
  if (indexes.some(({ name }) => name === KEY_INDEX) && !(yield* checkKeys(core))) return false;
  return yield* checkFiles(core);
}

/** Checks the rows in the order of the table, and looks them up in the indexes. */
function* checkRows(core: Core, indexes: readonly ItemIndex[]): Generator<void, boolean, void> {
  const { sql } = core;
  const version = getDataVersion(core);
  const seen = { rows: 0, fileBytes: 0 };
  // What is added behind it meanwhile could go on for ever.
  const end = readLast(sql, 'id');
  // The ids of a deque are its positions and may be negative.
  for (let after = Number.NEGATIVE_INFINITY; end !== null && after < end; yield) {
    const rows = sql.checkRows.all(after, MAX_BATCH_ROWS);
    const last = rows.at(-1)?.[0];
    if (last === undefined) break;
    if (indexes.some((index) => isRowMissing(sql, index, after, last))) return false;
    for (const row of rows) {
      const [id, , file, bytes] = row;
      // Another process may have replaced a file since; the check that follows then finds nothing.
      if (id <= after || findDamage(core, row) !== undefined) return false;
      after = id;
      seen.rows++;
      if (file !== null) seen.fileBytes += bytes;
    }
  }
  return getDataVersion(core) !== version || areCountsRight(core, seen);
}

/** A text that changes with each write to the database. */
const getDataVersion = ({ sql }: Core): string =>
  `${sql.dataVersion.first()?.[0]} ${sql.dynamic<[number]>('SELECT total_changes()').first()?.[0]}`;

function areCountsRight({ sql, rowStats, journal }: Core, seen: { rows: number; fileBytes: number }): boolean {
  if (PERMANENT_COUNTERS.some((name) => sql.counter.first(name) === undefined)) return false;
  if (sql.counter.first('file bytes')?.[0] !== seen.fileBytes) return false;
  // The number of items includes those that are pending in a journal.
  return journal !== undefined || rowStats.rows === undefined || rowStats.rows === seen.rows;
}

function* checkKeys({ sql }: Core): Generator<void, boolean, void> {
  const end = readLast(sql, 'key');
  // The smallest key there can be: SQLite sorts numbers before text and bytes.
  for (let from: Column = Number.NEGATIVE_INFINITY; ; yield) {
    const { keys, areRowsRight, last } = compareKeys(sql, from, end, MAX_BATCH_KEYS);
    if (!areRowsRight) return false;
    if (keys < MAX_BATCH_KEYS) return true;
    from = last;
  }
}

/** Looks for value files without a row, folder by folder. */
function* checkFiles(core: Core): Generator<void, boolean, void> {
  const { files, openOptions } = core;
  if (openOptions.readOnly) return true;
  const suspects: string[] = [];
  for (const folder of files.listBuckets()) {
    suspects.push(...findOrphans(core, files.listNames(folder)));
    yield;
  }
  if (suspects.length === 0) return true;
  for (const end = performance.now() + REMOVAL_GRACE_MS; performance.now() < end; ) yield;
  const remaining = suspects.filter((name) => files.getBytes(name) !== undefined);
  return remaining.length === 0 || findOrphans(core, remaining).length === 0;
}
