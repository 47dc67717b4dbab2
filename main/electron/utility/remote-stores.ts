import { join } from 'node:path';
import { MessageChannelMain, type MessagePortMain } from 'electron';
import { Client } from '../../../client/client.ts';
import type { MessagePortLike } from '../../../client/port-connection.ts';
import { RemoteStore } from '../../../client/remote-store.ts';
import { type Kind, SIGNATURES } from '../../../protocol/contract.ts';
import { DiskCacheError } from '../../../protocol/error.ts';
import {
  DEFAULT_STORE,
  type StoreDeclaration,
  type StoreDeclarations,
  toEngineOptions,
} from '../../../protocol/stores.ts';
import type { AssetStore } from '../../assets/asset-server.ts';
import { FULL_GRANT } from '../../bridge/grant.ts';
import { Cache, FanoutCache } from '../../engine/index.ts';
import { fromPortMain } from '../engine-endpoint.ts';
import type { UtilityEngine } from './utility-engine.ts';

/** Milliseconds the utility process has to respond to a call. */
const CALL_TIMEOUT_MS = 30_000;

/**
 * The utility process's stores for the main process, reached as by a page, over a port of its own, with full access. Its writes stay
 * coherent with the pages' near caches, because they take the same path as the pages' writes.
 */
export class RemoteHostStores {
  readonly stores: Readonly<Record<string, RemoteStore>>;
  readonly #client: Client;

  constructor(engine: UtilityEngine, declarations: StoreDeclarations) {
    const client = new Client(async () => openOwnPort(engine), CALL_TIMEOUT_MS);
    const kinds = Object.entries(declarations).map(
      ([name, declaration]) => [name, getContractKind(declaration)] as const,
    );
    this.stores = Object.fromEntries(
      [[DEFAULT_STORE, 'cache'] as const, ...kinds].map(([name, kind]) => [
        name,
        new RemoteStore(client, name, SIGNATURES[kind]),
      ]),
    );
    this.#client = client;
  }

  /** Rejects pending calls. */
  close(): void {
    this.#client.disconnect(new DiskCacheError('DISCONNECTED', 'The host was closed'));
  }
}

const getContractKind = ({ kind }: StoreDeclaration): Kind => (kind === 'fanout' ? 'cache' : kind);

/** @throws {DiskCacheError} `CLOSED`. */
function openOwnPort(engine: UtilityEngine): MessagePortLike {
  return openPortWithClose((port, onEnd) => engine.openSession(port, { grant: FULL_GRANT, hasShard: false }, onEnd));
}

/** Returns a port whose other end is passed to `open`, and which closes when `onEnd` is called: a killed process doesn't close its end. */
export function openPortWithClose(open: (port: MessagePortMain, onEnd: () => void) => void): MessagePortLike {
  const { port1, port2 } = new MessageChannelMain();
  const port = fromPortMain(port2);
  const closeListeners: Parameters<MessagePortLike['addEventListener']>[1][] = [];
  open(port1, () => {
    for (const listener of closeListeners) listener({});
  });
  return {
    ...port,
    start: () => port2.start(),
    addEventListener(type, listener) {
      if (type === 'close') closeListeners.push(listener);
      else port.addEventListener(type, listener);
    },
  };
}

type ByName<T> = Readonly<Record<string, T>>;

/**
 * Caches that the main process also opens, as another process may: to read their bytes for `deskcache://`, and to store responses. Each is
 * opened on first use.
 */
export class ReaderCaches {
  readonly #directory: string;
  readonly #stores: StoreDeclarations;
  readonly #open = new Map<string, Cache | FanoutCache>();
  readonly #exclusiveByDefault: boolean;

  constructor(directory: string, stores: StoreDeclarations, exclusiveByDefault = false) {
    this.#exclusiveByDefault = exclusiveByDefault;
    this.#directory = directory;
    this.#stores = { [DEFAULT_STORE]: { kind: 'cache', options: {} }, ...stores };
  }

  /**
   * Returns the stores that can be served, by name; an object without methods stands for one that can't. `wanted` lists those requested by
   * name.
   *
   * @throws {DiskCacheError} `BAD_OPTION` if one of them is exclusive.
   */
  getServedStores(requested: readonly string[]): ByName<Partial<AssetStore>> {
    for (const name of requested) this.#assertShareable(name);
    const stores = Object.entries(this.#stores).map(([name, declaration]) => [
      name,
      isCache(declaration) && !this.#isExclusive(declaration) ? this.#createAssetStore(name) : {},
    ]);
    return Object.fromEntries(stores);
  }

  /**
   * Returns the stores by name, with the named one open if it is a cache.
   *
   * @throws {DiskCacheError} `BAD_OPTION` if it is exclusive, and anything that opening a cache throws.
   */
  getStoresWith(name: string): ByName<object> {
    this.#assertShareable(name);
    const isOne = Object.hasOwn(this.#stores, name) && isCache(this.#stores[name]!);
    return isOne ? { ...this.#stores, [name]: this.#openCache(name) } : this.#stores;
  }

  close(): void {
    for (const cache of this.#open.values()) cache.close();
    this.#open.clear();
  }

  #createAssetStore(name: string): AssetStore {
    return { openBytes: (key) => this.#openCache(name).openBytes(key) };
  }

  #openCache(name: string): Cache | FanoutCache {
    let cache = this.#open.get(name);
    if (cache === undefined) {
      const { kind, options: declared } = this.#stores[name]!;
      const options = toEngineOptions(declared);
      const directory = join(this.#directory, name);
      cache = kind === 'fanout' ? new FanoutCache(directory, options) : new Cache(directory, options as object);
      this.#open.set(name, cache);
    }
    return cache;
  }

  #assertShareable(name: string): void {
    if (!Object.hasOwn(this.#stores, name) || !this.#isExclusive(this.#stores[name]!)) return;
    throw new DiskCacheError(
      'BAD_OPTION',
      `Store "${name}" is exclusive: only the utility process may open it, and this call opens it in the main process; declare it with exclusive: false`,
    );
  }

  #isExclusive({ options: { exclusive = this.#exclusiveByDefault, readOnly = false } }: StoreDeclaration): boolean {
    return exclusive && !readOnly;
  }
}

const isCache = ({ kind }: StoreDeclaration): boolean => kind === 'cache' || kind === 'fanout';
