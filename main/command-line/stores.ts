import { existsSync, readdirSync, readFileSync, statSync } from 'node:fs';
import { homedir } from 'node:os';
import { isAbsolute, join, sep } from 'node:path';
import { Cache, Deque, DiskCacheError, FanoutCache, Index, Settings, type SettingsVersion } from '../engine/index.ts';
import { isSideFolder, readStoreKind } from '../engine/internal.ts';
import { countJobs, isQueueIndex } from '../queue/tables.ts';

export type OpenedStore =
  | { readonly kind: 'cache'; readonly store: Cache }
  | { readonly kind: 'fanout'; readonly store: FanoutCache }
  | { readonly kind: 'index' | 'queue'; readonly store: Index }
  | { readonly kind: 'settings'; readonly store: Settings }
  | { readonly kind: 'deque'; readonly store: Deque };

export interface AccessOptions {
  /** Open for writing. Default false. */
  readonly write?: boolean;
  /** A file with the 32 bytes that the application gives as `encryptionKey`. */
  readonly keyFile?: string;
}

/** In this key of an index, settings keep their version. */
const SETTINGS_KEY = ['settings'];
const DATABASE = 'cache.db';
const MANIFEST = 'fanout.json';

/**
 * Returns the directory that an argument means: an existing path, or an application's name with a store in it (`Atlas/notes`), below the
 * folder where Electron keeps the data of applications.
 *
 * @throws {DiskCacheError} `NO_SUCH_STORE` with the places that were looked at.
 */
export function findDirectory(argument: string, env: Readonly<Record<string, string | undefined>>): string {
  if (isDirectory(argument)) return argument;
  if (!isAbsolute(argument) && !argument.startsWith('.')) {
    const [application, ...rest] = argument.split(/[\\/]/);
    const stores = join(getApplicationData(env), application!, 'deskcache');
    if (isDirectory(join(stores, ...rest))) return join(stores, ...rest);
    throw new DiskCacheError(
      'NO_SUCH_STORE',
      `${argument} is neither a folder here nor an application with data in ${stores}; give the folder of a store, or ${application}${sep}<store>`,
    );
  }
  throw new DiskCacheError('NO_SUCH_STORE', `${argument} is not a folder; give the folder of a store`);
}

/** Electron's `appData`. */
function getApplicationData(env: Readonly<Record<string, string | undefined>>): string {
  if (process.platform === 'darwin') return join(homedir(), 'Library', 'Application Support');
  if (process.platform === 'win32') return env['APPDATA'] ?? join(homedir(), 'AppData', 'Roaming');
  return env['XDG_CONFIG_HOME'] ?? join(homedir(), '.config');
}

const isDirectory = (path: string): boolean => statSync(path, { throwIfNoEntry: false })?.isDirectory() ?? false;

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
export function openStore(directory: string, options: AccessOptions = {}): OpenedStore {
  assertStore(directory);
  const access = { readOnly: options.write !== true, workerThread: false, ...readKey(options.keyFile) };
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

/** Returns the number of items, values, jobs or settings. */
export function countItems({ kind, store }: OpenedStore): number {
  if (kind === 'deque') return store.length;
  if (kind === 'queue') return countJobs(store);
  return kind === 'settings' ? Object.keys(store.all()).length : store.size;
}

export const isCache = (opened: OpenedStore): opened is OpenedStore & { kind: 'cache' | 'fanout' } =>
  opened.kind === 'cache' || opened.kind === 'fanout';

export const createNoTagsError = (kind: string): DiskCacheError =>
  new DiskCacheError(
    'BAD_OPTION',
    `Only items of a cache have tags, and this is the store of ${toArticle(kind)}; leave --tag out`,
  );

const toArticle = (kind: string): string => (kind === 'index' ? 'an index' : kind === 'settings' ? kind : `a ${kind}`);

export function assertStore(directory: string): void {
  if (isStore(directory)) return;
  const below = listStores(directory);
  const advice = below.length === 0 ? 'give the folder of one' : `there are ${below.slice(0, 8).join(', ')} in it`;
  throw new DiskCacheError('NO_SUCH_STORE', `${directory} holds no store; ${advice}`);
}

function readKey(path: string | undefined): { readonly encryptionKey?: Uint8Array } {
  if (path === undefined) return {};
  try {
    return { encryptionKey: readFileSync(path) };
  } catch (error) {
    throw new DiskCacheError('BAD_OPTION', `The key file ${path} can't be read: ${(error as Error).message}`);
  }
}
