/** Marks a database file as ours: 'dkch' in ASCII, at offset 68 of the file. On disk; never changes. */
export const APPLICATION_ID = 0x646b6368;

/**
 * One step per format version, in order; the version a file has is its `user_version`. A shipped step is never edited:
 * append the next one.
 */
const MIGRATIONS: readonly string[] = [
  // 1. `key` and `value` have no affinity: text stays TEXT, a number stays REAL, bytes stay BLOB, and SQLite's own comparison
  //    of `key` is the documented order. `id` is the order in which keys were first set. Times are epoch milliseconds; the
  //    fraction of `stored_at` and `used_at` orders what happened within one millisecond. What every read needs comes first.
  `
  CREATE TABLE entry (
    id INTEGER PRIMARY KEY,
    key BLOB NOT NULL,
    expires_at REAL,
    mode INTEGER NOT NULL,
    checksum INTEGER NOT NULL,
    size INTEGER NOT NULL,
    file TEXT,
    value BLOB,
    stored_at REAL NOT NULL,
    used_at REAL NOT NULL,
    hits INTEGER NOT NULL DEFAULT 0,
    visited INTEGER NOT NULL DEFAULT 0,
    tag BLOB,
    queue BLOB
  );
  CREATE UNIQUE INDEX entry_key ON entry (key);
  CREATE INDEX entry_expiry ON entry (expires_at) WHERE expires_at IS NOT NULL;
  CREATE INDEX entry_file ON entry (file) WHERE file IS NOT NULL;
  CREATE INDEX entry_queue ON entry (queue, key) WHERE queue IS NOT NULL;
  CREATE TABLE setting (name TEXT PRIMARY KEY, value BLOB NOT NULL) WITHOUT ROWID;
  CREATE TABLE counter (name TEXT PRIMARY KEY, value INTEGER NOT NULL) WITHOUT ROWID;
  CREATE TABLE change (id INTEGER PRIMARY KEY, kind TEXT NOT NULL, key BLOB);
  CREATE TABLE listener (id TEXT PRIMARY KEY, until INTEGER NOT NULL) WITHOUT ROWID;
  CREATE TABLE lease (name BLOB PRIMARY KEY, holder TEXT NOT NULL, pid INTEGER NOT NULL, until INTEGER NOT NULL) WITHOUT ROWID;
  INSERT INTO counter VALUES ('file bytes', 0), ('hits', 0), ('misses', 0), ('hand', 0), ('settings', 0);
  `,
];

export const SCHEMA_VERSION = MIGRATIONS.length;

/** While the setting `tagIndex` is on. */
export const CREATE_TAG_INDEX = 'CREATE INDEX IF NOT EXISTS entry_tag ON entry (tag) WHERE tag IS NOT NULL';

/** The index of an eviction policy, on the columns that put the next victim first. */
export const createOrderIndex = (name: string, order: string): string =>
  `CREATE INDEX IF NOT EXISTS ${name} ON entry (${order})`;

/** The indexes of eviction policies, by name: on disk, so that a policy that goes leaves its index here. */
export const ORDER_INDEXES: Readonly<Record<string, string>> = {
  entry_stored_at: 'stored_at',
  entry_used_at: 'used_at',
  entry_hits: 'hits, used_at',
};

/** A deque drops it. */
export const KEY_INDEX = 'entry_key';

/** Returns the SQL that leads from a version to another one, by default the present one. */
export const migrationsFrom = (version: number, to = SCHEMA_VERSION): readonly string[] =>
  MIGRATIONS.slice(version, to);
