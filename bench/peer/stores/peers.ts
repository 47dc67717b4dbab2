import { DESKCACHE, DESKCACHE_BEFORE, DESKCACHE_EXCLUSIVE, DESKCACHE_EXCLUSIVE_BEFORE } from './deskcache.ts';
import { CACACHE_PEER, CONF_PEER } from './files.ts';
import { KEYV_PEER } from './keyv.ts';
import { LEVEL_PEER } from './level.ts';
import { LMDB_PEER, LMDB_WITH_CACHE_PEER } from './lmdb.ts';
import { FLOOR, NODE_SQLITE_PEER, ROWID_FLOOR } from './sqlite.ts';
import type { Peer } from './store.ts';

const OWN: readonly Peer[] = [DESKCACHE, DESKCACHE_EXCLUSIVE, DESKCACHE_BEFORE, DESKCACHE_EXCLUSIVE_BEFORE];

/** Stores that an application would compare with, in the order of the tables. */
export const ALL_PEERS: readonly Peer[] = [
  ...OWN,
  FLOOR,
  NODE_SQLITE_PEER,
  LMDB_PEER,
  LEVEL_PEER,
  KEYV_PEER,
  CACACHE_PEER,
  CONF_PEER,
];

/** The same, and the store that keeps decoded values in memory as ours does. */
export const READING_PEERS: readonly Peer[] = ALL_PEERS.flatMap((peer) =>
  peer === LMDB_PEER ? [peer, LMDB_WITH_CACHE_PEER] : [peer],
);

/** Those that bear hundreds of thousands of operations or large values, and the table that SQLite has for those. */
export const FAST_PEERS: readonly Peer[] = [...OWN, FLOOR, ROWID_FLOOR, NODE_SQLITE_PEER, LMDB_PEER, LEVEL_PEER];

/** Those that are grown to millions of items. */
export const GROWING_PEERS: readonly Peer[] = [
  DESKCACHE,
  DESKCACHE_EXCLUSIVE,
  FLOOR,
  NODE_SQLITE_PEER,
  LMDB_PEER,
  LEVEL_PEER,
];
