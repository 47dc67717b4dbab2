import type { Finding } from '../../../protocol/check.ts';
import type { Core } from '../cache/core.ts';
import { SETTING_NAMES, settingColumn } from '../cache/settings.ts';
import { assertInPlace, Standing } from '../cache/standing.ts';
import { afterWrite, emptyLog } from '../cache/upkeep.ts';
import { unlessCorrupt } from '../damage.ts';
import { startLog } from '../sqlite/change-log.ts';
import type { Connection } from '../sqlite/connection.ts';
import { Replacement } from '../sqlite/replacement.ts';
import { CREATE_TAG_INDEX } from '../sqlite/schema.ts';
import { copyItems, slots } from './copy-items.ts';
import { readAround, readSmall } from './read-around.ts';

const SMALL_TABLES = {
  counter: ['name', 'value'],
  lease: ['name', 'holder', 'pid', 'until'],
  listener: ['id', 'until'],
} as const;

/**
 * Rebuilds the database of a store from the items that can be read and are whole, and returns findings about the others. For every
 * process that has the store open it is one transaction. Needs as much space again, twice. O(bytes).
 *
 * @throws {DiskCacheError} `BUSY`, `DISK_FULL`, `READ_ONLY`: nothing was changed.
 */
export function salvage(core: Core): Finding[] {
  const findings: Finding[] = [];
  replaceDatabase(core, (fresh) => copyItems(core, fresh, findings));
  return findings;
}

/** Puts an empty database in the place of the damaged one. Returns how many of its items could still be read. */
export function startAfresh(core: Core): number {
  let items = 0;
  const now = core.clock();
  replaceDatabase(core, () => {
    readAround(core.connection, ['expires_at'], ([, expiresAt]) => {
      if (typeof expiresAt !== 'number' || now < expiresAt) items++;
    });
  });
  return items;
}

function replaceDatabase(core: Core, fill: (fresh: Replacement) => void): void {
  const { connection, directory, pageSize } = core;
  // The fresh one is put in its place by path.
  assertInPlace(core);
  shareLock(core, () => {
    const fresh = new Replacement(connection, directory, pageSize);
    try {
      if (core.kind === 'deque') fresh.execute('DROP INDEX entry_key');
      copySettings(core, fresh);
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
  core.standing = new Standing(core.connection.path);
  core.standing.noticeFormat(core);
  core.ledger.forget();
  core.memory.clear();
  core.uses.clear();
  emptyLog(core);
  afterWrite(core);
}

/** An exclusive connection would lock out the backup, which is a connection of its own: it shares the lock for that time. */
function shareLock({ connection, usage }: Core, work: () => void): void {
  if (!usage.exclusive) {
    work();
    return;
  }
  lockBy(connection, 'NORMAL');
  try {
    work();
  } finally {
    lockBy(connection, 'EXCLUSIVE');
  }
}

/** A log without shared memory can't get any, so it ends and begins again. */
function lockBy(connection: Connection, mode: 'NORMAL' | 'EXCLUSIVE'): void {
  connection.pragma('journal_mode = DELETE');
  connection.pragma(`locking_mode = ${mode}`);
  connection.execute('SELECT 1 FROM sqlite_schema');
  connection.pragma('journal_mode = WAL');
}

/** What can't be read of the settings is written as it is in force here. */
function copySettings(core: Core, fresh: Replacement): void {
  const keep = fresh.statement('INSERT OR IGNORE INTO setting VALUES (?, ?)');
  const isWhole = readSmall(core.connection, 'setting', ['name', 'value'], 'name', ([name, value]) => {
    keep(name ?? null, value ?? null);
  });
  if (!isWhole) {
    for (const name of SETTING_NAMES) keep(name, settingColumn(core.settings[name]));
    if (core.kind !== 'cache') keep('kind', core.kind);
  }
  for (const [table, columns] of Object.entries(SMALL_TABLES)) {
    const copy = fresh.statement(`INSERT OR REPLACE INTO ${table} VALUES (${slots(columns)})`);
    readSmall(core.connection, table, columns, columns[0], (row) => {
      copy(...row);
    });
  }
}

/** Who listens hears that anything may have changed, and goes on to hear what changes. */
function copyListeners({ connection }: Core, fresh: Replacement): void {
  const last = unlessCorrupt(() => connection.prepare<[], [number | null]>('SELECT max(id) FROM change').first());
  // An unknown last number is surpassed: there are fewer changes than milliseconds since 1970.
  const next = last === undefined ? "CAST(unixepoch('subsec') * 1000 AS INTEGER)" : String((last[0] ?? 0) + 1);
  fresh.execute(`INSERT INTO change (id, kind) VALUES (${next}, 'clear')`);
  if (fresh.statement('UPDATE listener SET until = until')() > 0) startLog(fresh);
}
