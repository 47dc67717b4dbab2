import { join } from 'node:path';
import { BASELINE } from '../../harness/benchmark.ts';
import { Baseline, TABLES, type TableName } from '../baseline.ts';
import { AWAITS, type ItemForm, loadPackage, type Peer, type PeerOptions, type PeerStore } from './store.ts';

const ROWID_BASELINE = `${BASELINE}, rowid`;
export const NODE_SQLITE = 'node:sqlite';

/** SQLite has no objects: an application writes them as JSON. */
const toColumn = (form: ItemForm): ((value: unknown) => string | Uint8Array) =>
  form === 'object' ? (value) => JSON.stringify(value) : (value) => value as string | Uint8Array;
const fromColumn = (form: ItemForm): ((column: unknown) => unknown) =>
  form === 'object'
    ? (column) => (column === undefined ? undefined : JSON.parse(column as string))
    : (column) => column;

const SETTINGS = { process: 'WAL, synchronous = NORMAL', power: 'WAL, synchronous = FULL' } as const;
const FORMS = ['text', 'bytes', 'object'] as const;

function openBaseline(directory: string, table: TableName, { durability, form }: PeerOptions): PeerStore {
  const floor = new Baseline(directory, { durability, table });
  const [encode, decode] = [toColumn(form), fromColumn(form)];
  return {
    awaits: AWAITS.SYNCHRONOUS,
    get: (key) => decode(floor.get(key)),
    set: (key, value) => floor.set(key, encode(value)),
    delete: (key) => floor.delete(key),
    setMany: (entries) =>
      floor.transact(() => {
        for (const [key, value] of entries) floor.set(key, encode(value));
      }),
    close: () => floor[Symbol.dispose](),
  };
}

const createBaseline = (name: string, table: TableName): Peer => ({
  name,
  settings: SETTINGS,
  forms: FORMS,
  open: async (directory, options) => openBaseline(directory, table, options),
});

/** The table that is best for small values. */
export const FLOOR = createBaseline(BASELINE, 'clustered');
/** The table that is best from 1 KB on: index pages of the other one overflow. */
export const ROWID_FLOOR = createBaseline(ROWID_BASELINE, 'rowid');

export const NODE_SQLITE_PEER: Peer = {
  name: NODE_SQLITE,
  settings: SETTINGS,
  forms: FORMS,
  async open(directory, { durability, form }) {
    const { DatabaseSync } = await loadPackage<typeof import('node:sqlite')>('node:sqlite');
    const database = new DatabaseSync(join(directory, 'peer.db'));
    database.exec(`PRAGMA journal_mode = WAL; PRAGMA synchronous = ${durability === 'power' ? 'FULL' : 'NORMAL'}`);
    database.exec(TABLES.clustered);
    const read = database.prepare('SELECT v FROM t WHERE k = ?');
    const write = database.prepare('INSERT INTO t VALUES (?, ?) ON CONFLICT (k) DO UPDATE SET v = excluded.v');
    const remove = database.prepare('DELETE FROM t WHERE k = ?');
    const [encode, decode] = [toColumn(form), fromColumn(form)];
    return {
      awaits: AWAITS.SYNCHRONOUS,
      get: (key) => decode(read.get(key)?.['v']),
      set: (key, value) => write.run(key, encode(value)),
      delete: (key) => remove.run(key),
      setMany(entries) {
        database.exec('BEGIN IMMEDIATE');
        for (const [key, value] of entries) write.run(key, encode(value));
        database.exec('COMMIT');
      },
      close: () => database.close(),
    };
  },
};
