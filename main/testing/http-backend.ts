import { join } from 'node:path';
import { DiskCacheError } from '../../protocol/error.ts';
import type { HttpBackend } from '../bridge/http/calls.ts';
import { Cache } from '../engine/index.ts';
import { CacheStorage, Offline, type OfflineOptions } from '../offline/index.ts';
import { OFFLINE_OPTIONS } from '../offline/offline.ts';
import { parseOptions } from '../offline/options.ts';

/** Like `host.offline(session, …)`, but without a session: the network is `fetch`. */
export interface TestOfflineOptions extends Omit<OfflineOptions, 'cache' | 'shared' | 'hiddenHeaders' | 'clock'> {}

const { cache: _, shared: __, hiddenHeaders: ___, clock: ____, ...OPTIONS } = OFFLINE_OPTIONS;

interface BackendSettings {
  readonly directory: string;
  readonly exclusive: boolean;
  readonly clock: () => number;
}

/** Serves HTTP calls of pages: their CacheStorage, and `diskCache.fetch` if the test passes a network. */
export class TestHttpBackend implements HttpBackend {
  readonly #settings: BackendSettings;
  readonly #fetch: NonNullable<TestOfflineOptions['fetch']>;
  #caches: CacheStorage | undefined;
  readonly #stores: Cache[] = [];
  readonly #handler: Offline | undefined;

  constructor(settings: BackendSettings, options: TestOfflineOptions | undefined) {
    this.#settings = settings;
    if (options !== undefined) parseOptions('testHost, offline', options, OPTIONS);
    this.#fetch = options?.fetch ?? (() => Promise.reject(new TypeError(NO_NETWORK)));
    try {
      this.#handler = options && this.#toAnswering(options);
    } catch (error) {
      this.close();
      throw error;
    }
  }

  /** Opened by the first use, which most tests don't have. */
  readonly caches = (): CacheStorage => {
    this.#caches ??= new CacheStorage({ cache: this.#openStore('_caches', 'none'), fetch: this.#fetch });
    return this.#caches;
  };

  getHandler(scheme?: string): Offline {
    if (this.#handler === undefined) throw new DiskCacheError('NOT_ALLOWED', NO_NETWORK);
    if (scheme !== undefined && scheme !== 'http:' && scheme !== 'https:') {
      throw new DiskCacheError('NOT_ALLOWED', `A test host answers requests to http: and https:, not to ${scheme}`);
    }
    return this.#handler;
  }

  close(): void {
    for (const store of this.#stores) store.close();
  }

  /** Created immediately, so that an invalid option fails where the test passes it. */
  #toAnswering(options: TestOfflineOptions): Offline {
    const cache = this.#openStore('_responses', 'least-recently-used');
    return new Offline({ ...options, cache, hiddenHeaders: ['cookie'], clock: this.#settings.clock });
  }

  #openStore(folder: string, evictionPolicy: 'none' | 'least-recently-used'): Cache {
    const { directory, ...options } = this.#settings;
    const store = new Cache(join(directory, folder), { evictionPolicy, ...options });
    this.#stores.push(store);
    return store;
  }
}

const NO_NETWORK = 'This test host has no network; give one: testHost({ stores, offline: { fetch } })';
