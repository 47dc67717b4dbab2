import { randomBytes } from 'node:crypto';
import { renameSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { DiskCacheError } from '../../../protocol/error.ts';
import type { Connection } from '../sqlite/connection.ts';
import { parseUserVersion, toUserVersion } from '../sqlite/file-format.ts';
import type { Statements } from '../sqlite/statements.ts';
import type { EncryptionOptions } from '../state/settings.ts';
import { isTemporary } from '../temporary-directory.ts';
import { readSmallFile } from '../values/file-io.ts';
import {
  isSignedBy,
  MAX_KEYS,
  MAX_RECORD_BYTES,
  parseRecord,
  RECORD_FILE,
  readStoredRecord,
  SEAL_SETTING,
  type SealRecord,
  STORE_ID_BYTES,
} from './seal-record.ts';
import { Sealing } from './sealing.ts';
import { StoreKey } from './store-key.ts';

/** A database that was just opened. */
interface OpenedStore {
  readonly connection: Connection;
  readonly sql: Statements;
  readonly directory: string;
  readonly readOnly: boolean;
}

/**
 * Returns how the store is sealed; undefined for one that isn't. A new or empty store is sealed with the key that was given, and the record of
 * a sealed one follows the keys that were given. Nothing is changed if it throws.
 *
 * @throws {DiskCacheError} `WRONG_KEY` for another key, or none; `BAD_OPTION` for a key to a store whose values aren't sealed; `CORRUPT` if the
 * record of the keys is damaged or lost.
 */
export function openSealing(store: OpenedStore, encryption: EncryptionOptions | undefined): Sealing | undefined {
  const stored = readStoredRecord(store.sql);
  const found = stored ?? readLostRecord(store);
  if (found === undefined && encryption === undefined) return undefined;
  if (encryption === undefined) {
    throw new DiskCacheError('WRONG_KEY', `${store.directory} is sealed; open it with its key as encryptionKey`);
  }
  const sealing = unlock(store, found, encryption);
  if (store.readOnly) return sealing;
  if (stored === undefined || !sealing.record.equals(stored)) return change(store, encryption);
  keepRecordFile(store.directory, stored);
  return sealing;
}

/** Under the write lock: another process may be doing the same. */
function change(store: OpenedStore, encryption: EncryptionOptions): Sealing {
  const { connection } = store;
  connection.setSynchronous('FULL');
  connection.execute('BEGIN IMMEDIATE');
  try {
    const sealing = unlock(store, readStoredRecord(store.sql) ?? readLostRecord(store), encryption);
    writeRecord(store, sealing);
    connection.execute('COMMIT');
    keepRecordFile(store.directory, sealing.record);
    return sealing;
  } catch (error) {
    if (connection.inTransaction) connection.execute('ROLLBACK');
    throw error;
  }
}

/** Writes how the store is sealed, and the mark that makes earlier versions refuse it. Inside a write transaction. */
export function writeRecord({ connection, sql }: Pick<OpenedStore, 'connection' | 'sql'>, { record }: Sealing): void {
  const { isJournaled } = parseUserVersion(Number(connection.pragma('user_version')));
  connection.pragma(`user_version = ${toUserVersion({ isJournaled, isSealed: true })}`);
  sql.upsertSetting.run(SEAL_SETTING, record);
}

/** Returns the bytes of the record of a store that has lost it; undefined for a store that isn't sealed. */
function readLostRecord({ connection, directory }: OpenedStore): Uint8Array | undefined {
  if (!parseUserVersion(Number(connection.pragma('user_version'))).isSealed) return undefined;
  const copy = readSmallFile(join(directory, RECORD_FILE), MAX_RECORD_BYTES);
  if (copy !== undefined) return copy;
  throw new DiskCacheError(
    'CORRUPT',
    `${directory} is sealed and has lost the record of its keys; restore it, or delete the directory`,
  );
}

/** Keeps a copy of the record outside of the database. Where that fails, the next opening tries again. */
export function keepRecordFile(directory: string, record: Uint8Array): void {
  const path = join(directory, RECORD_FILE);
  try {
    if (readSmallFile(path, MAX_RECORD_BYTES)?.equals(record)) return;
    writeFileSync(`${path}.new`, record, { mode: 0o600, flush: !isTemporary(path) });
    renameSync(`${path}.new`, path);
  } catch {
    rmSync(`${path}.new`, { force: true });
  }
}

/** Returns the state of a store with these keys. @throws as `openSealing` */
function unlock(store: OpenedStore, bytes: Uint8Array | undefined, encryption: EncryptionOptions): Sealing {
  if (bytes === undefined) return begin(store, encryption);
  const { directory } = store;
  const record = parseRecord(bytes);
  if (record === undefined) throw damagedRecordError(directory);
  const current = new StoreKey(encryption.key, record.storeId);
  const previous = encryption.previousKeys.map((key) => new StoreKey(key, record.storeId));
  const known = [current, ...previous].filter(({ id }) => record.keyIds.includes(id));
  if (known.length === 0) {
    throw new DiskCacheError(
      'WRONG_KEY',
      `${directory} is sealed with another key than encryptionKey; open it with that one. Nothing was changed`,
    );
  }
  if (known.some((key) => !isSignedBy(record, key))) throw damagedRecordError(directory);
  assertAllKnown(directory, record, known);
  const others = known.filter(({ id }) => id !== current.id);
  return new Sealing(record.storeId, current, others, record.acceptsPlain);
}

/** @throws {DiskCacheError} `WRONG_KEY` */
function assertAllKnown(directory: string, { keyIds }: SealRecord, known: readonly StoreKey[]): void {
  if (keyIds.every((id) => known.some((key) => key.id === id)) && known.length < MAX_KEYS) return;
  throw new DiskCacheError(
    'WRONG_KEY',
    `${directory} has values that are sealed with other keys; open it with those, too, as previousEncryptionKey`,
  );
}

const damagedRecordError = (directory: string): DiskCacheError =>
  new DiskCacheError(
    'CORRUPT',
    `${directory} is sealed and the record of its keys is damaged; restore it, or delete the directory`,
  );

/** A shard in use may be empty beside others that aren't: if it alone were sealed, it could not be opened together with them. */
const IS_IN_USE_SQL = `SELECT 1 FROM entry UNION ALL SELECT 1 FROM setting WHERE name = 'shard' LIMIT 1`;

/** Begins to seal a store. */
function begin({ sql, directory, readOnly }: OpenedStore, { key, sealsExisting }: EncryptionOptions): Sealing {
  const hasItems = sql.dynamic<[1]>(IS_IN_USE_SQL).first() !== undefined;
  if (readOnly || (hasItems && !sealsExisting)) {
    throw new DiskCacheError(
      'BAD_OPTION',
      `${directory} is not sealed; open it without encryptionKey, or for writing with encryptExisting: true to seal what is in it`,
    );
  }
  const storeId = randomBytes(STORE_ID_BYTES);
  return new Sealing(storeId, new StoreKey(key, storeId), [], hasItems);
}
