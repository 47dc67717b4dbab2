import type { Connection, Statement } from './connection.ts';

/*
 * The change log exists while somebody listens, in whichever process: triggers write one row per change, and cost nobody
 * anything once the last listener is gone. They call no function, for a trigger may have been planted and is trusted with
 * none (`trusted_schema`): a deletion is logged as such, and the writer corrects the row where it deleted for another reason.
 */

/** So many changes are kept; a listener further behind is told that anything may have changed. */
const KEPT = 65_536;

const log = (kind: string, key: string): string =>
  `INSERT INTO change (kind, key) VALUES (${kind}, ${key}); DELETE FROM change WHERE id <= (SELECT max(id) FROM change) - ${KEPT};`;

const ON_DELETE = 'change_delete';

const TRIGGERS: Readonly<Record<string, string>> = {
  change_insert: `AFTER INSERT ON entry BEGIN ${log("'set'", 'new.key')} END`,
  change_update: `AFTER UPDATE OF stored_at, expires_at ON entry BEGIN ${log("'set'", 'new.key')} END`,
  [ON_DELETE]: `AFTER DELETE ON entry BEGIN ${log("'delete'", 'old.key')} END`,
};

/** An earlier form: it asked the connection why it deletes. On disk. */
const FORMER_ON_DELETE = `CREATE TRIGGER ${ON_DELETE} AFTER DELETE ON entry WHEN deskcache_cause() <> 'clear' BEGIN ${log('deskcache_cause()', 'old.key')} END`;

const create = (name: string): string => `CREATE TRIGGER IF NOT EXISTS ${name} ${TRIGGERS[name]}`;

/** Every statement whose trigger may stand in a database. */
export const KNOWN_TRIGGERS: readonly string[] = Object.keys(TRIGGERS).map(create);
export const FORMER_TRIGGERS: Readonly<Record<string, string>> = { [ON_DELETE]: FORMER_ON_DELETE };

/** Inside a write transaction. */
export function startLog(connection: Pick<Connection, 'execute'>): void {
  for (const name of Object.keys(TRIGGERS)) connection.execute(create(name));
}

/** Inside a write transaction. */
export function stopLog(connection: Connection): void {
  for (const name of Object.keys(TRIGGERS)) connection.execute(`DROP TRIGGER IF EXISTS ${name}`);
  connection.execute('DELETE FROM change');
}

/** Runs `work`, which deletes rows that are not to be logged one by one. Inside a write transaction, while the log is on. */
export function withoutDeletions(connection: Connection, work: () => void): void {
  connection.execute(`DROP TRIGGER IF EXISTS ${ON_DELETE}`);
  work();
  connection.execute(create(ON_DELETE));
}

/** Whether the log is that of an earlier deskcache, which this one can't write to. */
export function hasFormerLog(connection: Connection): boolean {
  const trigger: Statement<[string], [string]> = connection.prepare('SELECT sql FROM sqlite_schema WHERE name = ?');
  return trigger.first(ON_DELETE)?.[0] === FORMER_ON_DELETE;
}

/** Takes over the log of an earlier deskcache. Inside a write transaction. */
export function renewLog(connection: Connection): void {
  connection.execute(`DROP TRIGGER IF EXISTS ${ON_DELETE}`);
  connection.execute(create(ON_DELETE));
}
