import { join } from 'node:path';
import { DiskCacheError } from '../../protocol/error.ts';
import { DEFAULT_STORE, type StoreDeclarations } from '../../protocol/stores.ts';
import { Cache } from './cache/cache.ts';

/** The stores of one application: each opened once, in a folder of its own below `directory`, and closed together. */
export class Registry {
  readonly #caches = new Map<string, Cache>();

  /** @throws {DiskCacheError} what the failing store's `Cache` throws; those opened before it are closed again. */
  constructor(directory: string, declarations: StoreDeclarations) {
    try {
      for (const [name, { options }] of Object.entries({ [DEFAULT_STORE]: { options: {} }, ...declarations })) {
        this.#caches.set(name, new Cache(join(directory, name), options));
      }
    } catch (error) {
      this.close();
      throw error;
    }
  }

  /** @throws {DiskCacheError} `NO_SUCH_STORE`. */
  find(name: string): Cache {
    const cache = this.#caches.get(name);
    if (cache) return cache;
    throw new DiskCacheError('NO_SUCH_STORE', `Store "${name}" was not declared; add it to defineStores({ … })`);
  }

  get stores(): Readonly<Record<string, Cache>> {
    return Object.fromEntries(this.#caches);
  }

  close(): void {
    for (const cache of this.#caches.values()) cache.close();
  }
}
