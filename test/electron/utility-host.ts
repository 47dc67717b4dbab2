import { fileURLToPath } from 'node:url';
import { FULL_GRANT, type Grant } from '../../main/bridge/grant.ts';
import type { EngineWindow, PageAnswering } from '../../main/electron/page-engine.ts';
import { OwnStores, talkingPort } from '../../main/electron/utility/own-stores.ts';
import { type StoresModule, sentStores } from '../../main/electron/utility/sent-stores.ts';
import { UtilityEngine } from '../../main/electron/utility/utility-engine.ts';
import type { Keep, WindowOptions } from '../../main/electron/windows.ts';
import { DiskCacheError } from '../../protocol/error.ts';
import { cache, deque, index, type StoreDeclarations } from '../../protocol/stores.ts';
import type { RemoteCache } from '../../renderer-api/client/remote.ts';
import { DiskCache } from '../../renderer-api/disk-cache.ts';
import { freshDirectory } from '../engine/directory.ts';
import { MessageChannelMain } from './utility-double.ts';

export const ENTRY = fileURLToPath(new URL('../../main/utility.ts', import.meta.url));
const STORES = { api: cache(), settings: index(), outbox: deque() };

interface HostOptions {
  readonly stores?: StoreDeclarations;
  readonly storesModule?: StoresModule;
  readonly directory?: string;
  readonly windows?: WindowOptions;
}

/** The engine in a process of its own, main's own stores, and pages of windows: all but Electron's frames. */
export async function openUtilityHost({
  stores = STORES,
  storesModule,
  directory = freshDirectory(),
  windows,
}: HostOptions = {}) {
  const engine = await UtilityEngine.open(ENTRY, { directory, stores: sentStores(stores, storesModule), windows });
  const own = new OwnStores(engine, stores);
  return {
    directory,
    engine,
    own,
    api: own.stores['api'] as unknown as RemoteCache,
    /** A window, and pages of it. */
    open(name: string, keep: Keep = 'forever') {
      const window = engine.attach(name, keep);
      return { window, page: () => pageOf(window), release: () => window.release() };
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
export function pageOf(window: EngineWindow | PageAnswering, grant: Grant = FULL_GRANT): DiskCache {
  const open: Parameters<typeof talkingPort>[0] = (port, onEnd) =>
    window.openSession(port, { grant, hasShard: true }, onEnd);
  return new DiskCache(async () => talkingPort(open));
}

/** What calls came to: their values, and the codes of what was rejected. */
export const said = (results: PromiseSettledResult<unknown>[]): unknown[] =>
  results.map((it) => (it.status === 'fulfilled' ? it.value : codeOf(it.reason)));

const codeOf = (error: unknown): string => (error instanceof DiskCacheError ? error.code : String(error));
