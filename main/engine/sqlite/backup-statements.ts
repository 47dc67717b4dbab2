import type { Statements } from './statements.ts';

/** On disk, in the table `counter`: begins the name under which a backup says until when it needs replaced files, epoch milliseconds. */
export const HOLD_PREFIX = 'backup ';
const IS_HOLD = `name > '${HOLD_PREFIX}' AND name < 'backup!'`;

/**
 * Whether a backup of this store is under way in any process. While it is, no value file is removed: the copy of the database may name it.
 * O(log n).
 */
export const isBeingBackedUp = (sql: Statements, now: number): boolean =>
  sql.dynamic<[1]>(`SELECT 1 FROM counter WHERE ${IS_HOLD} AND value > ? LIMIT 1`).first(now) !== undefined;

export const listHolds = (sql: Statements): [name: string, until: number][] =>
  sql.dynamic<[string, number]>(`SELECT name, value FROM counter WHERE ${IS_HOLD}`).all();

export const putHold = (sql: Statements, name: string, until: number): void =>
  void sql.dynamic('INSERT OR REPLACE INTO counter VALUES (?, ?)').run(name, until);

export const deleteHold = (sql: Statements, name: string): void =>
  void sql.dynamic('DELETE FROM counter WHERE name = ?').run(name);
