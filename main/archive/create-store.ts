import {
  Cache,
  type CacheOptions,
  Deque,
  type DequeOptions,
  FanoutCache,
  type FanoutOptions,
  Index,
  Settings,
  type SettingsVersion,
} from '../engine/index.ts';
import type { ExportHeader } from '../engine/internal.ts';
import { Queue } from '../queue/index.ts';

/** A store that lines can be imported into. */
export type ImportableStore = Cache | FanoutCache | Index | Deque | Settings | Queue;

const CACHE_SETTINGS = [
  'sizeLimit',
  'evictionPolicy',
  'ttl',
  'fileThreshold',
  'durability',
  'compression',
  'codec',
  'statistics',
  'tagIndex',
] as const satisfies readonly (keyof CacheOptions)[];

/** Creates a store as the header describes it. What it says is checked by the constructors, as any options are. */
export function createStore(directory: string, { kind, settings }: ExportHeader): ImportableStore {
  const pick = (...names: readonly string[]) =>
    Object.fromEntries(names.filter((name) => settings[name] !== undefined).map((name) => [name, settings[name]]));
  switch (kind) {
    case 'cache':
      return new Cache(directory, pick(...CACHE_SETTINGS) as CacheOptions);
    case 'fanout':
      return new FanoutCache(directory, pick(...CACHE_SETTINGS, 'shards') as FanoutOptions);
    case 'deque':
      return new Deque(directory, pick('maxLength') as DequeOptions);
    case 'index':
      return new Index(directory, pick('version') as { version?: number });
    case 'settings':
      // Version 0 is that of settings without one.
      return new Settings(directory, {
        defaults: {},
        ...(settings['version'] !== 0 && (pick('version') as { version?: SettingsVersion })),
      });
    case 'queue': {
      const queue = new Queue(directory);
      if (settings['paused'] === true) queue.pause();
      return queue;
    }
  }
}
