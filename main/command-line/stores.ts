import { readFileSync, statSync } from 'node:fs';
import { homedir } from 'node:os';
import { isAbsolute, join, sep } from 'node:path';
import { type OpenedStore, openStore as openStoreOfAnyKind, type StoreAccess } from '../archive/open-store.ts';
import { DiskCacheError } from '../engine/index.ts';
import { countJobs } from '../queue/tables.ts';

export interface AccessOptions extends Pick<StoreAccess, 'write'> {
  /** A file with the 32 bytes that the application gives as `encryptionKey`. */
  readonly keyFile?: string;
}

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

/** Opens the store in a directory, whatever kind it is. @throws {DiskCacheError} as `openStore` of archives; `BAD_OPTION` for a key file. */
export const openStore = (directory: string, { keyFile, write = false }: AccessOptions = {}): OpenedStore =>
  openStoreOfAnyKind(directory, { write, ...readKey(keyFile) });

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

export function readKey(path: string | undefined): { readonly encryptionKey?: Uint8Array } {
  if (path === undefined) return {};
  try {
    return { encryptionKey: readFileSync(path) };
  } catch (error) {
    throw new DiskCacheError('BAD_OPTION', `The key file ${path} can't be read: ${(error as Error).message}`);
  }
}
