import { join } from 'node:path';
import { DiskCacheError } from '../../../protocol/error.ts';
import { DEFAULT_STORE, type StoreDeclaration, type StoreDeclarations } from '../../../protocol/stores.ts';
import type { AssetStore } from '../../assets/serve.ts';
import { Cache, FanoutCache } from '../../engine/index.ts';

type Named<T> = Readonly<Record<string, T>>;

/**
 * Caches that the main process has open beside the utility process, as another process may: to read their bytes for
 * `deskcache://`, and to keep responses in. Each is opened when it is first needed.
 */
export class SecondHandles {
  readonly #directory: string;
  readonly #stores: StoreDeclarations;
  readonly #open = new Map<string, Cache | FanoutCache>();

  constructor(directory: string, stores: StoreDeclarations) {
    this.#directory = directory;
    this.#stores = { [DEFAULT_STORE]: { kind: 'cache', options: {} }, ...stores };
  }

  /**
   * What can be served, by name; an object without methods stands for what can't. `wanted` are those that were asked for by name.
   *
   * @throws {DiskCacheError} `BAD_OPTION` when one of them is exclusive.
   */
  served(wanted: readonly string[]): Named<Partial<AssetStore>> {
    for (const name of wanted) this.#demandShareable(name);
    const stores = Object.entries(this.#stores).map(([name, declaration]) => [
      name,
      isCache(declaration) && !isExclusive(declaration) ? this.#serving(name) : {},
    ]);
    return Object.fromEntries(stores);
  }

  /**
   * The stores by name, the one that is called so open if it is a cache.
   *
   * @throws {DiskCacheError} `BAD_OPTION` when it is exclusive, and what opening a cache throws.
   */
  with(name: string): Named<object> {
    this.#demandShareable(name);
    const isOne = Object.hasOwn(this.#stores, name) && isCache(this.#stores[name]!);
    return isOne ? { ...this.#stores, [name]: this.#find(name) } : this.#stores;
  }

  close(): void {
    for (const cache of this.#open.values()) cache.close();
    this.#open.clear();
  }

  #serving(name: string): AssetStore {
    return { openBytes: (key) => this.#find(name).openBytes(key) };
  }

  #find(name: string): Cache | FanoutCache {
    let cache = this.#open.get(name);
    if (cache === undefined) {
      const { kind, options } = this.#stores[name]!;
      const directory = join(this.#directory, name);
      cache = kind === 'fanout' ? new FanoutCache(directory, options) : new Cache(directory, options as object);
      this.#open.set(name, cache);
    }
    return cache;
  }

  #demandShareable(name: string): void {
    if (!Object.hasOwn(this.#stores, name) || !isExclusive(this.#stores[name]!)) return;
    throw new DiskCacheError(
      'BAD_OPTION',
      `Store "${name}" is exclusive: the utility process has it alone, and here the main process would have to open it, too; declare it without exclusive`,
    );
  }
}

const isCache = ({ kind }: StoreDeclaration): boolean => kind === 'cache' || kind === 'fanout';
const isExclusive = ({ options }: StoreDeclaration): boolean => options.exclusive === true;
