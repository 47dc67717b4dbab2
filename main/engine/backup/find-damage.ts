import { choosePageSize } from '../space/policy.ts';
import { isCorrupt } from '../sqlite/errors.ts';
import { APPLICATION_ID, SCHEMA_VERSION, toSchemaVersion } from '../sqlite/file-format.ts';
import { openDatabase } from '../sqlite/open-database.ts';
import { createStatements } from '../sqlite/statements.ts';
import { VALUES_FOLDER } from '../values/file-io.ts';
import { areStoredSettingsLost, findPageDamage } from './damaged-tables.ts';
import { DatabasePages } from './database-pages.ts';

/**
 * Whether SQLite finds a damaged page in the database of a store. O(bytes).
 *
 * @throws {DiskCacheError} what opening the store with `readOnly` throws, except `CORRUPT`.
 */
export function hasDamagedPages(directory: string): boolean {
  try {
    const options = { claim: VALUES_FOLDER, readOnly: true, exclusive: false, pageSize: choosePageSize(0), timeout: 0 };
    const connection = openDatabase(directory, options);
    try {
      const sql = createStatements(connection, false);
      return findPageDamage({ connection, sql }).length > 0 || areStoredSettingsLost(sql);
    } finally {
      connection.close();
    }
  } catch (error) {
    if (isCorrupt(error)) return true;
    throw error;
  }
}

/** Part of the first statement of the schema, which no other program writes. */
const SCHEMA_TEXT = 'CREATE TABLE entry (\n    id INTEGER PRIMARY KEY,\n    key BLOB NOT NULL,\n    expires_at REAL,';
/** Of the header: https://sqlite.org/fileformat2.html#the_database_header */
const APPLICATION_ID_AT = 68;
const USER_VERSION_AT = 60;
/** File format versions: 1 with a rollback journal, 2 with a log. */
const FORMAT_VERSIONS_AT = 18;
const MAX_FORMAT_VERSION = 2;

/**
 * Whether the schema of a database is that of a store, and its header says otherwise: another program's number, or a format that SQLite only
 * reads. The version isn't looked at, because a greater one may be that of a newer deskcache. Not for a store that is open in this process.
 */
export function hasDamagedHeader(directory: string): boolean {
  const pages = new DatabasePages(directory);
  try {
    const first = pages.read(1);
    if (first === undefined || !first.includes(SCHEMA_TEXT)) return false;
    if (toSchemaVersion(first.readUInt32BE(USER_VERSION_AT)) > SCHEMA_VERSION) return false;
    const isOurs = first.readUInt32BE(APPLICATION_ID_AT) === APPLICATION_ID;
    return (
      !isOurs || first[FORMAT_VERSIONS_AT]! > MAX_FORMAT_VERSION || first[FORMAT_VERSIONS_AT + 1]! > MAX_FORMAT_VERSION
    );
  } finally {
    pages.close();
  }
}
