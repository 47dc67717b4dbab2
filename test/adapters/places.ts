import { type TestHost, testHost } from '../../main/testing/index.ts';
import { cache, defineStores, fanout, index } from '../../protocol/stores.ts';

const stores = defineStores({ kv: cache(), shards: fanout({ shards: 2 }), entries: index() });

export type AdapterTestHost = TestHost<typeof stores>;

export const openHost = (): Promise<AdapterTestHost> => testHost({ stores });

/** Opening stores takes longer than most tests of adapters. */
export function clearStores({ host: { stores } }: AdapterTestHost): void {
  for (const store of Object.values(stores)) store.clear();
}

/** Every place and kind that an adapter for caches works on. Another call gives another page. */
export const CACHES = {
  'a cache in main': (t: AdapterTestHost) => t.host.stores.kv,
  'a cache in a page': (t: AdapterTestHost) => t.page().cache('kv'),
  'a fanout in main': (t: AdapterTestHost) => t.host.stores.shards,
  'a fanout in a page': (t: AdapterTestHost) => t.page().cache('shards'),
};

/** Every place that an adapter of single values works on; to it a fanout is a cache. */
export const STORES = {
  'a cache in main': CACHES['a cache in main'],
  'a cache in a page': CACHES['a cache in a page'],
  'an index in main': (t: AdapterTestHost) => t.host.stores.entries,
  'an index in a page': (t: AdapterTestHost) => t.page().index('entries'),
};
