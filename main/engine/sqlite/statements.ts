import type { ChangeKind } from '../../../protocol/options.ts';
import type { KeyColumn } from '../values/key.ts';
import type { Column, Connection, Statement } from './connection.ts';

/** Which clauses a read of a range has. Parameters in order: now, lower, upper, tag, after, until, limit; absent ones are left out. */
export interface RangeShape {
  /** Leaves out what has expired. Where nothing has, keys in key order are read from their index alone, without the rows. */
  readonly now: boolean;
  readonly order: 'stored' | 'key';
  readonly reverse: boolean;
  readonly lower: boolean;
  readonly upper: boolean;
  readonly tag: boolean;
  /** Continues behind an id (stored order) or a key (key order). */
  readonly after: boolean;
  /** Ends with an id or a key. */
  readonly until?: boolean;
  /** In stored order: find the items by key and sort them, instead of walking the table. */
  readonly sorted: boolean;
  readonly columns: string;
}

/**
 * The text of a range read. Every page is one search in the index of its order, so a whole walk is linear: a plus sign
 * keeps a column from being looked up where that would sort everything again for each page.
 */
export function toRangeQuery(shape: RangeShape): string {
  const stored = shape.order === 'stored';
  const place = stored ? 'id' : 'key';
  const key = stored && !shape.sorted ? '+key' : 'key';
  const clauses = [
    shape.now && '(expires_at IS NULL OR expires_at > ?)',
    shape.lower && `${key} >= ?`,
    shape.upper && `${key} < ?`,
    shape.tag && (stored && !shape.sorted ? 'tag = ?' : '+tag = ?'),
    shape.after && `${place} ${shape.reverse ? '<' : '>'} ?`,
    shape.until && `${place} ${shape.reverse ? '>=' : '<='} ?`,
  ].filter(Boolean);
  return `SELECT ${shape.columns} FROM entry ${shape.sorted ? 'INDEXED BY entry_key' : ''}
    ${clauses.length > 0 ? `WHERE ${clauses.join(' AND ')}` : ''} ORDER BY ${place} ${shape.reverse ? 'DESC' : 'ASC'} LIMIT ?`;
}

/** Finds the id or key a number of rows further on. Parameters: after, if there is one; how many rows to pass by. */
export function toWindowQuery({ order, reverse }: Pick<RangeShape, 'order' | 'reverse'>, after: boolean): string {
  const place = order === 'stored' ? 'id' : 'key';
  const clause = after ? `WHERE ${place} ${reverse ? '<' : '>'} ?` : '';
  return `SELECT ${place} FROM entry ${clause} ORDER BY ${place} ${reverse ? 'DESC' : 'ASC'} LIMIT 1 OFFSET ?`;
}

/** Counts the items between two keys, up to a limit. Parameters: lower, upper, limit; absent ones are left out. */
export function toCountQuery(lower: boolean, upper: boolean): string {
  const clauses = [lower && 'key >= ?', upper && 'key < ?'].filter(Boolean);
  return `SELECT count(*) FROM (SELECT 1 FROM entry WHERE ${clauses.join(' AND ')} LIMIT ?)`;
}

type Bind = readonly Column[];
/** Bytes are no tag but the mark of an item that is kept. */
export type TagColumn = string | number | Uint8Array | null;

/** On disk: in the place of a tag, the mark of an item that eviction passes over. The text `kept`; no tag is bytes. */
export const PINNED_TAG = new TextEncoder().encode('kept');
/** Who may be evicted; its parameter is the key of one who is spared. */
export const EVICTABLE_SQL = "key IS NOT ? AND tag IS NOT x'6B657074'";

/** A value as its row holds it; with `file` set, `value` is NULL and the file holds it. */
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

/** What is known about the rest of an item. */
export type EntryRow = [...ValueRow, storedAt: number, usedAt: number, hits: number, tag: TagColumn];
const ENTRY_COLUMNS = `${VALUE_COLUMNS}, stored_at, used_at, hits, tag`;

/** What has to be known of a row to delete it. */
export type RowRef = [id: number, key: KeyColumn, file: string | null, size: number];
export const ROW_REF_COLUMNS = 'id, key, file, size';

/** What `checkQueue` looks at. */
export type CheckRow = [...RowRef, mode: number, value: Column, checksum: number];
const CHECK_COLUMNS = `${ROW_REF_COLUMNS}, mode, value, checksum`;

/** Every count the store keeps on disk. */
export type CounterName =
  | 'file bytes'
  | 'hits'
  | 'misses'
  | 'hand'
  | 'settings'
  | 'clock'
  | 'collected at'
  | 'next folder';

/** Those that every store has; the others are written when they are first needed. */
export const PERMANENT_COUNTERS = ['file bytes', 'hits', 'misses', 'hand', 'settings'] as const;

/** What of an item is written anew by every set, in the order of `ITEM_COLUMNS`. */
export type ItemColumns = readonly [
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
/** The ids that a store gives: of a FanoutCache they are as large as 2^53 − 2^43 and grow on from there. What is beyond is damage. */
const FIRST_ID = 0;
const MAX_ID = 2 ** 53 - 2 ** 42;
/** The place of the last item, whatever damage says of another one. */
export const LAST_INSERT_ID_SQL = `SELECT coalesce(max(id), 0) FROM entry WHERE id <= ${MAX_ID}`;
const OUT_OF_RANGE_ID_SQL = `coalesce((SELECT min(id) FROM entry WHERE id > ${MAX_ID}), (SELECT min(id) FROM entry WHERE id < ${FIRST_ID}))`;

/** The name under which a connection tells the place of a new item behind the last one, comparable between several stores. */
export const INSERT_ID_FUNCTION = 'deskcache_place';
/** As `INSERT_SQL`, with such a place as the id. It grows like an id that SQLite gives. */
const INSERT_WITH_ID_SQL = INSERT_SQL.replace('(', '(id, ').replace(
  'VALUES (',
  `VALUES (${INSERT_ID_FUNCTION}((${LAST_INSERT_ID_SQL})), `,
);
/** A set is a use: it counts from zero again and protects from the hand of `sieve` once. */
const RESET_USAGE = 'hits = 0, visited = 1';

/** On disk, in the table `counter`: before the name of a file that was replaced and is still there; the value is its size. */
const REPLACED_PREFIX = 'replaced ';

/** Whether a count is the size of a replaced file. */
export const isReplacedCounter = (name: unknown): boolean =>
  typeof name === 'string' && name.startsWith(REPLACED_PREFIX);

/** An item that has not expired; its parameter is now. */
const IS_LIVE_SQL = '(expires_at IS NULL OR expires_at > ?)';

/** A lease or a listener that is not over. None is longer than a minute: what ends in half an hour was given before the clock was set back. */
const IS_UNEXPIRED_SQL = 'until BETWEEN unixepoch() AND unixepoch() + 1800';

/** Every fixed statement by name, and those composed for a range by text. */
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
  readonly facts: Statement<[KeyColumn], EntryRow>;
  readonly has: Statement<[KeyColumn, number], [1]>;
  readonly locate: Statement<[KeyColumn], [id: number, expiresAt: number | null, file: string | null, size: number]>;

  readonly put: Statement<[...ItemColumns, now: number]>;
  readonly lastIds: Statement<[], [inserted: number, largest: number]>;
  readonly insert: Statement<ItemColumns>;
  readonly update: Statement<[...ItemColumns, id: number]>;
  readonly enqueue: Statement<[queue: KeyColumn, id: number]>;
  readonly touch: Statement<[expiresAt: number | null, KeyColumn, now: number]>;
  readonly use: Statement<[usedAt: number, hits: number, id: number]>;
  readonly deleteInline: Statement<[KeyColumn, now: number]>;
  readonly deleteById: Statement<[number]>;
  readonly deleteAll: Statement<[]>;
  readonly files: Statement<[], [file: string, size: number]>;
  readonly namesFile: Statement<[string], [1]>;
  /** The names of all files, from the table itself: an index may be damaged. */
  readonly filesInTable: Statement<[], [string]>;
  readonly strayId: Statement<[], [1]>;
  readonly moveStrayId: Statement<[]>;
  readonly noteReplaced: Statement<[file: string, size: number]>;
  readonly forgetReplaced: Statement<[files: string]>;
  readonly replaced: Statement<[], [file: string, size: number]>;

  readonly fileBytes: Statement<[], [number]>;
  readonly integrity: Statement<[], [message: string]>;
  readonly suspects: Statement<[after: number, limit: number], CheckRow>;
  readonly suspect: Statement<[id: number], CheckRow>;

  readonly countRows: Statement<[], [number]>;
  readonly countExpired: Statement<[now: number], [number]>;
  readonly nextExpiry: Statement<[], [number | null]>;
  readonly expired: Statement<[now: number, limit: number], RowRef>;
  readonly tagged: Statement<[TagColumn, after: number, limit: number], [...RowRef, expiresAt: number | null]>;
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
  readonly keepCounter: Statement<[value: number, CounterName]>;
  readonly markClock: Statement<[time: number]>;
  readonly newestStamp: Statement<[], [number | null]>;
  readonly latestUse: Statement<[], [number | null]>;

  readonly changes: Statement<[after: number, limit: number], [id: number, kind: ChangeKind, key: KeyColumn | null]>;
  readonly lastChange: Statement<[], [number | null]>;
  readonly logClear: Statement<[]>;
  /** A deletion just made, inside its transaction: why it was. */
  readonly nameLastChange: Statement<[ChangeKind]>;
  readonly keepListener: Statement<[id: string, seconds: number]>;
  readonly renewListener: Statement<[seconds: number, id: string]>;
  readonly forgetListener: Statement<[id: string]>;
  readonly forgetDeadListeners: Statement<[]>;
  readonly deadListener: Statement<[], [1]>;
  readonly anyListener: Statement<[], [1]>;

  readonly takeLease: Statement<[name: KeyColumn, holder: string, pid: number, seconds: number]>;
  readonly renewLease: Statement<[seconds: number, name: KeyColumn, holder: string]>;
  readonly releaseLease: Statement<[name: KeyColumn, holder: string]>;
  readonly deadLease: Statement<[], [1]>;
  readonly forgetDeadLeases: Statement<[]>;
  readonly leaseHolder: Statement<[name: KeyColumn], [holder: string, pid: number]>;

  readonly settings: Statement<[], [name: string, value: Column]>;
  readonly keepSetting: Statement<[name: string, value: Column]>;

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
  facts: `SELECT ${ENTRY_COLUMNS} FROM entry WHERE key = ?`,
  has: `SELECT 1 FROM entry WHERE key = ? AND ${IS_LIVE_SQL}`,
  locate: 'SELECT id, expires_at, file, size FROM entry WHERE key = ?',

  // One statement for the common case. It leaves alone what needs more care: an item with a file, and an expired one, whose
  // successor goes to the end of the stored order.
  put: `${INSERT_SQL} ON CONFLICT (key) DO UPDATE
    SET ${ITEM_COLUMNS.map((name) => `${name} = excluded.${name}`)
      .slice(1)
      .join(', ')}, ${RESET_USAGE}
    WHERE file IS NULL AND ${IS_LIVE_SQL}`,
  lastIds: 'SELECT last_insert_rowid(), coalesce(max(id), 0) FROM entry',
  insert: INSERT_SQL,
  update: `UPDATE entry SET ${ITEM_COLUMNS.map((name) => `${name} = ?`).join(', ')}, ${RESET_USAGE} WHERE id = ?`,
  enqueue: 'UPDATE entry SET queue = ? WHERE id = ?',
  touch: `UPDATE entry SET expires_at = ? WHERE key = ? AND ${IS_LIVE_SQL}`,
  use: 'UPDATE entry SET used_at = max(used_at, ?), hits = hits + ?, visited = 1 WHERE id = ?',
  deleteInline: `DELETE FROM entry WHERE key = ? AND file IS NULL AND ${IS_LIVE_SQL}`,
  deleteById: 'DELETE FROM entry WHERE id = ?',
  deleteAll: 'DELETE FROM entry',
  files: 'SELECT file, size FROM entry WHERE file IS NOT NULL',
  // One that was replaced belongs to somebody until it is removed.
  namesFile: `SELECT 1 FROM (SELECT ? AS file) AS wanted WHERE EXISTS (SELECT 1 FROM entry WHERE entry.file = wanted.file)
    OR EXISTS (SELECT 1 FROM counter WHERE name = '${REPLACED_PREFIX}' || wanted.file)`,
  noteReplaced: `INSERT OR REPLACE INTO counter VALUES ('${REPLACED_PREFIX}' || ?, ?)`,
  forgetReplaced: `DELETE FROM counter WHERE name IN (SELECT '${REPLACED_PREFIX}' || value FROM json_each(?))`,
  replaced: `SELECT substr(name, ${REPLACED_PREFIX.length + 1}), value FROM counter WHERE name > '${REPLACED_PREFIX}' AND name < '${REPLACED_PREFIX}g'`,
  filesInTable: 'SELECT file FROM entry NOT INDEXED WHERE file IS NOT NULL',
  strayId: `SELECT 1 WHERE ${OUT_OF_RANGE_ID_SQL} IS NOT NULL`,
  moveStrayId: `UPDATE entry SET id = (${LAST_INSERT_ID_SQL}) + 1 WHERE id = ${OUT_OF_RANGE_ID_SQL}`,

  fileBytes: 'SELECT coalesce(sum(size), 0) FROM entry WHERE file IS NOT NULL',
  integrity: 'PRAGMA integrity_check',
  suspects: `SELECT ${CHECK_COLUMNS} FROM entry WHERE id > ? ORDER BY id LIMIT ?`,
  suspect: `SELECT ${CHECK_COLUMNS} FROM entry WHERE id = ?`,

  countRows: 'SELECT count(*) FROM entry',
  countExpired: 'SELECT count(*) FROM entry WHERE expires_at <= ?',
  nextExpiry: 'SELECT min(expires_at) FROM entry WHERE expires_at IS NOT NULL',
  expired: `SELECT ${ROW_REF_COLUMNS} FROM entry WHERE expires_at <= ? ORDER BY expires_at LIMIT ?`,
  tagged: `SELECT ${ROW_REF_COLUMNS}, expires_at FROM entry WHERE tag = ? AND id > ? ORDER BY id LIMIT ?`,
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
  keepCounter:
    'INSERT INTO counter (value, name) VALUES (?, ?) ON CONFLICT (name) DO UPDATE SET value = excluded.value',
  markClock:
    "INSERT INTO counter VALUES ('clock', ?) ON CONFLICT (name) DO UPDATE SET value = max(value, excluded.value)",
  newestStamp: 'SELECT used_at FROM entry ORDER BY id DESC LIMIT 1',
  latestUse: 'SELECT max(used_at) FROM entry',

  changes: 'SELECT id, kind, key FROM change WHERE id > ? ORDER BY id LIMIT ?',
  lastChange: 'SELECT max(id) FROM change',
  logClear: "INSERT INTO change (kind) SELECT 'clear' WHERE EXISTS (SELECT 1 FROM listener)",
  nameLastChange: "UPDATE change SET kind = ? WHERE id = (SELECT max(id) FROM change) AND kind = 'delete'",
  // The system's time, the same for all processes, whatever clocks their stores were given.
  keepListener: 'INSERT OR REPLACE INTO listener VALUES (?, unixepoch() + ?)',
  renewListener: 'UPDATE listener SET until = unixepoch() + ? WHERE id = ?',
  forgetListener: 'DELETE FROM listener WHERE id = ?',
  // What ends later than any lease may was given before the clock was set back, and is renewed by who still lives.
  forgetDeadListeners: `DELETE FROM listener WHERE NOT ${IS_UNEXPIRED_SQL}`,
  deadListener: `SELECT 1 FROM listener WHERE NOT ${IS_UNEXPIRED_SQL}`,
  anyListener: 'SELECT 1 FROM listener',

  takeLease: `INSERT INTO lease VALUES (?, ?, ?, unixepoch() + ?) ON CONFLICT (name) DO UPDATE
    SET holder = excluded.holder, pid = excluded.pid, until = excluded.until WHERE NOT ${IS_UNEXPIRED_SQL}`,
  renewLease: 'UPDATE lease SET until = unixepoch() + ? WHERE name = ? AND holder = ?',
  releaseLease: 'DELETE FROM lease WHERE name = ? AND holder = ?',
  leaseHolder: `SELECT holder, pid FROM lease WHERE name = ? AND ${IS_UNEXPIRED_SQL}`,
  deadLease: `SELECT 1 FROM lease WHERE NOT ${IS_UNEXPIRED_SQL}`,
  forgetDeadLeases: `DELETE FROM lease WHERE NOT ${IS_UNEXPIRED_SQL}`,

  settings: 'SELECT name, value FROM setting',
  keepSetting: 'INSERT INTO setting VALUES (?, ?) ON CONFLICT (name) DO UPDATE SET value = excluded.value',
};

/** They run on the snapshot of the turn; whoever runs one has looked for what others have written. */
const SNAPSHOT_READS: ReadonlySet<string> = new Set([
  'dataVersion',
  'schemaVersion',
  'userVersion',
  'read',
  'has',
] satisfies (keyof Statements)[]);

/** The statements of a connection, each prepared when it is first used; `placed`: new items ask for their places. */
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
        const value = connection.prepare<Bind>(
          withInsertIds ? sql.replace(INSERT_SQL, INSERT_WITH_ID_SQL) : sql,
          SNAPSHOT_READS.has(name),
        );
        Object.defineProperty(statements, name, { value });
        return value;
      },
    });
  }
  return statements as Statements;
}
