import { closeSync, openSync, readFileSync, readSync, statSync } from 'node:fs';
import { DiskCacheError } from '../../../protocol/error.ts';
import { Connection, type Statement } from './connection.ts';
import { toFileError } from './errors.ts';

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
export const toCreateIndex = (name: string, order: string): string =>
  `CREATE INDEX IF NOT EXISTS ${name} ON entry (${order})`;

/** The indexes of eviction policies, by name: on disk, so that a policy that goes leaves its index here. */
export const EVICTION_INDEXES: Readonly<Record<string, string>> = {
  entry_stored_at: 'stored_at',
  entry_used_at: 'used_at',
  entry_hits: 'hits, used_at',
};

/** A deque drops it. */
export const KEY_INDEX = 'entry_key';

/** Returns the SQL that leads from a version to another one, by default the present one. */
export const getMigrations = (version: number, to = SCHEMA_VERSION): readonly string[] => MIGRATIONS.slice(version, to);

/*
 * The change log exists while somebody listens, in whichever process: triggers write one row per change, and cost nobody
 * anything once the last listener is gone. They call no function, for a trigger may have been planted and is trusted with
 * none (`trusted_schema`): a deletion is logged as such, and the writer corrects the row where it deleted for another reason.
 */

/** So many changes are kept; a listener further behind is told that anything may have changed. */
const MAX_LOGGED_CHANGES = 65_536;

const toLogSql = (kind: string, key: string): string =>
  `INSERT INTO change (kind, key) VALUES (${kind}, ${key}); DELETE FROM change WHERE id <= (SELECT max(id) FROM change) - ${MAX_LOGGED_CHANGES};`;

const DELETE_TRIGGER = 'change_delete';

const CHANGE_TRIGGERS: Readonly<Record<string, string>> = {
  change_insert: `AFTER INSERT ON entry BEGIN ${toLogSql("'set'", 'new.key')} END`,
  change_update: `AFTER UPDATE OF stored_at, expires_at ON entry BEGIN ${toLogSql("'set'", 'new.key')} END`,
  [DELETE_TRIGGER]: `AFTER DELETE ON entry BEGIN ${toLogSql("'delete'", 'old.key')} END`,
};

/** An earlier form: it asked the connection why it deletes. On disk. */
const FORMER_DELETE_TRIGGER = `CREATE TRIGGER ${DELETE_TRIGGER} AFTER DELETE ON entry WHEN deskcache_cause() <> 'clear' BEGIN ${toLogSql('deskcache_cause()', 'old.key')} END`;

const toCreateTrigger = (name: string): string => `CREATE TRIGGER IF NOT EXISTS ${name} ${CHANGE_TRIGGERS[name]}`;

/** Every statement whose trigger may stand in a database. */
export const KNOWN_TRIGGERS: readonly string[] = Object.keys(CHANGE_TRIGGERS).map(toCreateTrigger);
export const FORMER_TRIGGERS: Readonly<Record<string, string>> = { [DELETE_TRIGGER]: FORMER_DELETE_TRIGGER };

/** Inside a write transaction. */
export function startLog(connection: Pick<Connection, 'execute'>): void {
  for (const name of Object.keys(CHANGE_TRIGGERS)) connection.execute(toCreateTrigger(name));
}

/** Inside a write transaction. */
export function stopLog(connection: Connection): void {
  for (const name of Object.keys(CHANGE_TRIGGERS)) connection.execute(`DROP TRIGGER IF EXISTS ${name}`);
  connection.execute('DELETE FROM change');
}

/** Runs `work`, which deletes rows that are not to be logged one by one. Inside a write transaction, while the log is on. */
export function withoutLoggingDeletions(connection: Connection, work: () => void): void {
  connection.execute(`DROP TRIGGER IF EXISTS ${DELETE_TRIGGER}`);
  work();
  connection.execute(toCreateTrigger(DELETE_TRIGGER));
}

/** Whether the log is that of an earlier deskcache, which this one can't write to. */
export function hasFormerLog(connection: Connection): boolean {
  const trigger: Statement<[string], [string]> = connection.prepare('SELECT sql FROM sqlite_schema WHERE name = ?');
  return trigger.first(DELETE_TRIGGER)?.[0] === FORMER_DELETE_TRIGGER;
}

/** Takes over the log of an earlier deskcache. Inside a write transaction. */
export function upgradeLog(connection: Connection): void {
  connection.execute(`DROP TRIGGER IF EXISTS ${DELETE_TRIGGER}`);
  connection.execute(toCreateTrigger(DELETE_TRIGGER));
}

/*
 * What may stand in the schema of a store. Who can write a database file can plant views, triggers, generated columns, CHECK
 * constraints or indexes on expressions in it, and every statement of ours would run them. So the schema is compared with
 * what deskcache itself writes, word for word, before any table is touched.
 */

type SchemaRow = [type: string, name: string, table: string, sql: string | null];
const READ_SCHEMA_SQL = 'SELECT type, name, tbl_name, sql FROM sqlite_schema';

interface KnownSchema {
  /** Each object of a schema, as one text. */
  readonly known: ReadonlySet<string>;
  readonly required: ReadonlySet<string>;
}

const knownSchemas = new Map<number, KnownSchema>();

/** One that SQLite has made itself has no text. */
const toSchemaText = ([type, name, table, sql]: SchemaRow): string => JSON.stringify([type, name, table, sql]);

/** Made by SQLite from the statements that make a store, so that a new migration step is known without being listed here. */
function getKnownSchema(version: number): KnownSchema {
  const found = knownSchemas.get(version);
  if (found !== undefined) return found;
  const model = new Connection(':memory:', { readOnly: false, timeout: 0 });
  try {
    const read = (): SchemaRow[] => model.prepare<[], SchemaRow>(READ_SCHEMA_SQL).all();
    for (const step of getMigrations(0, version)) model.execute(step);
    const required = new Set(
      read()
        .filter(([, name]) => name !== KEY_INDEX)
        .map(toSchemaText),
    );
    const orders = Object.entries(EVICTION_INDEXES).map(([name, order]) => toCreateIndex(name, order));
    for (const text of [CREATE_TAG_INDEX, ...orders, ...KNOWN_TRIGGERS]) model.execute(text);
    const known = new Set([...required, ...read().map(toSchemaText)]);
    for (const [name, sql] of Object.entries(FORMER_TRIGGERS)) known.add(toSchemaText(['trigger', name, 'entry', sql]));
    const schema = { known, required };
    knownSchemas.set(version, schema);
    return schema;
  } finally {
    model.close();
  }
}

/**
 * Compares the schema of a database with that of a format version.
 *
 * @throws {DiskCacheError} `CORRUPT` naming what is there and should not be, or is not there.
 */
export function assertKnownSchema(connection: Connection, version: number): void {
  const { known, required } = getKnownSchema(version);
  const missing = new Set(required);
  let unknown: SchemaRow | undefined;
  connection.prepare<[], SchemaRow>(READ_SCHEMA_SQL).each((row) => {
    const text = toSchemaText(row);
    missing.delete(text);
    if (!known.has(text)) unknown = row;
    return unknown === undefined;
  });
  const advice = 'it was changed by another program or damaged; restore it, or delete the directory';
  if (unknown !== undefined) {
    throw new DiskCacheError(
      'CORRUPT',
      `${connection.path} has a ${unknown[0]} ${JSON.stringify(unknown[1].slice(0, 64))} that deskcache has not made: ${advice}`,
    );
  }
  const [first] = missing;
  if (first === undefined) return;
  const [type, name] = JSON.parse(first) as SchemaRow;
  throw new DiskCacheError('CORRUPT', `${connection.path} lacks its ${type} ${name}: ${advice}`);
}

const SQLITE_MAGIC = 'SQLite format 3\0';
/** Enough to hold the names of the tables of a small schema. */
const MAX_INSPECTED_BYTES = 64 * 1024;
const HEADER_BYTES = 100;

/**
 * Looks at the first bytes of a file that is not empty, because merely opening a stranger's database with SQLite can change it.
 * Offsets: https://sqlite.org/fileformat2.html#the_database_header
 *
 * Only for a file that nobody in this process has open: see `parseCursor`.
 *
 * @throws {DiskCacheError} `CORRUPT` for a file that is no database; `UNSUPPORTED_VERSION` for somebody else's or a newer one.
 */
export function assertOwnDatabase(path: string): void {
  const bytes = readBeginning(path);
  if (bytes.length < HEADER_BYTES || bytes.toString('latin1', 0, SQLITE_MAGIC.length) !== SQLITE_MAGIC) {
    throw new DiskCacheError(
      'CORRUPT',
      `${path} is no SQLite database; choose another directory or move the file away`,
    );
  }
  assertApplicationId(bytes.readUInt32BE(68), path, () => `: ${describeContents(bytes)}`);
  assertSupportedVersion(bytes.readUInt32BE(60), path);
}

/** @throws {DiskCacheError} `UNSUPPORTED_VERSION` for another program's application id. */
export function assertApplicationId(applicationId: number, path: string, describeOwner: () => string = () => ''): void {
  if (applicationId === APPLICATION_ID) return;
  throw new DiskCacheError(
    'UNSUPPORTED_VERSION',
    `${path} was not made by deskcache${describeOwner()}; choose another directory`,
  );
}

/** @throws {DiskCacheError} `UNSUPPORTED_VERSION` */
export function assertSupportedVersion(version: number, path: string): void {
  if (version <= SCHEMA_VERSION) return;
  throw new DiskCacheError(
    'UNSUPPORTED_VERSION',
    `${path} has format version ${version}, this deskcache knows versions up to ${SCHEMA_VERSION}; update deskcache or choose another directory`,
  );
}

/** @throws {DiskCacheError} `CORRUPT` for a version that was never written into a database with our application id. */
export function assertPositiveVersion(version: number, path: string): void {
  if (version > 0) return;
  throw new DiskCacheError(
    'CORRUPT',
    `${path} has format version ${version}: its header is damaged; restore it, or delete the directory`,
  );
}

/** A database that can't be opened where it is has to fit into memory. */
const MAX_IMAGE_BYTES = 512 * 1024 * 1024;
/** Offsets of the numbers that ask for a write-ahead log, and what they are for a database without one. */
const WAL_VERSION_OFFSETS = [18, 19];
const ROLLBACK_JOURNAL_VERSION = 1;

/**
 * The bytes of a database without a log, as one that needs none. For a reader where SQLite can't put its shared memory; so
 * the file is not open in this process.
 *
 * @throws {DiskCacheError} `TOO_LARGE`; `BUSY` when somebody has written to it meanwhile.
 */
export function readImage(path: string): Buffer {
  try {
    const before = statSync(path);
    if (before.size > MAX_IMAGE_BYTES) {
      throw new DiskCacheError(
        'TOO_LARGE',
        `${path} has ${before.size} bytes, too many to be read from a directory that can't be written; copy the directory and open the copy`,
      );
    }
    const image = readFileSync(path);
    const after = statSync(path);
    if (after.mtimeMs !== before.mtimeMs || image.length !== before.size) {
      throw new DiskCacheError('BUSY', `${path} was written to while it was read; try again`);
    }
    for (const offset of WAL_VERSION_OFFSETS) image[offset] = ROLLBACK_JOURNAL_VERSION;
    return image;
  } catch (error) {
    throw toFileError(error, path);
  }
}

function readBeginning(path: string): Buffer {
  let file: number;
  try {
    file = openSync(path, 'r');
  } catch (error) {
    throw toFileError(error, path);
  }
  try {
    const bytes = Buffer.alloc(MAX_INSPECTED_BYTES);
    return bytes.subarray(0, readSync(file, bytes, 0, MAX_INSPECTED_BYTES, 0));
  } catch (error) {
    throw toFileError(error, path);
  } finally {
    closeSync(file);
  }
}

/** Table definitions stand as plain text on the first pages. */
function describeContents(bytes: Buffer): string {
  const found = bytes.toString('latin1').matchAll(/CREATE TABLE (?:IF NOT EXISTS )?["'`[]?(\w+)/g);
  const tables = new Set(Array.from(found, ([, name]) => name));
  if (tables.has('Settings') && tables.has('Cache')) return 'it seems to belong to Python DiskCache';
  return tables.size === 0
    ? 'it is an SQLite database of another program'
    : `it holds the tables ${[...tables].sort().join(', ')}`;
}
