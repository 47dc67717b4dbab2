import { randomBytes } from 'node:crypto';
import { mkdirSync, readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { DiskCacheError } from '../../../protocol/error.ts';
import type { EncryptionKeys } from '../../../protocol/options.ts';
import type { SealedOption, StoreDeclarations } from '../../../protocol/stores.ts';
import { BACKUPS_FOLDER, DAMAGED_FOLDER } from '../backup/side-folders.ts';
import { VALUES_FOLDER } from '../values/file-io.ts';
import { isSealedWith, RECORD_FILE } from './seal-record.ts';
import { KEY_BYTES } from './store-key.ts';

/** The part of Electron's `safeStorage` that is used. Its newer methods are preferred where they exist. */
export interface SafeStorage {
  isEncryptionAvailable(): boolean;
  encryptString(text: string): Buffer;
  decryptString(encrypted: Buffer): string;
  /** Linux only. */
  getSelectedStorageBackend?(): string;
  isAsyncEncryptionAvailable?(): Promise<boolean>;
  encryptStringAsync?(text: string): Promise<Buffer>;
  decryptStringAsync?(encrypted: Buffer): Promise<{ readonly result: string; readonly shouldReEncrypt: boolean }>;
}

/** The file in a host's directory. No store can have this name. On disk: `{ "format": 1, "keys": […] }`, the present key first. */
const KEY_FILE = '_seal.json';
const FORMAT = 1;
const MAX_KEYS = 16;

interface KeptKey {
  readonly key: Buffer;
  /** The key as the system's key store has encrypted it, in base64. */
  readonly wrapped: string;
}

/** The keys of a host's sealed stores: random, encrypted by the system's key store, in a file of the host's directory. */
export class SealKeys {
  readonly #directory: string;
  readonly #storage: SafeStorage;
  #keys: readonly KeptKey[] = [];

  private constructor(directory: string, storage: SafeStorage) {
    this.#directory = directory;
    this.#storage = storage;
  }

  /**
   * Reads the keys of a host, or makes the first one. Nothing is changed if it throws.
   *
   * @throws {DiskCacheError} `NOT_ALLOWED` if the system only hides keys behind a constant (`basic_text`); `IO` if its key store isn't
   * available; `WRONG_KEY` if it can't decrypt them; `CORRUPT` if the file is damaged, or missing beside sealed stores.
   */
  static async open(directory: string, storage: SafeStorage, allowPlainTextKey: boolean): Promise<SealKeys> {
    await assertAvailable(storage, allowPlainTextKey);
    const keys = new SealKeys(directory, storage);
    const found = readKeyFile(directory);
    if (found !== undefined) await keys.#unwrap(found);
    else if (findSealedStores(directory).length === 0) await keys.add();
    else {
      throw new DiskCacheError(
        'CORRUPT',
        `${join(directory, KEY_FILE)} is missing, but there are sealed stores, which can't be opened without it; restore the file, or delete them`,
      );
    }
    return keys;
  }

  get options(): EncryptionKeys {
    const [current, ...previous] = this.#keys.map(({ key }) => key);
    return { encryptionKey: current!, previousEncryptionKey: previous };
  }

  /** Makes a new key the present one. It is on disk before anything is sealed with it. */
  async add(): Promise<Uint8Array> {
    const key = randomBytes(KEY_BYTES);
    this.#write([{ key, wrapped: await wrap(this.#storage, key) }, ...this.#keys]);
    return key;
  }

  /** Removes keys that no store is sealed with. */
  forgetUnused(): void {
    const records = findSealedStores(this.#directory);
    const needed = this.#keys.filter(
      ({ key }, nth) => nth === 0 || records.some((record) => isSealedWith(record, key)),
    );
    if (needed.length < this.#keys.length) this.#write(needed);
  }

  async #unwrap(wrapped: readonly string[]): Promise<void> {
    const keys: KeptKey[] = [];
    let isRenewed = false;
    for (const text of wrapped) {
      const { key, shouldRenew } = await unwrap(this.#storage, text, join(this.#directory, KEY_FILE));
      isRenewed ||= shouldRenew;
      keys.push({ key, wrapped: shouldRenew ? await wrap(this.#storage, key) : text });
    }
    if (isRenewed) this.#write(keys);
    this.#keys = keys;
  }

  #write(keys: readonly KeptKey[]): void {
    if (keys.length > MAX_KEYS) {
      throw new DiskCacheError(
        'BAD_OPTION',
        `${this.#directory} has ${MAX_KEYS} keys in use; open all of its stores, so that they are sealed again`,
      );
    }
    const path = join(this.#directory, KEY_FILE);
    const draft = `${path}.new`;
    try {
      mkdirSync(this.#directory, { recursive: true, mode: 0o700 });
      const content = JSON.stringify({ format: FORMAT, keys: keys.map(({ wrapped }) => wrapped) });
      writeFileSync(draft, `${content}\n`, { mode: 0o600, flush: true });
      renameSync(draft, path);
    } catch (cause) {
      rmSync(draft, { force: true });
      throw new DiskCacheError('IO', `${path} can't be written, so nothing was sealed: ${String(cause)}`, { cause });
    }
    this.#keys = keys;
  }
}

/** @throws {DiskCacheError} `NOT_ALLOWED`, `IO` */
async function assertAvailable(storage: SafeStorage, allowPlainTextKey: boolean): Promise<void> {
  const backend = storage.getSelectedStorageBackend?.();
  if (backend === 'basic_text' && !allowPlainTextKey) {
    throw new DiskCacheError(
      'NOT_ALLOWED',
      'seal: this system has no key store (safeStorage uses basic_text), so a key would lie readable beside the data; install one (gnome-keyring, KWallet), or accept that with allowPlainTextKey: true',
    );
  }
  const isAvailable = (await storage.isAsyncEncryptionAvailable?.()) || storage.isEncryptionAvailable();
  if (isAvailable) return;
  throw new DiskCacheError(
    'IO',
    'seal: the key store of the system is not available (safeStorage.isEncryptionAvailable() is false), so sealed stores can not be opened; unlock it and start again. Nothing was changed',
  );
}

const isAsync = (storage: SafeStorage): storage is Required<SafeStorage> =>
  storage.encryptStringAsync !== undefined && storage.decryptStringAsync !== undefined;

async function wrap(storage: SafeStorage, key: Buffer): Promise<string> {
  const text = key.toString('base64');
  const wrapped = isAsync(storage) ? await storage.encryptStringAsync(text) : storage.encryptString(text);
  return wrapped.toString('base64');
}

async function unwrap(
  storage: SafeStorage,
  wrapped: string,
  path: string,
): Promise<{ readonly key: Buffer; readonly shouldRenew: boolean }> {
  const encrypted = Buffer.from(wrapped, 'base64');
  let text: string;
  let shouldRenew = false;
  try {
    if (isAsync(storage))
      ({ result: text, shouldReEncrypt: shouldRenew } = await storage.decryptStringAsync(encrypted));
    else text = storage.decryptString(encrypted);
  } catch (cause) {
    throw new DiskCacheError(
      'WRONG_KEY',
      `The key store of the system can't decrypt the keys in ${path}: they were encrypted by another user or computer, or the key store was reset. Nothing was changed; restore the key store, or delete the sealed stores and the file`,
      { cause },
    );
  }
  const key = Buffer.from(text, 'base64');
  if (key.length === KEY_BYTES) return { key, shouldRenew };
  throw damagedFileError(path);
}

const damagedFileError = (path: string): DiskCacheError =>
  new DiskCacheError('CORRUPT', `${path} is damaged; restore it, or delete it and the sealed stores`);

/** Returns the encrypted keys; undefined without a file. */
function readKeyFile(directory: string): readonly string[] | undefined {
  const path = join(directory, KEY_FILE);
  let text: string;
  try {
    text = readFileSync(path, 'utf8');
  } catch (cause) {
    if ((cause as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw new DiskCacheError('IO', `${path} can't be read: ${String(cause)}`, { cause });
  }
  const { format, keys } = parseJson(text);
  if (typeof format === 'number' && format > FORMAT) {
    throw new DiskCacheError('UNSUPPORTED_VERSION', `${path} was written by a newer version; update deskcache`);
  }
  const isWhole = Array.isArray(keys) && keys.length > 0 && keys.length <= MAX_KEYS;
  if (format !== FORMAT || !isWhole || !keys.every((key) => typeof key === 'string')) throw damagedFileError(path);
  return keys;
}

function parseJson(text: string): { readonly format?: unknown; readonly keys?: unknown } {
  try {
    return Object(JSON.parse(text));
  } catch {
    return {};
  }
}

/** Folders in which there are no stores of the host. */
const SKIPPED_FOLDERS: ReadonlySet<string> = new Set([VALUES_FOLDER, BACKUPS_FOLDER, DAMAGED_FOLDER]);

/** Returns the records of the sealed stores below a directory. */
function findSealedStores(directory: string): Buffer[] {
  const found: Buffer[] = [];
  const visit = (folder: string): void => {
    for (const entry of readdirSync(folder, { withFileTypes: true })) {
      if (entry.isFile() && entry.name === RECORD_FILE) found.push(readFileSync(join(folder, entry.name)));
      else if (entry.isDirectory() && !SKIPPED_FOLDERS.has(entry.name)) visit(join(folder, entry.name));
    }
  };
  try {
    visit(directory);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
  }
  return found;
}

/**
 * Returns options with the keys of the host in place of `sealed`. `what` names the store in the message.
 *
 * @throws {DiskCacheError} `BAD_OPTION` for `sealed: true` without keys.
 */
export function withStoreKeys<O extends SealedOption>(
  what: string,
  options: O,
  keys: EncryptionKeys | undefined,
): Omit<O, 'sealed'> & Partial<EncryptionKeys> {
  const { sealed = false, ...own } = options;
  if (typeof sealed !== 'boolean') throw new DiskCacheError('BAD_OPTION', `${what}: sealed has to be true or false`);
  if (!sealed) return own;
  if (keys !== undefined) return { ...own, ...keys };
  throw new DiskCacheError(
    'BAD_OPTION',
    `${what} has sealed: true; give its key to the host: openDiskCache({ seal: safeStorage, … })`,
  );
}

/** Same for the declared stores. */
export function sealStores<S extends StoreDeclarations>(stores: S, keys: EncryptionKeys | undefined): S {
  const sealed = Object.entries(stores).map(([name, declaration]) => [
    name,
    Object(Object(declaration).options).sealed === undefined
      ? declaration
      : { ...declaration, options: withStoreKeys(`Store "${name}"`, declaration.options as SealedOption, keys) },
  ]);
  return Object.fromEntries(sealed) as S;
}
