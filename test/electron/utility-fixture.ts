import { fileURLToPath } from 'node:url';
import type { RemoteCache } from '../../client/remote.ts';
import { FULL_GRANT, type Grant } from '../../main/bridge/grant.ts';
import type { SessionOpener, WindowEndpoint } from '../../main/electron/engine-endpoint.ts';
import { type StoresModule, serializeStores } from '../../main/electron/utility/engine-messages.ts';
import { openPortWithClose, RemoteHostStores } from '../../main/electron/utility/remote-stores.ts';
import { UtilityEngine } from '../../main/electron/utility/utility-engine.ts';
import type { Lifetime, WindowStoreOptions } from '../../main/electron/window-stores.ts';
import { DiskCacheError } from '../../protocol/error.ts';
import { cache, deque, index, type StoreDeclarations } from '../../protocol/stores.ts';
import { DiskCache } from '../../renderer-api/disk-cache.ts';
import { freshDirectory } from '../engine/fresh-directory.ts';
import { MessageChannelMain } from './utility-double.ts';

export const UTILITY_ENTRY = fileURLToPath(new URL('../../main/utility.ts', import.meta.url));
const STORES = { api: cache(), settings: index(), outbox: deque() };

interface HostOptions {
  readonly stores?: StoreDeclarations;
  readonly storesModule?: StoresModule;
  readonly directory?: string;
  readonly windows?: WindowStoreOptions;
}

/** The engine in a process of its own, main's own stores, and pages of windows: all but Electron's frames. */
export async function openUtilityHost({
  stores = STORES,
  storesModule,
  directory = freshDirectory(),
  windows,
}: HostOptions = {}) {
  const engine = await UtilityEngine.open(UTILITY_ENTRY, {
    directory,
    userData: directory,
    stores: serializeStores(stores, storesModule),
    windows,
  });
  const own = new RemoteHostStores(engine, stores);
  return {
    directory,
    engine,
    own,
    api: own.stores['api'] as unknown as RemoteCache,
    /** A window, and pages of it. */
    open(name: string, keep: Lifetime = 'persistent') {
      const window = engine.attach(name, keep);
      return { window, page: () => openPage(window), release: () => window.release() };
    },
    rawPort: (grant: Grant = FULL_GRANT) => {
      const { port1, port2 } = new MessageChannelMain();
      engine.openSession(port1 as never, { grant, hasShard: false }, () => {});
      return port2;
    },
    async [Symbol.asyncDispose]() {
      own.close();
      await engine.close();
    },
  };
}

/** A page of a window: it hears of the end of its port from main, as `deskcache:port` tells it in Electron. */
function openPage(window: WindowEndpoint | SessionOpener, grant: Grant = FULL_GRANT): DiskCache {
  const open: Parameters<typeof openPortWithClose>[0] = (port, onEnd) =>
    window.openSession(port, { grant, hasShard: true }, onEnd);
  return new DiskCache(async () => openPortWithClose(open));
}

/** What calls came to: their values, and the codes of what was rejected. */
export const toOutcomes = (results: PromiseSettledResult<unknown>[]): unknown[] =>
  results.map((it) => (it.status === 'fulfilled' ? it.value : getCode(it.reason)));

const getCode = (error: unknown): string => (error instanceof DiskCacheError ? error.code : String(error));
