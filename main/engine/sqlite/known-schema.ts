import { DiskCacheError } from '../../../protocol/error.ts';
import { FORMER_TRIGGERS, KNOWN_TRIGGERS } from './change-log.ts';
import { Connection } from './connection.ts';
import { CREATE_TAG_INDEX, createOrderIndex, KEY_INDEX, migrationsFrom, ORDER_INDEXES } from './schema.ts';

/*
 * What may stand in the schema of a store. Who can write a database file can plant views, triggers, generated columns, CHECK
 * constraints or indexes on expressions in it, and every statement of ours would run them. So the schema is compared with
 * what deskcache itself writes, word for word, before any table is touched.
 */

type SchemaRow = [type: string, name: string, table: string, sql: string | null];
const READ_SCHEMA = 'SELECT type, name, tbl_name, sql FROM sqlite_schema';

interface KnownSchema {
  /** Each object of a schema, as one text. */
  readonly known: ReadonlySet<string>;
  readonly required: ReadonlySet<string>;
}

const byVersion = new Map<number, KnownSchema>();

/** One that SQLite has made itself has no text. */
const describe = ([type, name, table, sql]: SchemaRow): string => JSON.stringify([type, name, table, sql]);

/** Made by SQLite from the statements that make a store, so that a new migration step is known without being listed here. */
function getKnownSchema(version: number): KnownSchema {
  const found = byVersion.get(version);
  if (found !== undefined) return found;
  const model = new Connection(':memory:', { readOnly: false, timeout: 0 });
  try {
    const read = (): SchemaRow[] => model.prepare<[], SchemaRow>(READ_SCHEMA).all();
    for (const step of migrationsFrom(0, version)) model.execute(step);
    const required = new Set(
      read()
        .filter(([, name]) => name !== KEY_INDEX)
        .map(describe),
    );
    const orders = Object.entries(ORDER_INDEXES).map(([name, order]) => createOrderIndex(name, order));
    for (const text of [CREATE_TAG_INDEX, ...orders, ...KNOWN_TRIGGERS]) model.execute(text);
    const known = new Set([...required, ...read().map(describe)]);
    for (const [name, sql] of Object.entries(FORMER_TRIGGERS)) known.add(describe(['trigger', name, 'entry', sql]));
    const schema = { known, required };
    byVersion.set(version, schema);
    return schema;
  } finally {
    model.close();
  }
}

/**
 * Compares the schema of a database with that of a format version.
 *
 * @throws {DiskCacheError} `CORRUPT` naming what is there and should not be, or is not there.
 */
export function assertKnownSchema(connection: Connection, version: number): void {
  const { known, required } = getKnownSchema(version);
  const missing = new Set(required);
  let stranger: SchemaRow | undefined;
  connection.prepare<[], SchemaRow>(READ_SCHEMA).each((row) => {
    const text = describe(row);
    missing.delete(text);
    if (!known.has(text)) stranger = row;
    return stranger === undefined;
  });
  const advice = 'it was changed by another program or damaged; restore it, or delete the directory';
  if (stranger !== undefined) {
    throw new DiskCacheError(
      'CORRUPT',
      `${connection.path} has a ${stranger[0]} ${JSON.stringify(stranger[1].slice(0, 64))} that deskcache has not made: ${advice}`,
    );
  }
  const [first] = missing;
  if (first === undefined) return;
  const [type, name] = JSON.parse(first) as SchemaRow;
  throw new DiskCacheError('CORRUPT', `${connection.path} lacks its ${type} ${name}: ${advice}`);
}
