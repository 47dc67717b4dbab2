import { join } from 'node:path';
import { DiskCacheError } from '../../protocol/error.ts';
import { shortened } from '../../protocol/fault.ts';
import {
  DEFAULT_STORE,
  type DequeDeclarationOptions,
  type FanoutDeclarationOptions,
  type IndexDeclarationOptions,
  type StoreDeclaration,
  type StoreDeclarations,
} from '../../protocol/stores.ts';
import { Cache } from './cache/cache.ts';
import { Deque } from './collections/deque.ts';
import { Index } from './collections/index-map.ts';
import { FanoutCache } from './fanout-cache.ts';

/** A store of any kind, open. */
export type Store = Cache | FanoutCache | Index | Deque;

const OPENERS: Readonly<Record<StoreDeclaration['kind'], (directory: string, options: object) => Store>> = {
  cache: (directory, options) => new Cache(directory, options),
  fanout: (directory, options: FanoutDeclarationOptions) => new FanoutCache(directory, options),
  index: (directory, options: IndexDeclarationOptions) => new Index(directory, options),
  deque: (directory, options: DequeDeclarationOptions) => new Deque(directory, options),
};

/** The stores of one application: each opened once, in a folder of its own below `directory`, and closed together. */
export class Registry {
  readonly #stores = new Map<string, Store>();

  /** @throws {DiskCacheError} what opening the failing store throws; those opened before it are closed again. */
  constructor(directory: string, declarations: StoreDeclarations) {
    const all: StoreDeclarations = { [DEFAULT_STORE]: { kind: 'cache', options: {} }, ...declarations };
    try {
      for (const [name, declaration] of Object.entries(all)) {
        this.#stores.set(name, opened(name, declaration, directory));
      }
    } catch (error) {
      this.close();
      throw error;
    }
  }

  /** @throws {DiskCacheError} `NO_SUCH_STORE`. */
  find(name: string): Store {
    const store = this.#stores.get(name);
    if (store) return store;
    throw new DiskCacheError(
      'NO_SUCH_STORE',
      `Store "${shortened(name)}" was not declared; add it to defineStores({ … })`,
    );
  }

  get stores(): Readonly<Record<string, Store>> {
    return Object.fromEntries(this.#stores);
  }

  close(): void {
    for (const store of this.#stores.values()) store.close();
  }
}

/** @throws {DiskCacheError} naming the store where an option is to blame, as all others name its path. */
function opened(name: string, declaration: StoreDeclaration, directory: string): Store {
  const { kind, options } = Object(declaration) as StoreDeclaration;
  if (!Object.hasOwn(OPENERS, kind)) {
    const kinds = Object.keys(OPENERS).map((known) => `${known}()`);
    throw new DiskCacheError('BAD_OPTION', `Store "${name}" has no declaration; give it one of ${kinds.join(', ')}`);
  }
  try {
    return OPENERS[kind](join(directory, name), options);
  } catch (error) {
    if (!(error instanceof DiskCacheError) || error.code !== 'BAD_OPTION') throw error;
    throw new DiskCacheError('BAD_OPTION', `Store "${name}" can't be opened: ${error.message}`, { cause: error });
  }
}
