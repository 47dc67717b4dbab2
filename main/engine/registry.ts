import { join } from 'node:path';
import { truncate } from '../../protocol/describe-value.ts';
import { DiskCacheError, type ErrorCode } from '../../protocol/error.ts';
import type { MoveSource } from '../../protocol/move-source.ts';
import type { CacheOptions, Codec, CollectionOptions } from '../../protocol/options.ts';
import {
  DEFAULT_STORE,
  type DequeDeclarationOptions,
  type FanoutDeclarationOptions,
  type IndexDeclarationOptions,
  type SettingsDeclarationOptions,
  type StoreDeclaration,
  type StoreDeclarations,
  toEngineOptions,
} from '../../protocol/stores.ts';
import { Cache } from './cache/cache.ts';
import type { HandleKind, StoreHandle } from './cache/open.ts';
import { Deque, type DequeOptions } from './deque/deque.ts';
import { FanoutCache } from './fanout/fanout-cache.ts';
import type { FanoutOptions } from './fanout/open-fanout.ts';
import { Index, type IndexOptions } from './index-map/index-map.ts';
import type { StandardSchema } from './index-map/schema.ts';
import { parseSources } from './moving/move-in.ts';
import { Settings, type SettingsOptions } from './settings/settings.ts';
import { openAsItIs, type StoreOpener } from './store-opener.ts';

export type { StoreHandle } from './cache/open.ts';

/** Options that a description can't hold. */
export interface Injected {
  readonly clock?: () => number;
  readonly codec?: Codec;
  readonly schema?: StandardSchema;
  readonly encryptionKey?: Uint8Array;
}

type HandleOpener = (directory: string, options: object) => unknown;

const HANDLE_OPENERS: Readonly<Partial<Record<HandleKind, HandleOpener>>> = {
  cache: (directory, options) => new Cache(directory, options as CacheOptions),
  fanout: (directory, options) => new FanoutCache(directory, options as FanoutOptions),
  index: (directory, options) => new Index(directory, options as IndexOptions),
  deque: (directory, options) => new Deque(directory, options as DequeOptions),
  settings: (directory, options) => new Settings(directory, options as SettingsOptions<object>),
};

/**
 * Opens the store that `describe` has described: in a worker thread, in another process, or later.
 *
 * @throws {DiskCacheError} `BAD_OPTION` for anything but a description, and for missing options, by name; else what opening throws.
 */
export function reopen<Handle>(description: StoreHandle<Handle>, injected: Injected = {}): Handle {
  const { kind, directory, options, required } = Object(description) as Partial<StoreHandle>;
  const open = typeof kind === 'string' && Object.hasOwn(HANDLE_OPENERS, kind) ? HANDLE_OPENERS[kind] : undefined;
  if (open === undefined || typeof directory !== 'string' || typeof options !== 'object' || !Array.isArray(required)) {
    throw new DiskCacheError('BAD_OPTION', 'reopen takes the result of describe() of a store');
  }
  const missing = required.filter((name) => !Object.hasOwn(injected, name));
  if (missing.length > 0) {
    throw new DiskCacheError(
      'BAD_OPTION',
      `${directory} was opened with ${missing.join(' and ')}, which can't be described; pass it: reopen(description, { ${missing.join(', ')} })`,
    );
  }
  return open(directory, { ...options, ...injected }) as Handle;
}

/** An open store of any kind. */
export type EngineStore = Cache | FanoutCache | Index | Deque | Settings;

const DECLARATION_OPENERS: Readonly<
  Record<StoreDeclaration['kind'], (directory: string, options: never) => EngineStore>
> = {
  cache: (directory, options) => new Cache(directory, options),
  fanout: (directory, options: FanoutDeclarationOptions) => new FanoutCache(directory, options),
  index: (directory, options: IndexDeclarationOptions) => new Index(directory, options),
  deque: (directory, options: DequeDeclarationOptions) => new Deque(directory, options),
  settings: (directory, options: SettingsDeclarationOptions) => new Settings(directory, options),
};

export interface RegistryOptions {
  /** The directory of the application, where the relative paths of `from` start. */
  readonly userData?: string | undefined;
  /** Whether a store is opened with `exclusive` if its own options don't say it. Default: none is. */
  readonly isExclusive?: (declaration: StoreDeclaration) => boolean;
  /** Opens each store. Default: refuses a damaged one. */
  readonly openStore?: StoreOpener;
}

/** The stores of one application: each is opened once, in its own folder below `directory`; all are closed together. */
export class Registry {
  readonly #stores = new Map<string, EngineStore>();

  /** @throws {DiskCacheError} what opening the failing store throws; those opened before it are closed again. */
  constructor(directory: string, declarations: StoreDeclarations, options: RegistryOptions = {}) {
    const all: StoreDeclarations = { [DEFAULT_STORE]: { kind: 'cache', options: {} }, ...declarations };
    try {
      for (const [name, declaration] of Object.entries(all)) {
        this.#stores.set(name, openDeclared(name, declaration, directory, options));
      }
    } catch (error) {
      this.close();
      throw error;
    }
  }

  /** @throws {DiskCacheError} `NO_SUCH_STORE`. */
  get(name: string): EngineStore {
    const store = this.#stores.get(name);
    if (store) return store;
    throw new DiskCacheError(
      'NO_SUCH_STORE',
      `Store "${truncate(name)}" was not declared; add it to defineStores({ … })`,
    );
  }

  get stores(): Readonly<Record<string, EngineStore>> {
    return Object.fromEntries(this.#stores);
  }

  close(): void {
    for (const store of this.#stores.values()) store.close();
  }
}

/** @throws {DiskCacheError} with the name of the store for a bad option; other errors contain its path. */
function openDeclared(
  name: string,
  declaration: StoreDeclaration,
  directory: string,
  { userData, isExclusive = () => false, openStore = openAsItIs }: RegistryOptions,
): EngineStore {
  const { kind, options } = Object(declaration) as StoreDeclaration;
  if (!Object.hasOwn(DECLARATION_OPENERS, kind)) {
    const kinds = Object.keys(DECLARATION_OPENERS).map((known) => `${known}()`);
    throw new DiskCacheError('BAD_OPTION', `Store "${name}" has no declaration; give it one of ${kinds.join(', ')}`);
  }
  try {
    const located = withLocatedSources(toEngineOptions(options), userData);
    const opened = isExclusive(declaration) ? withExclusive(located) : located;
    const path = join(directory, name);
    const { onDamage, readOnly } = options;
    const version = kind === 'index' ? options.version : undefined;
    return openStore({ name, directory: path, kind, onDamage, version, readOnly }, () =>
      DECLARATION_OPENERS[kind](path, opened as never),
    );
  } catch (error) {
    if (!(error instanceof DiskCacheError) || !NAMED_CODES.has(error.code)) throw error;
    throw new DiskCacheError(error.code, `Store "${name}" can't be opened: ${error.message}`, { cause: error });
  }
}

/** Errors that get the name of the store. */
const NAMED_CODES: ReadonlySet<ErrorCode> = new Set<ErrorCode>(['BAD_OPTION', 'BUSY']);

/**
 * Returns the options of a store that is opened with `exclusive` by default: what the application has chosen comes first, and a reader
 * takes no exclusive lock.
 */
export const withExclusive = <O extends CollectionOptions>(options: O): O =>
  options.exclusive === undefined && options.readOnly !== true ? { ...options, exclusive: true } : options;

function withLocatedSources(options: object, userData: string | undefined): object {
  const { from } = options as { readonly from?: MoveSource };
  return from === undefined ? options : { ...options, from: parseSources(from, userData) };
}
