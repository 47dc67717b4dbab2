import { join } from 'node:path';
import { AWAITS, type ItemForm, loadPackage, type Peer, type PeerOptions } from './store.ts';

export const LMDB = 'LMDB';
const LMDB_WITH_CACHE = 'LMDB, with its cache';

const ENCODINGS = { text: 'string', bytes: 'binary', object: 'msgpack' } as const satisfies Record<ItemForm, string>;

async function open(directory: string, { durability, form }: PeerOptions, cache: boolean) {
  const lmdb = await loadPackage<typeof import('lmdb')>('lmdb');
  const database = lmdb.open<unknown, string>({
    path: join(directory, 'peer.mdb'),
    encoding: ENCODINGS[form],
    cache,
    noSync: durability === 'process',
    overlappingSync: false,
  });
  return {
    awaits: AWAITS.SYNCHRONOUS,
    get: (key: string) => database.get(key),
    set: (key: string, value: unknown) => database.putSync(key, value),
    delete: (key: string) => database.removeSync(key),
    setMany: (entries: readonly (readonly [string, unknown])[]) =>
      database.transactionSync(() => {
        for (const [key, value] of entries) database.putSync(key, value);
      }),
    close: () => database.close(),
  };
}

const createPeer = (name: string, cache: boolean): Peer => ({
  name,
  settings: {
    process: 'putSync, noSync: after a power cut the file may be unreadable, not only older',
    power: 'putSync, each commit synced (overlappingSync off)',
  },
  forms: ['text', 'bytes', 'object'],
  open: (directory, options) => open(directory, options, cache && options.remember),
});

export const LMDB_PEER = createPeer(LMDB, false);
export const LMDB_WITH_CACHE_PEER = createPeer(LMDB_WITH_CACHE, true);
