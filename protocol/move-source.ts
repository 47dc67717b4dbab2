import { DiskCacheError } from './error.ts';

/** The libraries whose files can be moved into a store. */
export type MoveFormat = 'electron-store' | 'conf' | 'electron-conf' | 'electron-json-storage' | 'lowdb';

/** Where an application has kept its data so far: the result of `electronStore(…)`, `conf(…)` and the like. Plain data. */
export interface MoveSource {
  readonly format: MoveFormat;
  /** The file, or the folder of electron-json-storage. A relative path is resolved from the application's `userData`. */
  readonly path: string;
  /** The name by which `conf` finds its folder without Electron. A relative path is resolved from there. */
  readonly projectName?: string;
  readonly projectSuffix?: string;
  readonly encryptionKey?: string | Uint8Array;
  readonly encryptionAlgorithm?: EncryptionAlgorithm;
}

/** The algorithms of conf and electron-store. */
export type EncryptionAlgorithm = 'aes-256-cbc' | 'aes-256-gcm' | 'aes-256-ctr';

/** How the file of electron-store or conf is encrypted. */
export interface EncryptedFileOptions {
  /** The option `encryptionKey` of the old store. Anyone who has the application has the key, as before. */
  readonly encryptionKey?: string | Uint8Array;
  /** The option `encryptionAlgorithm` of the old store. Default `'aes-256-cbc'`, like its own. */
  readonly encryptionAlgorithm?: EncryptionAlgorithm;
}

/** Where conf has its file, and how it is encrypted. */
export interface ConfFileOptions extends EncryptedFileOptions {
  /** The option `projectName` of conf, by which it finds the system's folder for settings. */
  readonly projectName?: string;
  /** Default `'nodejs'`, like conf's own. */
  readonly projectSuffix?: string;
}

function createSource(format: MoveFormat, path: unknown, options: object = {}): MoveSource {
  if (typeof path !== 'string' || path === '' || path.includes('\0')) {
    throw new DiskCacheError('BAD_OPTION', `The path of ${format}'s data must be a text such as 'config.json'`);
  }
  return Object.freeze({ format, path, ...options });
}

/**
 * Names a file of electron-store, for the option `from` of settings and indexes. Default: its own default, `config.json` in `userData`.
 * Nothing is read before the store is opened.
 *
 * @throws {DiskCacheError} `BAD_OPTION` for a path that isn't a text.
 */
export const electronStore = (path = 'config.json', options: EncryptedFileOptions = {}): MoveSource =>
  createSource('electron-store', path, options);

/**
 * Names a file of conf. With `projectName` a relative path is resolved from the folder that conf has for this name, without it from
 * `userData`. Default path: its own default, `config.json`. Otherwise like `electronStore`.
 */
export const conf = (path: string | ConfFileOptions = 'config.json', options: ConfFileOptions = {}): MoveSource =>
  typeof path === 'object' ? createSource('conf', 'config.json', path) : createSource('conf', path, options);

/** Names a file of electron-conf. Default: its own default, `config.json` in `userData`. Otherwise like `electronStore`. */
export const electronConf = (path = 'config.json'): MoveSource => createSource('electron-conf', path);

/** Names the folder of electron-json-storage, with a file for each key. Default: its own default, `storage` in `userData`. */
export const electronJsonStorage = (path = 'storage'): MoveSource => createSource('electron-json-storage', path);

/** Names the JSON file of lowdb, whose top-level members are moved. A relative path is resolved from `userData`. */
export const lowdb = (path: string): MoveSource => createSource('lowdb', path);
