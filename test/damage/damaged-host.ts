import { join } from 'node:path';
import { DamageGuard, type DamageOptions } from '../../main/damage/damage-guard.ts';
import { type OpenEngine, openEngine } from '../../main/open-engine.ts';
import { cache, defineStores, deque, fanout, index, settings } from '../../protocol/stores.ts';

export const stores = defineStores({
  pages: cache<string, string>(),
  images: fanout<string, string>({ shards: 2 }),
  notes: index<string, string>(),
  log: deque<string>(),
  prefs: settings({ defaults: { theme: 'light', zoom: 1, user: { name: '' } } }),
});

export interface DamagedHost extends OpenEngine {
  readonly guard: DamageGuard;
  readonly stores: Opened;
}

type Opened = ReturnType<typeof pick>;
const pick = ({ registry }: OpenEngine) => registry.stores as never as OpenedStores;
interface OpenedStores {
  readonly pages: import('../../main/engine/index.ts').Cache<string, string>;
  readonly images: import('../../main/engine/index.ts').FanoutCache<string, string>;
  readonly notes: import('../../main/engine/index.ts').Index<string, string>;
  readonly log: import('../../main/engine/index.ts').Deque<string>;
  readonly prefs: import('../../main/engine/index.ts').Settings<{
    theme: string;
    zoom: number;
    user: { name: string };
  }>;
}

/** Opens the engine of a host as `openDiskCache` does, in plain Node. */
export function openHost(
  directory: string,
  options: DamageOptions & { readonly exclusive?: 'all' | 'none' } = {},
  declared = stores as Parameters<typeof openEngine>[1],
): DamagedHost {
  const { exclusive = 'all', ...damageOptions } = options;
  const guard = new DamageGuard(directory, damageOptions);
  const engine = openEngine(directory, declared, {
    exclusive,
    queues: { exclusive: exclusive === 'all' },
    damage: guard,
  });
  return Object.assign(engine, { guard, stores: pick(engine) });
}

export const ITEMS = 400;
/** Above the threshold for value files. */
const LARGE = 'large '.repeat(10_000);
export const toValue = (n: number): string => (n % 100 === 7 ? `${n} ${LARGE}` : `value ${n} ${'x'.repeat(100)}`);

/** Fills every kind of store, and returns the directory of the closed host. */
export function fillHost(directory: string, exclusive: 'all' | 'none' = 'all'): string {
  const host = openHost(directory, { exclusive });
  const { pages, images, notes, log, prefs } = host.stores;
  for (let n = 0; n < ITEMS; n++) {
    pages.set(`key ${n}`, toValue(n));
    images.set(`key ${n}`, `image ${n}`);
    notes.set(`key ${n}`, toValue(n));
    log.push(toValue(n));
    host.queues.find('mail').enqueue(`job ${n}`);
  }
  prefs.set('theme', 'dark');
  prefs.set('zoom', 2);
  prefs.set('user.name', 'Ada');
  host.windows.attach('main', 'persistent').open().set('panel', 'open');
  host.close();
  return directory;
}

export const databaseOf = (directory: string, ...store: string[]): string => join(directory, ...store, 'cache.db');
