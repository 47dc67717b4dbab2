import type { KeyColumn } from '../values/key.ts';
import type { Statement } from './connection.ts';
import { ENTRY_COLUMNS, type EntryRow, IS_LIVE_SQL, type Statements } from './statements.ts';

/** A row of any store, with all that an export says of it. `queue` is the encoded prefix of the queue that it was pushed to. */
export type ExportRow = [...EntryRow, key: KeyColumn, queue: KeyColumn];

const SELECT_SQL = `SELECT ${ENTRY_COLUMNS}, key, queue FROM entry`;

/** Live rows behind an id, in stored order; those of a deque are in the order of its values. */
export const rowsAfter = (sql: Statements): Statement<[id: number, now: number], ExportRow> =>
  sql.dynamic<ExportRow>(`${SELECT_SQL} WHERE id > ? AND ${IS_LIVE_SQL} ORDER BY id`) as never;

export const liveRow = (sql: Statements): Statement<[id: number, now: number], ExportRow> =>
  sql.dynamic<ExportRow>(`${SELECT_SQL} WHERE id = ? AND ${IS_LIVE_SQL}`) as never;
