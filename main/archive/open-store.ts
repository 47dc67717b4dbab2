import { existsSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { Cache, Deque, DiskCacheError, FanoutCache, Index, Settings, type SettingsVersion } from '../engine/index.ts';
import { isSideFolder, readStoreKind } from '../engine/internal.ts';
import { isQueueIndex } from '../queue/tables.ts';

export type OpenedStore =
  | { readonly kind: 'cache'; readonly store: Cache }
  | { readonly kind: 'fanout'; readonly store: FanoutCache }
  | { readonly kind: 'index' | 'queue'; readonly store: Index }
  | { readonly kind: 'settings'; readonly store: Settings }
  | { readonly kind: 'deque'; readonly store: Deque };

export interface StoreAccess {
  /** Open for writing. Default false. */
  readonly write?: boolean;
  readonly encryptionKey?: Uint8Array;
}

/** In this key of an index, settings keep their version. */
const SETTINGS_KEY = ['settings'];
const DATABASE = 'cache.db';
const MANIFEST = 'fanout.json';

export const isStore = (directory: string): boolean =>
  existsSync(join(directory, DATABASE)) || existsSync(join(directory, MANIFEST));

/**
 * Returns the stores below a folder, such as that of a host, by their paths in it. Those inside a store, backups and what was set aside are
 * not listed.
 */
export function listStores(directory: string): string[] {
  const found: string[] = [];
  const visit = (path: string): void => {
    const folders = readdirSync(join(directory, path), { withFileTypes: true }).filter((found) => found.isDirectory());
    for (const { name } of folders) {
      if (path === '' && isSideFolder(name)) continue;
      if (isStore(join(directory, path, name))) found.push(join(path, name));
      else visit(join(path, name));
    }
  };
  visit('');
  return found.sort();
}

/**
 * Opens the store in a directory, whatever kind it is, for reading unless `write` is set.
 *
 * @throws {DiskCacheError} `NO_SUCH_STORE` for a folder without a store, with the names of those below it; else what opening throws.
 */
export function openStore(directory: string, { write = false, encryptionKey }: StoreAccess = {}): OpenedStore {
  assertStore(directory);
  const access = { readOnly: !write, workerThread: false, ...(encryptionKey !== undefined && { encryptionKey }) };
  if (existsSync(join(directory, MANIFEST))) return { kind: 'fanout', store: new FanoutCache(directory, access) };
  const kind = readStoreKind(directory);
  if (kind === 'cache') return { kind, store: new Cache(directory, access) };
  if (kind === 'deque') return { kind, store: new Deque(directory, access) };
  const index = new Index(directory, access);
  if (isQueueIndex(index)) return { kind: 'queue', store: index };
  const about = index.get(SETTINGS_KEY) as { readonly version: SettingsVersion } | undefined;
  if (about === undefined) return { kind: 'index', store: index };
  index.close();
  // With the version that is stored nothing is migrated.
  const version = about.version === 0 ? {} : { version: about.version };
  return { kind: 'settings', store: new Settings(directory, { defaults: {}, ...version, ...access }) };
}

export function assertStore(directory: string): void {
  if (isStore(directory)) return;
  const below = listStores(directory);
  const advice = below.length === 0 ? 'give the folder of one' : `there are ${below.slice(0, 8).join(', ')} in it`;
  throw new DiskCacheError('NO_SUCH_STORE', `${directory} holds no store; ${advice}`);
}
