import { DiskCacheError } from './error.ts';

/** The libraries whose files can be moved into a store. */
export type MoveFormat = 'electron-store' | 'conf' | 'electron-conf' | 'electron-json-storage' | 'lowdb';

/** Where an application has kept its data so far: what `electronStore(…)`, `conf(…)` and the like return. Plain data. */
export interface MoveSource {
  readonly format: MoveFormat;
  /** The file, or the folder of electron-json-storage. A relative path starts at the application's `userData`. */
  readonly path: string;
  /** The name by which `conf` finds its folder, without Electron: a relative path starts there. */
  readonly projectName?: string;
  readonly projectSuffix?: string;
  readonly encryptionKey?: string | Uint8Array;
  readonly encryptionAlgorithm?: EncryptionAlgorithm;
}

export type EncryptionAlgorithm = 'aes-256-cbc' | 'aes-256-gcm' | 'aes-256-ctr';

export interface EncryptedFileOptions {
  /** The option `encryptionKey` of the old store. Anyone who has the application has the key, as before. */
  readonly encryptionKey?: string | Uint8Array;
  /** The option `encryptionAlgorithm` of the old store. Default `'aes-256-cbc'`, like its own. */
  readonly encryptionAlgorithm?: EncryptionAlgorithm;
}

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
 * The file of an electron-store, for `from` of settings and indexes. Default: its own, `config.json` in `userData`.
 *
 * @throws {DiskCacheError} `BAD_OPTION` for a path that isn't a text.
 */
export const electronStore = (path = 'config.json', options: EncryptedFileOptions = {}): MoveSource =>
  createSource('electron-store', path, options);

/**
 * The file of a conf. With `projectName` a relative path starts in the folder that conf has for this name, without it in `userData`.
 * Default path: its own, `config.json`.
 */
export const conf = (path: string | ConfFileOptions = 'config.json', options: ConfFileOptions = {}): MoveSource =>
  typeof path === 'object' ? createSource('conf', 'config.json', path) : createSource('conf', path, options);

/** The file of an electron-conf. Default: its own, `config.json` in `userData`. */
export const electronConf = (path = 'config.json'): MoveSource => createSource('electron-conf', path);

/** The folder of electron-json-storage, with a file for each key. Default: its own, `storage` in `userData`. */
export const electronJsonStorage = (path = 'storage'): MoveSource => createSource('electron-json-storage', path);

/** The JSON file of a lowdb, whose top-level members are moved. A relative path starts in `userData`. */
export const lowdb = (path: string): MoveSource => createSource('lowdb', path);
