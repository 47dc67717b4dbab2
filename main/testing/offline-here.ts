import { join } from 'node:path';
import { DiskCacheError } from '../../protocol/error.ts';
import type { Backing } from '../bridge/offline/backing.ts';
import { Cache } from '../engine/index.ts';
import { CacheStorage, Offline, type OfflineOptions } from '../offline/index.ts';

/** As `host.offline(session, …)`, without a session: the way to the network is `fetch`. */
export interface TestOfflineOptions extends Omit<OfflineOptions, 'cache' | 'shared' | 'unseen' | 'clock'> {}

/** What answers pages about HTTP: their CacheStorage, and `diskCache.fetch` where a test has given a network. */
export class OfflineHere implements Backing {
  readonly #directory: string;
  readonly #options: TestOfflineOptions | undefined;
  readonly #caches: CacheStorage;
  readonly #stores: Cache[] = [];
  #answering: Offline | undefined;

  constructor(directory: string, options: TestOfflineOptions | undefined) {
    this.#directory = directory;
    this.#options = options;
    const cache = this.#openStore('_caches', 'none');
    try {
      const fetch = options?.fetch ?? (() => Promise.reject(new TypeError(NO_NETWORK)));
      this.#caches = new CacheStorage({ cache, fetch });
    } catch (error) {
      cache.close();
      throw error;
    }
  }

  readonly caches = (): CacheStorage => this.#caches;

  offline(scheme?: string): Offline {
    if (this.#options === undefined) throw new DiskCacheError('NOT_ALLOWED', NO_NETWORK);
    if (scheme !== undefined && scheme !== 'http:' && scheme !== 'https:') {
      throw new DiskCacheError(
        'NOT_ALLOWED',
        `${scheme} is no scheme that a test host answers; there are http and https`,
      );
    }
    this.#answering ??= new Offline({
      ...this.#options,
      cache: this.#openStore('_responses', 'least-recently-used'),
      unseen: ['cookie'],
    });
    return this.#answering;
  }

  close(): void {
    for (const store of this.#stores) store.close();
  }

  #openStore(folder: string, evictionPolicy: 'none' | 'least-recently-used'): Cache {
    const store = new Cache(join(this.#directory, folder), { evictionPolicy });
    this.#stores.push(store);
    return store;
  }
}

const NO_NETWORK = 'This test host has no network; give one: testHost({ stores, offline: { fetch } })';
