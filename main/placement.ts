import { DiskCacheError } from '../protocol/error.ts';
import { shownValue } from '../protocol/fault.ts';
import type { StoreDeclarations } from '../protocol/stores.ts';
import { valueFault } from '../protocol/value.ts';
import type { AssetHost, AssetOptions } from './electron/assets.ts';
import type { PageEngine } from './electron/page-engine.ts';
import { OwnStores } from './electron/utility/own-stores.ts';
import { SecondHandles } from './electron/utility/second-handles.ts';
import { sentStores, sentWindows } from './electron/utility/sent-stores.ts';
import { UtilityEngine } from './electron/utility/utility-engine.ts';
import { limitWaits } from './engine/internal.ts';
import { assertRuntimeFile } from './engine/runtime-files.ts';
import type { HostOptions, Placement, WindowStock } from './host.ts';
import type { OpenQueueOptions, Queue } from './offline/queue/index.ts';
import { openEngine, queuesIn } from './open-engine.ts';

/** What of a host depends on where its engine is. */
export interface Placed {
  readonly engine: PageEngine;
  readonly stores: object;
  readonly windows: { readonly [M in keyof WindowStock]: (...args: Parameters<WindowStock[M]>) => unknown };
  /** What `deskcache://` is answered from. */
  served(options: AssetOptions): Pick<AssetHost, 'stores'>;
  /** Where the main process finds a cache to keep responses in. */
  cachesFor(name: string): Readonly<Record<string, object>>;
  queue<T>(name: string, options: OpenQueueOptions | undefined): Queue<T>;
  close(): Promise<void>;
}

type Options = HostOptions<StoreDeclarations>;

/** Opens everything, here or in the utility process whose module is at `utilityPath`. */
export async function placed(directory: string, options: Options, utilityPath: string): Promise<Placed> {
  const { placement = 'main' } = options;
  if (Object.hasOwn(PLACES, placement)) return responsive(await PLACES[placement](directory, options, utilityPath));
  throw new DiskCacheError(
    'BAD_OPTION',
    `placement is ${shownValue(placement, "'")}; it has to be 'main' or 'utility'`,
  );
}

const PLACES: Readonly<Record<Placement, (...args: Parameters<typeof placed>) => Placed | Promise<Placed>>> = {
  main: placedHere,
  utility: placedInUtility,
};

/** How long a lock that another process holds blocks the main thread at most, in stores without a `timeout` of their own. */
const MAX_WAIT_MS = 250;

/** Once everything is open, no wait for a lock keeps windows from answering. */
function responsive(open: Placed): Placed {
  const unlimit = limitWaits(MAX_WAIT_MS);
  return {
    ...open,
    async close() {
      unlimit();
      await open.close();
    },
  };
}

function placedHere(directory: string, options: Options): Placed {
  const { engine, registry, windows, queues, close } = openEngine(directory, options.stores, options.windows);
  return {
    engine,
    stores: registry.stores,
    windows: { list: () => windows.list(), clear: (name) => windows.clear(name) },
    served: () => ({ stores: registry.stores }),
    cachesFor: () => registry.stores,
    queue: (name, queueOptions) => queues.find(name, queueOptions),
    close: async () => close(),
  };
}

async function placedInUtility(
  directory: string,
  { stores, storesModule, windows }: Options,
  utilityPath: string,
): Promise<Placed> {
  assertRuntimeFile('utility.cjs', utilityPath);
  const opening = { directory, stores: sentStores(stores, storesModule), windows: sentWindows(windows) };
  const engine = await UtilityEngine.open(utilityPath, opening);
  const own = new OwnStores(engine, stores);
  const handles = new SecondHandles(directory, stores);
  const queues = queuesIn(directory);
  return {
    engine,
    stores: own.stores,
    windows: {
      list: () => engine.ask({ call: 'windows.list' }),
      clear: (name) => engine.ask({ call: 'windows.clear', name }),
    },
    served: ({ stores: wanted = [] }) => ({ stores: handles.served(wanted) }),
    cachesFor: (name) => handles.with(name),
    queue<T>(name: string, queueOptions: OpenQueueOptions | undefined) {
      const fault = valueFault(queueOptions, 'options');
      if (fault !== undefined) {
        throw new DiskCacheError(
          'BAD_OPTION',
          `Queue "${name}" is for a utility process, too: ${fault}, which can't be sent`,
        );
      }
      const queue = queues.find<T>(name, queueOptions);
      engine.openQueue(name, queueOptions);
      return queue;
    },
    async close() {
      own.close();
      handles.close();
      queues.close();
      await engine.close();
    },
  };
}
