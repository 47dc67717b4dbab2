import type { Finding } from '../../../protocol/results.ts';
import { afterWrite } from '../cache/transaction.ts';
import { checkpoint } from '../space/maintenance.ts';
import { assertDatabaseInPlace, recordFormat, recordOpenedFiles } from '../space/store-files.ts';
import type { Connection } from '../sqlite/connection.ts';
import { unlessCorrupt } from '../sqlite/errors.ts';
import { CREATE_TAG_INDEX, startLog } from '../sqlite/file-format.ts';
import { Replacement } from '../sqlite/replacement.ts';
import type { Core } from '../state/core.ts';
import { SETTING_NAMES, toSettingColumn } from '../state/settings.ts';
import { copyItems } from './copy-items.ts';
import {
  areSettingsLost,
  getRevision,
  readSkippingDamage,
  readSmallTables,
  SMALL_TABLES,
  type SmallTable,
  toInsertSmallRow,
} from './damaged-tables.ts';

/**
 * Rebuilds the database of a store from its undamaged items. Returns findings about the others. For every process that has the store
 * open, it is one transaction. Needs twice the size of the database as free space. O(bytes).
 *
 * @throws {DiskCacheError} `BUSY`, `DISK_FULL`, `READ_ONLY`; nothing is changed then.
 */
export function recoverDatabase(core: Core): Finding[] {
  const findings: Finding[] = [];
  replaceDatabase(core, true, (fresh) => copyItems(core, fresh, findings));
  return findings;
}

/** Replaces the damaged database by an empty one. Returns how many live items could still be read. */
export function resetDatabase(core: Core): number {
  let items = 0;
  const now = core.clock();
  replaceDatabase(core, false, () => {
    readSkippingDamage(core.connection, ['expires_at'], {
      take: ([, expiresAt]) => {
        if (typeof expiresAt !== 'number' || now < expiresAt) items++;
      },
    });
  });
  return items;
}

function replaceDatabase(core: Core, keepsItems: boolean, fill: (fresh: Replacement) => void): void {
  const replace = () => replaceContent(core, fill);
  if (core.journal === undefined) replace();
  else core.journal.replaceDatabase(keepsItems, replace);
}

function replaceContent(core: Core, fill: (fresh: Replacement) => void): void {
  const { connection, directory, pageSize } = core;
  // The replacement finds the database by its path.
  assertDatabaseInPlace(core);
  withSharedLock(core, () => {
    const fresh = new Replacement(connection, directory, pageSize, core.sealing !== undefined);
    try {
      if (core.kind === 'deque') fresh.execute('DROP INDEX entry_key');
      copySmallTables(core, fresh);
      fill(fresh);
      if (core.settings.tagIndex) fresh.execute(CREATE_TAG_INDEX);
      fresh.execute(
        "UPDATE counter SET value = (SELECT coalesce(sum(size), 0) FROM entry WHERE file IS NOT NULL) WHERE name = 'file bytes'",
      );
      copyListeners(core, fresh);
      fresh.commit();
    } finally {
      fresh.close();
    }
  });
  core.openedFiles = recordOpenedFiles(core.connection.path);
  recordFormat(core);
  core.rowStats.invalidate();
  core.memoryCache.clear();
  core.accessBuffer.clear();
  checkpoint(core);
  afterWrite(core);
}

/** Lets an exclusive connection share its lock while `work` runs, because the backup uses another connection. */
function withSharedLock({ connection, openOptions }: Core, work: () => void): void {
  if (!openOptions.exclusive) {
    work();
    return;
  }
  setLockingMode(connection, 'NORMAL');
  try {
    work();
  } finally {
    setLockingMode(connection, 'EXCLUSIVE');
  }
}

/** Closes the log and opens it again, because an open log can't change between private and shared memory. */
function setLockingMode(connection: Connection, mode: 'NORMAL' | 'EXCLUSIVE'): void {
  connection.pragma('journal_mode = DELETE');
  connection.pragma(`locking_mode = ${mode}`);
  connection.execute('SELECT 1 FROM sqlite_schema');
  connection.pragma('journal_mode = WAL');
}

/** Settings that can't be read are written as they are in force here. */
function copySmallTables(core: Core, fresh: Replacement): void {
  const { rows, areSettingsWhole } = readSmallTables(core.connection);
  for (const table of Object.keys(SMALL_TABLES) as SmallTable[]) {
    const insert = fresh.statement(toInsertSmallRow(table));
    for (const row of rows[table]) insert(...row);
  }
  if (!areSettingsWhole || areSettingsLost(rows.setting, core.settingsRevision)) {
    const keep = fresh.statement('INSERT OR IGNORE INTO setting VALUES (?, ?)');
    for (const name of SETTING_NAMES) keep(name, toSettingColumn(core.settings[name]));
    for (const [name, value] of core.metadata) keep(name, value);
    if (core.kind !== 'cache') keep('kind', core.kind);
  }
  // Others who have the store open look at the settings again, where there are any.
  const latest = Math.max(getRevision(rows) ?? 0, core.settingsRevision);
  if (latest > 0) fresh.statement("UPDATE counter SET value = ? WHERE name = 'settings'")(latest + 1);
}

/** Keeps listeners subscribed, and tells them that anything may have changed. */
function copyListeners({ connection }: Core, fresh: Replacement): void {
  const last = unlessCorrupt(() => connection.prepare<[], [number | null]>('SELECT max(id) FROM change').first());
  // If the last number is unknown, use a larger one: there are fewer changes than milliseconds since 1970.
  const next = last === undefined ? "CAST(unixepoch('subsec') * 1000 AS INTEGER)" : String((last[0] ?? 0) + 1);
  fresh.execute(`INSERT INTO change (id, kind) VALUES (${next}, 'clear')`);
  if (fresh.statement('UPDATE listener SET until = until')() > 0) startLog(fresh);
}
