import type { ChangeKind } from '../../../protocol/options.ts';
import type { KeyColumn } from '../values/key.ts';
import type { Column, Connection, Statement } from './connection.ts';

type Bind = readonly Column[];
/** The tag column. Bytes are `PINNED_TAG`, not a tag. */
export type TagColumn = string | number | Uint8Array | null;

/** On disk: stored instead of a tag, marks an item that is never evicted. The bytes of `kept`; tags are never bytes. */
export const PINNED_TAG = Buffer.from('kept');
/** `PINNED_TAG` in SQL. */
export const PINNED_SQL = "x'6B657074'";
/** The condition of items that may be evicted. Parameter: the key of an item to exclude. */
export const EVICTABLE_SQL = `key IS NOT ? AND tag IS NOT ${PINNED_SQL}`;

/**
 * On disk, in `expires_at`: earlier than every other time, marks an item as deleted whose row is still there. It is invisible like an expired
 * one, also to versions that don't know the mark; its deletion was counted and reported when it was marked.
 */
export const DELETION_MARK = Number.NEGATIVE_INFINITY;
/** `DELETION_MARK` in SQL. */
export const DELETION_MARK_SQL = '-9e999';

/** The columns of a value. If `file` is set, `value` is NULL and the file holds the value. */
export type ValueRow = [
  id: number,
  mode: number,
  value: Column,
  checksum: number,
  size: number,
  file: string | null,
  expiresAt: number | null,
];
export const VALUE_COLUMNS = 'id, mode, value, checksum, size, file, expires_at';

/**
 * The columns of a value as `get` reads them: each column costs the driver 0.05 µs. `packed` is the checksum times `PACKED_FACTOR` plus the
 * mode, NULL if damage has made one of them NULL; `value` is the size if the value is in a file.
 */
type PackedRow = [id: number, packed: number | null, value: Column, file: string | null, expiresAt: number | null];
/** Modes are smaller than this. */
export const PACKED_FACTOR = 256;
const PACKED_COLUMNS = `id, checksum * ${PACKED_FACTOR} + mode, coalesce(value, size), file, expires_at`;

/** A value with the other columns of its item. */
export type EntryRow = [...ValueRow, storedAt: number, usedAt: number, hits: number, tag: TagColumn];
export const ENTRY_COLUMNS = `${VALUE_COLUMNS}, stored_at, used_at, hits, tag`;

/** The columns that are needed to delete a row. */
export type RowRef = [id: number, key: KeyColumn, file: string | null, size: number];
export const ROW_REF_COLUMNS = 'id, key, file, size';

/** The columns that `check` verifies. */
export type CheckRow = [...RowRef, mode: number, value: Column, checksum: number];
const CHECK_COLUMNS = `${ROW_REF_COLUMNS}, mode, value, checksum`;

/** The names of the counters on disk. */
type CounterName =
  | 'file bytes'
  | 'hits'
  | 'misses'
  | 'hand'
  | 'settings'
  | 'clock'
  | 'collected at'
  | 'next folder'
  | 'rows'
  | 'rows check'
  | 'journal';

/** The counters that every store has; the others are created when they are first needed. */
export const PERMANENT_COUNTERS = ['file bytes', 'hits', 'misses', 'hand', 'settings'] as const;

/** The columns that every set writes, in the order of `ITEM_COLUMNS`. */
type ItemColumns = readonly [
  key: KeyColumn,
  storedAt: number,
  usedAt: number,
  expiresAt: number | null,
  tag: TagColumn,
  mode: number,
  size: number,
  checksum: number,
  file: string | null,
  value: Column,
];
const ITEM_COLUMNS = ['key', 'stored_at', 'used_at', 'expires_at', 'tag', 'mode', 'size', 'checksum', 'file', 'value'];
const INSERT_SQL = `INSERT INTO entry (${ITEM_COLUMNS.join(', ')}) VALUES (${ITEM_COLUMNS.map(() => '?').join(', ')})`;
/** The range of valid ids. In a FanoutCache they start as high as 2^53 − 2^43. An id outside the range is damage. */
const FIRST_ID = 0;
const MAX_ID = 2 ** 53 - 2 ** 42;
/** The last valid id; damaged ids are ignored. */
export const LAST_INSERT_ID_SQL = `SELECT coalesce(max(id), 0) FROM entry WHERE id <= ${MAX_ID}`;
const OUT_OF_RANGE_ID_SQL = `coalesce((SELECT min(id) FROM entry WHERE id > ${MAX_ID}), (SELECT min(id) FROM entry WHERE id < ${FIRST_ID}))`;

/** The SQL function that returns the id of a new item, given the last id; its ids are comparable between the shards of a FanoutCache. */
export const INSERT_ID_FUNCTION = 'deskcache_place';
/** Same as `INSERT_SQL`, with an id from that function. It increases like the ids that SQLite assigns. */
const INSERT_WITH_ID_SQL = INSERT_SQL.replace('(', '(id, ').replace(
  'VALUES (',
  `VALUES (${INSERT_ID_FUNCTION}((${LAST_INSERT_ID_SQL})), `,
);
/** A set counts as a use: hits start from zero, and the hand of `sieve` passes over the item once. */
const RESET_USAGE = 'hits = 0, visited = 1';

/** On disk, in the table `counter`: prefix of the name of a replaced file that still exists; the value is its size in bytes. */
const REPLACED_PREFIX = 'replaced ';

/** Whether a count is the size of a replaced file. */
export const isReplacedCounter = (name: unknown): boolean =>
  typeof name === 'string' && name.startsWith(REPLACED_PREFIX);

/** The condition of items that are not marked as deleted. The unary plus keeps SQLite from using the index of expiry. */
export const NOT_MARKED_SQL = `+expires_at IS NOT ${DELETION_MARK_SQL}`;

/** The condition of items that have not expired. Parameter: now. */
export const IS_LIVE_SQL = '(expires_at IS NULL OR expires_at > ?)';

/**
 * The condition of leases and listeners that have not expired. They last at most a minute: one that would last longer than half an
 * hour was taken before the clock was set back, and counts as expired.
 */
const IS_UNEXPIRED_SQL = 'until BETWEEN unixepoch() AND unixepoch() + 1800';

/** The fixed statements by name; `dynamic` prepares others by their text. */
export interface Statements {
  readonly begin: Statement<[]>;
  readonly beginRead: Statement<[]>;
  readonly commit: Statement<[]>;
  readonly rollback: Statement<[]>;
  readonly savepoint: Statement<[]>;
  readonly release: Statement<[]>;
  readonly rollbackToSavepoint: Statement<[]>;
  readonly dataVersion: Statement<[], [number]>;
  readonly schemaVersion: Statement<[], [number]>;
  readonly userVersion: Statement<[], [number]>;

  readonly read: Statement<[KeyColumn], ValueRow>;
  readonly readPacked: Statement<[KeyColumn], PackedRow>;
  readonly entry: Statement<[KeyColumn], EntryRow>;
  readonly has: Statement<[KeyColumn, number], [1]>;
  readonly locate: Statement<[KeyColumn], [id: number, expiresAt: number | null, file: string | null, size: number]>;

  /** Same as `locate` in a deque, whose keys are its ids. */
  readonly locateById: Statements['locate'];
  readonly storeKind: Statement<[], [kind: Column]>;

  readonly put: Statement<[...ItemColumns, now: number]>;
  readonly lastIds: Statement<[], [inserted: number, largest: number]>;
  readonly insert: Statement<ItemColumns>;
  readonly insertAt: Statement<[id: number, visited: number, ...ItemColumns]>;
  readonly update: Statement<[...ItemColumns, id: number]>;
  readonly enqueue: Statement<[queue: KeyColumn, id: number]>;
  readonly touch: Statement<[expiresAt: number | null, KeyColumn, now: number]>;
  readonly touchById: Statement<[expiresAt: number | null, id: number]>;
  readonly use: Statement<[usedAt: number, hits: number, id: number]>;
  readonly deleteInline: Statement<[KeyColumn, now: number]>;
  readonly deleteById: Statement<[number]>;
  readonly deleteBetween: Statement<[from: number, to: number]>;
  readonly deleteAll: Statement<[]>;
  readonly files: Statement<[], [file: string, size: number]>;
  readonly namesFile: Statement<[string], [1]>;
  /** The names of all files, read from the table because an index may be damaged. */
  readonly filesInTable: Statement<[], [string]>;
  readonly outOfRangeId: Statement<[], [1]>;
  readonly moveOutOfRangeId: Statement<[]>;
  readonly recordReplaced: Statement<[file: string, size: number]>;
  readonly deleteReplaced: Statement<[files: string]>;
  readonly replaced: Statement<[], [file: string, size: number]>;

  readonly fileBytes: Statement<[], [number]>;
  readonly integrity: Statement<[], [message: string]>;
  readonly checkRows: Statement<[after: number, limit: number], CheckRow>;
  readonly checkRow: Statement<[id: number], CheckRow>;

  readonly countRows: Statement<[], [number]>;
  readonly countExpired: Statement<[now: number], [number]>;
  readonly nextExpiry: Statement<[], [number | null]>;
  readonly expired: Statement<[now: number, limit: number], RowRef>;
  /** Whether a row has an expiry up to this time, marked rows included. */
  readonly anyInvisible: Statement<[now: number], [1]>;
  readonly countMarked: Statement<[], [number]>;
  readonly marked: Statement<[limit: number], RowRef>;
  readonly tagged: Statement<[TagColumn, after: number, limit: number], [...RowRef, expiresAt: number | null]>;
  readonly inKeyRange: Statement<
    [lower: KeyColumn, upper: KeyColumn, limit: number],
    [...RowRef, expiresAt: number | null]
  >;
  readonly unvisited: Statement<[after: number, spared: Column, limit: number], RowRef>;
  readonly unvisit: Statement<[after: number, upTo: number]>;

  readonly queueFront: Statement<[queue: KeyColumn, now: number], RowRef>;
  readonly queueBack: Statement<[queue: KeyColumn, now: number], RowRef>;

  readonly pageCount: Statement<[], [number]>;
  readonly freePages: Statement<[], [number]>;
  readonly counter: Statement<[CounterName], [number]>;
  readonly count: Statement<[by: number, CounterName]>;
  readonly setCounter: Statement<[value: number, CounterName]>;
  readonly restoreCounter: Statement<[CounterName, value: number]>;
  readonly storeRowCount: Statement<[rows: number, check: number]>;
  readonly removeRowCount: Statement<[]>;
  readonly upsertCounter: Statement<[value: number, CounterName]>;
  readonly markClock: Statement<[time: number]>;
  readonly newestStamp: Statement<[], [number | null]>;
  readonly latestUse: Statement<[], [number | null]>;

  readonly changes: Statement<[after: number, limit: number], [id: number, kind: ChangeKind, key: KeyColumn | null]>;
  readonly lastChange: Statement<[], [number | null]>;
  readonly logClear: Statement<[]>;
  /** Removes what was logged after an id. Inside its transaction. */
  readonly unlogAfter: Statement<[after: number]>;
  /** Corrects the reason of the deletion just logged. Inside its transaction. */
  readonly nameLastChange: Statement<[ChangeKind]>;
  /** Same for all deletions logged after an id. */
  readonly nameChanges: Statement<[ChangeKind, after: number]>;
  /** Same for rows that were marked as deleted, which triggers log as set. */
  readonly nameMarked: Statement<[ChangeKind, after: number]>;
  readonly insertListener: Statement<[id: string, seconds: number]>;
  readonly renewListener: Statement<[seconds: number, id: string]>;
  readonly deleteListener: Statement<[id: string]>;
  readonly deleteDeadListeners: Statement<[]>;
  readonly deadListener: Statement<[], [1]>;
  readonly anyListener: Statement<[], [1]>;

  readonly takeLease: Statement<[name: KeyColumn, holder: string, pid: number, seconds: number]>;
  readonly renewLease: Statement<[seconds: number, name: KeyColumn, holder: string]>;
  readonly releaseLease: Statement<[name: KeyColumn, holder: string]>;
  readonly deadLease: Statement<[], [1]>;
  readonly deleteDeadLeases: Statement<[]>;
  readonly leaseHolder: Statement<[name: KeyColumn], [holder: string, pid: number]>;

  readonly settings: Statement<[], [name: string, value: Column]>;
  readonly upsertSetting: Statement<[name: string, value: Column]>;

  dynamic<Row extends readonly unknown[]>(text: string): Statement<Bind, Row>;
}

const SQL: Readonly<Record<Exclude<keyof Statements, 'dynamic'>, string>> = {
  begin: 'BEGIN IMMEDIATE',
  beginRead: 'BEGIN',
  commit: 'COMMIT',
  rollback: 'ROLLBACK',
  savepoint: 'SAVEPOINT nested',
  release: 'RELEASE nested',
  rollbackToSavepoint: 'ROLLBACK TO nested',
  dataVersion: 'PRAGMA data_version',
  schemaVersion: 'PRAGMA schema_version',
  userVersion: 'PRAGMA user_version',

  read: `SELECT ${VALUE_COLUMNS} FROM entry WHERE key = ?`,
  readPacked: `SELECT ${PACKED_COLUMNS} FROM entry WHERE key = ?`,
  entry: `SELECT ${ENTRY_COLUMNS} FROM entry WHERE key = ?`,
  has: `SELECT 1 FROM entry WHERE key = ? AND ${IS_LIVE_SQL}`,
  locate: 'SELECT id, expires_at, file, size FROM entry WHERE key = ?',
  locateById: 'SELECT id, expires_at, file, size FROM entry WHERE id = ?',
  storeKind: "SELECT value FROM setting WHERE name = 'kind'",

  // One statement for the common case. It changes nothing for an existing item with a file, which needs more steps, and for an
  // expired one, whose successor goes to the end of the stored order.
  put: `${INSERT_SQL} ON CONFLICT (key) DO UPDATE
    SET ${ITEM_COLUMNS.map((name) => `${name} = excluded.${name}`)
      .slice(1)
      .join(', ')}, ${RESET_USAGE}
    WHERE file IS NULL AND ${IS_LIVE_SQL}`,
  lastIds: 'SELECT last_insert_rowid(), coalesce(max(id), 0) FROM entry',
  insert: INSERT_SQL,
  insertAt: `INSERT INTO entry (id, visited, ${ITEM_COLUMNS.join(', ')}) VALUES (?, ?, ${ITEM_COLUMNS.map(() => '?').join(', ')})`,
  update: `UPDATE entry SET ${ITEM_COLUMNS.map((name) => `${name} = ?`).join(', ')}, ${RESET_USAGE} WHERE id = ?`,
  enqueue: 'UPDATE entry SET queue = ? WHERE id = ?',
  touch: `UPDATE entry SET expires_at = ? WHERE key = ? AND ${IS_LIVE_SQL}`,
  touchById: 'UPDATE entry SET expires_at = ? WHERE id = ?',
  use: 'UPDATE entry SET used_at = max(used_at, ?), hits = hits + ?, visited = 1 WHERE id = ?',
  deleteInline: `DELETE FROM entry WHERE key = ? AND file IS NULL AND ${IS_LIVE_SQL}`,
  deleteById: 'DELETE FROM entry WHERE id = ?',
  deleteBetween: 'DELETE FROM entry WHERE id >= ? AND id <= ?',
  deleteAll: 'DELETE FROM entry',
  files: 'SELECT file, size FROM entry WHERE file IS NOT NULL',
  // A replaced file counts as named until it is removed.
  namesFile: `SELECT 1 FROM (SELECT ? AS file) AS wanted WHERE EXISTS (SELECT 1 FROM entry WHERE entry.file = wanted.file)
    OR EXISTS (SELECT 1 FROM counter WHERE name = '${REPLACED_PREFIX}' || wanted.file)`,
  recordReplaced: `INSERT OR REPLACE INTO counter VALUES ('${REPLACED_PREFIX}' || ?, ?)`,
  deleteReplaced: `DELETE FROM counter WHERE name IN (SELECT '${REPLACED_PREFIX}' || value FROM json_each(?))`,
  replaced: `SELECT substr(name, ${REPLACED_PREFIX.length + 1}), value FROM counter WHERE name > '${REPLACED_PREFIX}' AND name < '${REPLACED_PREFIX}g'`,
  filesInTable: 'SELECT file FROM entry NOT INDEXED WHERE file IS NOT NULL',
  outOfRangeId: `SELECT 1 WHERE ${OUT_OF_RANGE_ID_SQL} IS NOT NULL`,
  moveOutOfRangeId: `UPDATE entry SET id = (${LAST_INSERT_ID_SQL}) + 1 WHERE id = ${OUT_OF_RANGE_ID_SQL}`,

  fileBytes: 'SELECT coalesce(sum(size), 0) FROM entry WHERE file IS NOT NULL',
  integrity: 'PRAGMA integrity_check',
  checkRows: `SELECT ${CHECK_COLUMNS} FROM entry WHERE id > ? ORDER BY id LIMIT ?`,
  checkRow: `SELECT ${CHECK_COLUMNS} FROM entry WHERE id = ?`,

  countRows: 'SELECT count(*) FROM entry',
  countExpired: `SELECT count(*) FROM entry WHERE expires_at > ${DELETION_MARK_SQL} AND expires_at <= ?`,
  nextExpiry: `SELECT min(expires_at) FROM entry WHERE expires_at > ${DELETION_MARK_SQL}`,
  expired: `SELECT ${ROW_REF_COLUMNS} FROM entry WHERE expires_at > ${DELETION_MARK_SQL} AND expires_at <= ? ORDER BY expires_at LIMIT ?`,
  anyInvisible: 'SELECT 1 FROM entry WHERE expires_at <= ? LIMIT 1',
  countMarked: `SELECT count(*) FROM entry WHERE expires_at = ${DELETION_MARK_SQL}`,
  marked: `SELECT ${ROW_REF_COLUMNS} FROM entry WHERE expires_at = ${DELETION_MARK_SQL} ORDER BY id LIMIT ?`,
  tagged: `SELECT ${ROW_REF_COLUMNS}, expires_at FROM entry WHERE tag = ? AND id > ? AND ${NOT_MARKED_SQL} ORDER BY id LIMIT ?`,
  inKeyRange: `SELECT ${ROW_REF_COLUMNS}, expires_at FROM entry WHERE key >= ? AND key < ? AND ${NOT_MARKED_SQL} ORDER BY key LIMIT ?`,
  unvisited: `SELECT ${ROW_REF_COLUMNS} FROM entry WHERE id > ? AND visited = 0 AND ${EVICTABLE_SQL} ORDER BY id LIMIT ?`,
  unvisit: 'UPDATE entry SET visited = 0 WHERE id > ? AND id <= ? AND visited = 1',

  queueFront: `SELECT ${ROW_REF_COLUMNS} FROM entry WHERE queue = ? AND ${IS_LIVE_SQL} ORDER BY key LIMIT 1`,
  queueBack: `SELECT ${ROW_REF_COLUMNS} FROM entry WHERE queue = ? AND ${IS_LIVE_SQL} ORDER BY key DESC LIMIT 1`,

  pageCount: 'PRAGMA page_count',
  freePages: 'PRAGMA freelist_count',
  counter: 'SELECT value FROM counter WHERE name = ?',
  count: 'UPDATE counter SET value = value + ? WHERE name = ?',
  setCounter: 'UPDATE counter SET value = ? WHERE name = ?',
  restoreCounter: 'INSERT OR REPLACE INTO counter VALUES (?, ?)',
  storeRowCount: "INSERT OR REPLACE INTO counter VALUES ('rows', ?), ('rows check', ?)",
  removeRowCount: "DELETE FROM counter WHERE name IN ('rows', 'rows check')",
  upsertCounter:
    'INSERT INTO counter (value, name) VALUES (?, ?) ON CONFLICT (name) DO UPDATE SET value = excluded.value',
  markClock:
    "INSERT INTO counter VALUES ('clock', ?) ON CONFLICT (name) DO UPDATE SET value = max(value, excluded.value)",
  newestStamp: 'SELECT used_at FROM entry ORDER BY id DESC LIMIT 1',
  latestUse: 'SELECT max(used_at) FROM entry',

  changes: 'SELECT id, kind, key FROM change WHERE id > ? ORDER BY id LIMIT ?',
  lastChange: 'SELECT max(id) FROM change',
  logClear: "INSERT INTO change (kind) SELECT 'clear' WHERE EXISTS (SELECT 1 FROM listener)",
  nameLastChange: "UPDATE change SET kind = ? WHERE id = (SELECT max(id) FROM change) AND kind = 'delete'",
  unlogAfter: 'DELETE FROM change WHERE id > ?',
  nameMarked: "UPDATE change SET kind = ? WHERE id > ? AND kind = 'set'",
  nameChanges: "UPDATE change SET kind = ? WHERE id > ? AND kind = 'delete'",
  // SQLite's system time: all processes agree on it, whatever clocks their stores were opened with.
  insertListener: 'INSERT OR REPLACE INTO listener VALUES (?, unixepoch() + ?)',
  renewListener: 'UPDATE listener SET until = unixepoch() + ? WHERE id = ?',
  deleteListener: 'DELETE FROM listener WHERE id = ?',
  // Includes listeners from before the clock was set back; a listener that is still alive renews itself.
  deleteDeadListeners: `DELETE FROM listener WHERE NOT ${IS_UNEXPIRED_SQL}`,
  deadListener: `SELECT 1 FROM listener WHERE NOT ${IS_UNEXPIRED_SQL}`,
  anyListener: 'SELECT 1 FROM listener',

  takeLease: `INSERT INTO lease VALUES (?, ?, ?, unixepoch() + ?) ON CONFLICT (name) DO UPDATE
    SET holder = excluded.holder, pid = excluded.pid, until = excluded.until WHERE NOT ${IS_UNEXPIRED_SQL}`,
  renewLease: 'UPDATE lease SET until = unixepoch() + ? WHERE name = ? AND holder = ?',
  releaseLease: 'DELETE FROM lease WHERE name = ? AND holder = ?',
  leaseHolder: `SELECT holder, pid FROM lease WHERE name = ? AND ${IS_UNEXPIRED_SQL}`,
  deadLease: `SELECT 1 FROM lease WHERE NOT ${IS_UNEXPIRED_SQL}`,
  deleteDeadLeases: `DELETE FROM lease WHERE NOT ${IS_UNEXPIRED_SQL}`,

  settings: 'SELECT name, value FROM setting',
  upsertSetting: 'INSERT INTO setting VALUES (?, ?) ON CONFLICT (name) DO UPDATE SET value = excluded.value',
};

/** Statements that read from the snapshot of the turn. The caller has checked for external changes. */
const SNAPSHOT_READS: ReadonlySet<string> = new Set([
  'dataVersion',
  'schemaVersion',
  'userVersion',
  'read',
  'readPacked',
  'has',
  'locate',
] satisfies (keyof Statements)[]);

/** Statements that read the row of one key, their first parameter. */
const KEYED_READS: ReadonlySet<string> = new Set([
  'read',
  'readPacked',
  'entry',
  'has',
  'locate',
] satisfies (keyof Statements)[]);

/** Returns the statements of a connection, prepared on first use. With `withInsertIds`, `INSERT_ID_FUNCTION` gives new items their ids. */
export function createStatements(connection: Connection, withInsertIds = false): Statements {
  const prepared = new Map<string, unknown>();
  const statements = {
    dynamic(text: string) {
      if (!prepared.has(text)) prepared.set(text, connection.prepare<Bind>(text));
      return prepared.get(text);
    },
  };
  for (const [name, sql] of Object.entries(SQL)) {
    Object.defineProperty(statements, name, {
      configurable: true,
      get() {
        const value = connection.prepare<Bind>(withInsertIds ? sql.replace(INSERT_SQL, INSERT_WITH_ID_SQL) : sql, {
          usesSnapshot: SNAPSHOT_READS.has(name),
          isKeyed: KEYED_READS.has(name),
        });
        Object.defineProperty(statements, name, { value });
        return value;
      },
    });
  }
  return statements as Statements;
}
