import { dirname } from 'node:path';
import {
  needsRecovery,
  type RecoverableStore,
  readForReader,
  recoverJournal,
  replayForReader,
} from '../journal/recovery.ts';
import type { Connection } from '../sqlite/connection.ts';
import { copyToMemory, type DatabaseOptions, openDatabase } from '../sqlite/open-database.ts';
import { createStatements } from '../sqlite/statements.ts';

/**
 * Opens the database of a directory with what its write journal holds. A reader applies that to a copy in memory.
 *
 * @throws {DiskCacheError} as `openDatabase`, `recoverJournal` and `readForReader`; `TOO_LARGE` if such a copy is too large.
 */
export function openRecovered(directory: string, options: DatabaseOptions, hasInsertIds: boolean): RecoverableStore {
  const connection = openDatabase(directory, options);
  try {
    const store = toStore(connection, dirname(connection.path), hasInsertIds);
    if (!needsRecovery(store)) return store;
    if (options.readOnly) return openReader(store, options, hasInsertIds);
    recoverJournal(store);
    return store;
  } catch (error) {
    connection.close();
    throw error;
  }
}

const toStore = (connection: Connection, directory: string, hasInsertIds: boolean): RecoverableStore => ({
  directory,
  connection,
  sql: createStatements(connection, hasInsertIds),
});

/** In a read transaction: another process may recover the store at any moment, which has to be seen as a whole or not at all. */
function openReader(store: RecoverableStore, options: DatabaseOptions, hasInsertIds: boolean): RecoverableStore {
  const { connection, directory } = store;
  connection.execute('BEGIN');
  let copy: RecoverableStore;
  try {
    const contents = readForReader(store);
    if (contents === undefined) return store;
    copy = toStore(copyToMemory(connection, options), directory, hasInsertIds);
    replayForReader(copy, contents);
  } finally {
    if (connection.inTransaction) connection.execute('ROLLBACK');
  }
  connection.close();
  return copy;
}
