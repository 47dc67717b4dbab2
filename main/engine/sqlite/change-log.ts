import type { Connection } from './connection.ts';

/*
 * The change log exists while somebody listens, in whichever process: triggers write one row per change, and cost nobody
 * anything once the last listener is gone. A trigger can't know why a row is deleted; it asks a function that every
 * connection of ours defines.
 */

/** The name under which a connection tells why it deletes. */
export const CAUSE_FUNCTION = 'deskcache_cause';

/** So many changes are kept; a listener further behind is told that anything may have changed. */
const KEPT = 65_536;

const log = (kind: string, key: string): string =>
  `INSERT INTO change (kind, key) VALUES (${kind}, ${key}); DELETE FROM change WHERE id <= (SELECT max(id) FROM change) - ${KEPT};`;

const TRIGGERS: Readonly<Record<string, string>> = {
  change_insert: `AFTER INSERT ON entry BEGIN ${log("'set'", 'new.key')} END`,
  change_update: `AFTER UPDATE OF stored_at, expires_at ON entry BEGIN ${log("'set'", 'new.key')} END`,
  change_delete: `AFTER DELETE ON entry WHEN ${CAUSE_FUNCTION}() <> 'clear' BEGIN ${log(`${CAUSE_FUNCTION}()`, 'old.key')} END`,
};

/** Inside a write transaction. */
export function startLog(connection: Pick<Connection, 'execute'>): void {
  for (const [name, text] of Object.entries(TRIGGERS))
    connection.execute(`CREATE TRIGGER IF NOT EXISTS ${name} ${text}`);
}

/** Inside a write transaction. */
export function stopLog(connection: Connection): void {
  for (const name of Object.keys(TRIGGERS)) connection.execute(`DROP TRIGGER IF EXISTS ${name}`);
  connection.execute('DELETE FROM change');
}
