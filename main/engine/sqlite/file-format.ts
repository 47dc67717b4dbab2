import { closeSync, openSync, readFileSync, readSync, statSync } from 'node:fs';
import { DiskCacheError } from '../../../protocol/error.ts';
import { Connection, type Statement } from './connection.ts';
import { toFileError } from './errors.ts';

/** Identifies a database file of deskcache: 'dkch' in ASCII, at offset 68 of the file. On disk; never changes. */
export const APPLICATION_ID = 0x646b6368;

/**
 * One step per format version, in order. A file's version is its `user_version`. Never edit a shipped step: append a new one.
 */
const MIGRATIONS: readonly string[] = [
  // 1. `key` and `value` have no affinity: text stays TEXT, a number stays REAL, bytes stay BLOB, and SQLite's own comparison
  //    of `key` is the documented order. `id` is the order in which keys were first set. Times are epoch milliseconds; the
  //    fraction of `stored_at` and `used_at` orders events within one millisecond. The columns that every read needs come first.
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

/**
 * Added to `user_version` while the files of a write journal may hold changes (see `journal/`), so that a version that doesn't know them refuses
 * the database. On disk.
 */
const JOURNAL_VERSION_OFFSET = 1000;
/** Added to `user_version` while values are sealed (see `sealing/`), for the same reason. On disk. */
const SEAL_VERSION_OFFSET = 2000;
/** Greater versions are those of a format that this version doesn't know. */
const VERSIONS_END = JOURNAL_VERSION_OFFSET + SEAL_VERSION_OFFSET + JOURNAL_VERSION_OFFSET;

/** What other versions of deskcache have to know before they use a database. */
export interface VersionMarks {
  readonly isJournaled: boolean;
  readonly isSealed: boolean;
}

/** Returns what `user_version` says. */
export function parseUserVersion(userVersion: number): VersionMarks & { readonly schemaVersion: number } {
  if (userVersion <= JOURNAL_VERSION_OFFSET || userVersion >= VERSIONS_END)
    return { schemaVersion: userVersion, isJournaled: false, isSealed: false };
  const isSealed = userVersion > SEAL_VERSION_OFFSET;
  const rest = isSealed ? userVersion - SEAL_VERSION_OFFSET : userVersion;
  const isJournaled = rest > JOURNAL_VERSION_OFFSET;
  return { schemaVersion: isJournaled ? rest - JOURNAL_VERSION_OFFSET : rest, isJournaled, isSealed };
}

/** Returns the format version in `user_version`. */
export const toSchemaVersion = (userVersion: number): number => parseUserVersion(userVersion).schemaVersion;

/** Returns the `user_version` of a database in the current format. */
export const toUserVersion = ({ isJournaled, isSealed }: VersionMarks): number =>
  SCHEMA_VERSION + (isJournaled ? JOURNAL_VERSION_OFFSET : 0) + (isSealed ? SEAL_VERSION_OFFSET : 0);

/** The index that exists while the setting `tagIndex` is on. */
export const CREATE_TAG_INDEX = 'CREATE INDEX IF NOT EXISTS entry_tag ON entry (tag) WHERE tag IS NOT NULL';

/** Returns the SQL that creates the index of an eviction policy; `order` puts the next item to evict first. */
export const toCreateIndex = (name: string, order: string): string =>
  `CREATE INDEX IF NOT EXISTS ${name} ON entry (${order})`;

/** The indexes of eviction policies, by name. On disk: a policy that is removed from the code leaves its index here. */
const EVICTION_INDEXES: Readonly<Record<string, string>> = {
  entry_stored_at: 'stored_at',
  entry_used_at: 'used_at',
  entry_hits: 'hits, used_at',
};

/** The index of keys, which a deque drops. */
const KEY_INDEX = 'entry_key';

/** Returns the steps from one version to another, by default the current one. */
export const getMigrations = (version: number, to = SCHEMA_VERSION): readonly string[] => MIGRATIONS.slice(version, to);

/*
 * The change log exists while any process listens: triggers write one row per change, and are dropped with the last listener, so
 * that they cost nothing then. They call no function, because `trusted_schema` is off (a trigger in the file may be hostile): a
 * trigger logs every deletion as `delete`, and the writer corrects the row if the reason was another one.
 */

/** Changes that are kept. A listener that is further behind gets `clear`, because anything may have changed. */
const MAX_LOGGED_CHANGES = 65_536;

const toLogSql = (kind: string, key: string): string =>
  `INSERT INTO change (kind, key) VALUES (${kind}, ${key}); DELETE FROM change WHERE id <= (SELECT max(id) FROM change) - ${MAX_LOGGED_CHANGES};`;

const DELETE_TRIGGER = 'change_delete';

const CHANGE_TRIGGERS: Readonly<Record<string, string>> = {
  change_insert: `AFTER INSERT ON entry BEGIN ${toLogSql("'set'", 'new.key')} END`,
  change_update: `AFTER UPDATE OF stored_at, expires_at ON entry BEGIN ${toLogSql("'set'", 'new.key')} END`,
  [DELETE_TRIGGER]: `AFTER DELETE ON entry BEGIN ${toLogSql("'delete'", 'old.key')} END`,
};

/** An earlier form that asked the connection for the reason of a deletion. On disk. */
const FORMER_DELETE_TRIGGER = `CREATE TRIGGER ${DELETE_TRIGGER} AFTER DELETE ON entry WHEN deskcache_cause() <> 'clear' BEGIN ${toLogSql('deskcache_cause()', 'old.key')} END`;

const toCreateTrigger = (name: string): string => `CREATE TRIGGER IF NOT EXISTS ${name} ${CHANGE_TRIGGERS[name]}`;

/** The SQL of every trigger that may be in a database. */
const KNOWN_TRIGGERS: readonly string[] = Object.keys(CHANGE_TRIGGERS).map(toCreateTrigger);
const FORMER_TRIGGERS: Readonly<Record<string, string>> = { [DELETE_TRIGGER]: FORMER_DELETE_TRIGGER };

/** Creates the triggers of the change log. Call it inside a write transaction. */
export function startLog(connection: Pick<Connection, 'execute'>): void {
  for (const name of Object.keys(CHANGE_TRIGGERS)) connection.execute(toCreateTrigger(name));
}

/** Drops the triggers and deletes the log. Call it inside a write transaction. */
export function stopLog(connection: Connection): void {
  for (const name of Object.keys(CHANGE_TRIGGERS)) connection.execute(`DROP TRIGGER IF EXISTS ${name}`);
  connection.execute('DELETE FROM change');
}

/** Runs `work` without logging its deletions one by one. Call it inside a write transaction, while the log is on. */
export function withoutLoggingDeletions(connection: Connection, work: () => void): void {
  connection.execute(`DROP TRIGGER IF EXISTS ${DELETE_TRIGGER}`);
  work();
  connection.execute(toCreateTrigger(DELETE_TRIGGER));
}

/** Whether the log was made by an earlier version, to which this one can't write. */
export function hasFormerLog(connection: Connection): boolean {
  const readTrigger: Statement<[string], [string]> = connection.prepare('SELECT sql FROM sqlite_schema WHERE name = ?');
  return readTrigger.first(DELETE_TRIGGER)?.[0] === FORMER_DELETE_TRIGGER;
}

/** Upgrades the log of an earlier version. Call it inside a write transaction. */
export function upgradeLog(connection: Connection): void {
  connection.execute(`DROP TRIGGER IF EXISTS ${DELETE_TRIGGER}`);
  connection.execute(toCreateTrigger(DELETE_TRIGGER));
}

/*
 * What the schema of a store may contain. An attacker who can write a database file can add views, triggers, generated columns, CHECK
 * constraints or indexes on expressions, which the engine's statements would run. So the schema is compared with what deskcache
 * itself writes, word for word, before any table is used.
 */

type SchemaRow = [type: string, name: string, table: string, sql: string | null];
const READ_SCHEMA_SQL = 'SELECT type, name, tbl_name, sql FROM sqlite_schema';

interface KnownSchema {
  /** Each allowed object of the schema, as text. */
  readonly known: ReadonlySet<string>;
  readonly required: ReadonlySet<string>;
}

const knownSchemas = new Map<number, KnownSchema>();

/** Returns an object of the schema as text. Its SQL is null if SQLite has created it itself. */
const toSchemaText = ([type, name, table, sql]: SchemaRow): string => JSON.stringify([type, name, table, sql]);

/** Returns the schema of a version. SQLite makes it from the statements that create a store, so that new steps need no list here. */
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
 * @throws {DiskCacheError} `CORRUPT` with the object that is unknown or missing.
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
      `${connection.path} has a ${unknown[0]} ${JSON.stringify(unknown[1].slice(0, 64))} that deskcache did not create: ${advice}`,
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
 * Checks the first bytes of a non-empty file without SQLite, because merely opening another program's database can change it.
 * Offsets: https://sqlite.org/fileformat2.html#the_database_header
 *
 * Only for a file that is not open in this process: see `databaseExists` in `open-database.ts`.
 *
 * @throws {DiskCacheError} `CORRUPT` for a file that isn't a database; `UNSUPPORTED_VERSION` for another program's or a newer one.
 */
export function assertOwnDatabase(path: string): void {
  const bytes = readBeginning(path);
  if (bytes.length < HEADER_BYTES || bytes.toString('latin1', 0, SQLITE_MAGIC.length) !== SQLITE_MAGIC) {
    throw new DiskCacheError(
      'CORRUPT',
      `${path} is not an SQLite database; choose another directory or move the file away`,
    );
  }
  assertApplicationId(bytes.readUInt32BE(68), path, () => `: ${describeContents(bytes)}`);
  assertSupportedVersion(toSchemaVersion(bytes.readUInt32BE(60)), path);
}

/** @throws {DiskCacheError} `UNSUPPORTED_VERSION` for another program's application id. */
export function assertApplicationId(applicationId: number, path: string, describeOwner: () => string = () => ''): void {
  if (applicationId === APPLICATION_ID) return;
  throw new DiskCacheError(
    'UNSUPPORTED_VERSION',
    `${path} was not made by deskcache${describeOwner()}; choose another directory`,
  );
}

/** @throws {DiskCacheError} `UNSUPPORTED_VERSION` for a format newer than this version knows. */
export function assertSupportedVersion(version: number, path: string): void {
  if (version <= SCHEMA_VERSION) return;
  throw new DiskCacheError(
    'UNSUPPORTED_VERSION',
    `${path} has format version ${version}, this deskcache supports versions up to ${SCHEMA_VERSION}; update deskcache or choose another directory`,
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

/** A database that can't be opened in its directory must fit into memory. */
const MAX_IMAGE_BYTES = 512 * 1024 * 1024;
/** Header offsets of the read and write version, which ask for a write-ahead log, and their value for a database without one. */
const WAL_VERSION_OFFSETS = [18, 19];
const ROLLBACK_JOURNAL_VERSION = 1;

/** @throws {DiskCacheError} `TOO_LARGE` for a database that can't be read into memory. */
export function assertImageFits(path: string, bytes: number): void {
  if (bytes <= MAX_IMAGE_BYTES) return;
  throw new DiskCacheError(
    'TOO_LARGE',
    `${path} has ${bytes} bytes, too many to be read into memory, which a reader does where it can't write; open it for writing once, or copy the directory and open the copy`,
  );
}

/** Changes the header of a database in memory, so that it asks for no write-ahead log. */
export function withoutWal(image: Buffer): Buffer {
  for (const offset of WAL_VERSION_OFFSETS) image[offset] = ROLLBACK_JOURNAL_VERSION;
  return image;
}

/**
 * Reads a database that has no log, with a header that asks for none. For a reader in a directory where SQLite can't create its
 * shared memory, so the file is not open in this process.
 *
 * @throws {DiskCacheError} `TOO_LARGE`; `BUSY` if the file changed during the read.
 */
export function readImage(path: string): Buffer {
  try {
    const before = statSync(path);
    assertImageFits(path, before.size);
    const image = readFileSync(path);
    const after = statSync(path);
    if (after.mtimeMs !== before.mtimeMs || image.length !== before.size) {
      throw new DiskCacheError('BUSY', `${path} was changed while it was read; try again`);
    }
    return withoutWal(image);
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

/** Guesses the owner of a database: table definitions are plain text on the first pages. */
function describeContents(bytes: Buffer): string {
  const found = bytes.toString('latin1').matchAll(/CREATE TABLE (?:IF NOT EXISTS )?["'`[]?(\w+)/g);
  const tables = new Set(Array.from(found, ([, name]) => name));
  if (tables.has('Settings') && tables.has('Cache')) return 'it seems to belong to Python DiskCache';
  return tables.size === 0
    ? 'it is an SQLite database of another program'
    : `it holds the tables ${[...tables].sort().join(', ')}`;
}
