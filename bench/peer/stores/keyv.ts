import { registerHooks } from 'node:module';
import { join } from 'node:path';
import { AWAITS, loadPackage, type Peer } from './store.ts';

export const KEYV = 'Keyv on SQLite';

/** The part of its store that Keyv's own types don't show. */
interface SqliteStore {
  query(sql: string): Promise<unknown>;
}

interface Keyv {
  get(key: string): Promise<unknown>;
  set(key: string, value: unknown): Promise<unknown>;
  delete(key: string): Promise<boolean>;
  setMany(entries: readonly { readonly key: string; readonly value: unknown }[]): Promise<unknown>;
  disconnect(): Promise<void>;
}

interface Packages {
  readonly Keyv: new (options: { readonly store: SqliteStore }) => Keyv;
  readonly Store: new (options: { readonly uri: string; readonly wal: boolean }) => SqliteStore;
}

/** `@keyv/sqlite` without a native build from GitHub is one for Keyv 6, which is called `keyv-6` here beside the 5 of the adapter. */
async function loadPackages(): Promise<Packages> {
  const hooks = registerHooks({
    resolve: (specifier, context, next) =>
      specifier === 'keyv' && context.parentURL?.includes('/@keyv/sqlite/') === true
        ? next('keyv-6', { ...context, parentURL: import.meta.url })
        : next(specifier, context),
  });
  try {
    const { Keyv } = await loadPackage<Pick<Packages, 'Keyv'>>('keyv-6');
    const { default: Store } = await loadPackage<{ readonly default: Packages['Store'] }>('@keyv/sqlite');
    return { Keyv, Store };
  } finally {
    hooks.deregister();
  }
}

export const KEYV_PEER: Peer = {
  name: KEYV,
  settings: { process: 'node:sqlite below it, WAL, synchronous = NORMAL', power: 'WAL, synchronous = FULL' },
  share: 0.05,
  forms: ['text', 'object'],
  async open(directory, { durability }) {
    const { Keyv, Store } = await loadPackages();
    const store = new Store({ uri: `sqlite://${join(directory, 'peer.sqlite')}`, wal: true });
    await store.query(`PRAGMA synchronous = ${durability === 'power' ? 'FULL' : 'NORMAL'}`);
    const keyv = new Keyv({ store });
    return {
      awaits: AWAITS.ASYNCHRONOUS,
      get: (key) => keyv.get(key),
      set: (key, value) => keyv.set(key, value),
      delete: (key) => keyv.delete(key),
      setMany: (entries) => keyv.setMany(entries.map(([key, value]) => ({ key, value }))),
      close: () => keyv.disconnect(),
    };
  },
};
