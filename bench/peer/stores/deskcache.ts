import { pathToFileURL } from 'node:url';
import { Cache } from '../../../main/engine/index.ts';
import type { CacheOptions } from '../../../protocol/options.ts';
import { OURS } from '../../harness/benchmark.ts';
import { AWAITS, loadPackage, type Peer, PeerMissingError, type PeerStore } from './store.ts';

export const EXCLUSIVE = `${OURS}, exclusive`;
export const BEFORE = `${OURS} before`;
export const EXCLUSIVE_BEFORE = `${OURS} before, exclusive`;

/** Path of the `dist/engine.js` of an earlier build, to be measured beside the present source. */
const BEFORE_VARIABLE = 'DESKCACHE_BENCH_BEFORE';

const FORMS = ['text', 'bytes', 'object'] as const;
const SETTINGS = { process: "durability: 'process'", power: "durability: 'power'" } as const;

function openCache(Store: typeof Cache, directory: string, options: CacheOptions): PeerStore {
  const cache = new Store<string, unknown>(directory, options);
  return {
    awaits: AWAITS.SYNCHRONOUS,
    get: (key) => cache.get(key),
    set: (key, value) => cache.set(key, value),
    delete: (key) => cache.delete(key),
    setMany: (entries) => cache.setMany(entries),
    close: () => cache.close(),
  };
}

async function loadEarlierCache(): Promise<typeof Cache> {
  const path = process.env[BEFORE_VARIABLE];
  if (!path) throw new PeerMissingError(`not here: ${BEFORE_VARIABLE} names no dist/engine.js of an earlier build`);
  return (await loadPackage<{ readonly Cache: typeof Cache }>(pathToFileURL(path).href)).Cache;
}

const createPeer = (name: string, exclusive: boolean, load: () => Promise<typeof Cache>): Peer => ({
  name,
  settings: SETTINGS,
  forms: FORMS,
  open: async (directory, { durability, remember }) =>
    openCache(await load(), directory, { durability, exclusive, ...(remember ? {} : { memory: 0 }) }),
});

export const DESKCACHE = createPeer(OURS, false, async () => Cache);
export const DESKCACHE_EXCLUSIVE = createPeer(EXCLUSIVE, true, async () => Cache);
export const DESKCACHE_BEFORE = createPeer(BEFORE, false, loadEarlierCache);
export const DESKCACHE_EXCLUSIVE_BEFORE = createPeer(EXCLUSIVE_BEFORE, true, loadEarlierCache);
