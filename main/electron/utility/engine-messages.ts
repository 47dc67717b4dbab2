import { isAbsolute } from 'node:path';
import { pathToFileURL } from 'node:url';
import { findValueFault } from '../../../protocol/clone-check.ts';
import { formatValue } from '../../../protocol/describe-value.ts';
import { DiskCacheError, type ErrorData, isErrorData } from '../../../protocol/error.ts';
import type { EncryptionKeys } from '../../../protocol/options.ts';
import type { OnDamage, StoreDeclarations } from '../../../protocol/stores.ts';
import type { Outcome } from '../../../protocol/wire.ts';
import { type DamageReport, isDamageReport } from '../../damage/report.ts';
import type { OpenQueueOptions } from '../../offline/index.ts';
import type { SessionRights } from '../engine-endpoint.ts';
import type { ExclusiveStores } from '../exclusive-stores.ts';
import type { WindowStoreId, WindowStoreOptions } from '../window-stores.ts';

/*
 * Messages between the main process and the utility process that runs the engine: plain data, one object each. Both processes run the same
 * build, so no other version has to understand them.
 */

/** What to open. */
export interface OpenCommand {
  readonly directory: string;
  /** The application's own directory, for the relative paths of files that a store moves in. */
  readonly userData: string | undefined;
  readonly stores: SerializedStores;
  readonly windows: WindowStoreOptions | undefined;
  /** False: the process starts no worker thread. */
  readonly workerThread?: boolean | undefined;
  readonly exclusive?: ExclusiveStores | undefined;
  /** The keys of stores with `sealed: true`, which a module of declarations doesn't have. */
  readonly storeKeys?: EncryptionKeys | undefined;
  readonly onDamage?: OnDamage | undefined;
  /** Whether metrics are counted from the start. */
  readonly metrics?: boolean | undefined;
  readonly slowCallWarningMs?: number | undefined;
}

/** Declarations without functions are sent as they are; others as the module that has them, and the kinds it must declare. */
export type SerializedStores =
  | { readonly declarations: StoreDeclarations }
  | { readonly module: string; readonly kinds: Readonly<Record<string, string>> };

/** A queue that pages may call from now on. */
export interface NamedQueue {
  readonly name: string;
  readonly options: OpenQueueOptions | undefined;
}

/** A command that is answered by its id. */
export type Query =
  | { readonly call: 'windows.list' }
  | { readonly call: 'windows.clear'; readonly name: string | undefined }
  | { readonly call: 'settings.read'; readonly store: string }
  | { readonly call: 'metrics' }
  /** Without `folders`, of all stores. Tells of its progress. */
  | { readonly call: 'backup'; readonly path: string; readonly folders: readonly string[] | undefined };

export type Command =
  /** The first command, answered by `opened` or `failed`. `attached` lists the open windows, whose session shards are kept. */
  | { readonly type: 'open'; readonly opening: OpenCommand; readonly attached: readonly WindowStoreId[] }
  | { readonly type: 'attach'; readonly window: number; readonly shard: WindowStoreId }
  | { readonly type: 'release'; readonly window: number }
  /** Sent together with the port. Without a window the caller is the main process itself. */
  | {
      readonly type: 'session';
      readonly id: number;
      readonly window: number | undefined;
      readonly rights: SessionRights;
    }
  | { readonly type: 'end'; readonly id: number; readonly reason: ErrorData }
  | { readonly type: 'call'; readonly id: number; readonly query: Query }
  /** Ends a call under way. */
  | { readonly type: 'abort'; readonly id: number }
  | { readonly type: 'openQueue'; readonly queue: NamedQueue }
  | { readonly type: 'close' };

/** The result of `open`, and later events. */
export type EngineEvent =
  | { readonly event: 'opened' }
  | { readonly event: 'failed'; readonly error: ErrorData }
  /** A store is damaged, or was and has been repaired. May come before `opened`. */
  | { readonly event: 'damaged'; readonly report: DamageReport }
  | RunningEvent;

export type RunningEvent =
  /** A session has ended by itself. */
  | { readonly event: 'ended'; readonly id: number }
  | { readonly event: 'progress'; readonly id: number; readonly progress: unknown }
  | { readonly event: 'answer'; readonly id: number; readonly outcome: Outcome };

/** Returns whether a message of the utility process is a valid event: a module of the application could post others. */
export function isEngineEvent(message: unknown): message is EngineEvent {
  const { event, id, error, outcome, report } = Object(message) as Record<string, unknown>;
  switch (event) {
    case 'opened':
      return true;
    case 'failed':
      return isErrorData(error);
    case 'damaged':
      return isDamageReport(report);
    case 'ended':
    case 'progress':
      return typeof id === 'number';
    case 'answer':
      return typeof id === 'number' && typeof outcome === 'object' && outcome !== null;
    default:
      return false;
  }
}

/** The module in which the utility process finds the result of `defineStores`: an absolute path or a `file:` URL. */
export type StoresModule = string | URL;

/**
 * Returns the declarations to send to the utility process. Functions can't be sent: if there are any, the process imports the module
 * itself.
 *
 * @throws {DiskCacheError} `BAD_OPTION`, naming the store and the option.
 */
export function serializeStores(stores: StoreDeclarations, storesModule: StoresModule | undefined): SerializedStores {
  if (storesModule !== undefined) return { module: toModuleUrl(storesModule), kinds: getKinds(stores) };
  for (const [name, { options }] of Object.entries(stores)) {
    for (const [option, value] of Object.entries(options)) {
      const fault = findValueFault(value, option);
      if (fault === undefined) continue;
      throw new DiskCacheError(
        'BAD_OPTION',
        `Store "${name}" can't be opened in a utility process: ${fault}, which can't be sent there. Declare the stores in a module and pass storesModule: new URL('./stores.js', import.meta.url)`,
      );
    }
  }
  return { declarations: stores };
}

/** @throws {DiskCacheError} `BAD_OPTION` for options that can't be sent. */
export function assertSendableWindowOptions(windows: WindowStoreOptions | undefined): WindowStoreOptions | undefined {
  const fault = windows === undefined ? undefined : findValueFault(windows, 'windows');
  if (fault === undefined) return windows;
  throw new DiskCacheError('BAD_OPTION', `${fault}, which can't be sent to a utility process; leave it out`);
}

/**
 * Returns the declarations of a module, from its export `stores`, or else `default`.
 *
 * @throws {DiskCacheError} `BAD_OPTION` if the module can't be imported, or declares other stores than main does.
 */
export async function deserializeStores(sent: SerializedStores): Promise<StoreDeclarations> {
  if ('declarations' in sent) return sent.declarations;
  const declared = await importStores(sent.module);
  const ownKinds = getKinds(declared);
  for (const name of new Set([...Object.keys(sent.kinds), ...Object.keys(ownKinds)])) {
    if (sent.kinds[name] === ownKinds[name]) continue;
    throw new DiskCacheError(
      'BAD_OPTION',
      `storesModule ${sent.module} declares ${describeStore(name, ownKinds[name])}, and openDiskCache was given ${describeStore(name, sent.kinds[name])}; import the same declarations`,
    );
  }
  return declared;
}

async function importStores(module: string): Promise<StoreDeclarations> {
  let all: Readonly<Record<string, unknown>>;
  try {
    all = (await import(module)) as Readonly<Record<string, unknown>>;
  } catch (cause) {
    throw new DiskCacheError('BAD_OPTION', `storesModule ${module} can't be imported: ${String(cause)}`, { cause });
  }
  // The default export of a CommonJS module is its `module.exports`.
  const candidates = [all['stores'], Object(all['default']).stores, all['default']];
  const found = candidates.find(isDeclarations);
  if (found !== undefined) return found;
  throw new DiskCacheError(
    'BAD_OPTION',
    `storesModule ${module} exports no stores: export const stores = defineStores({ … })`,
  );
}

const isDeclarations = (value: unknown): value is StoreDeclarations =>
  typeof value === 'object' &&
  value !== null &&
  Object.values(value).every(
    (it: unknown) => typeof Object(it).kind === 'string' && typeof Object(it).options === 'object',
  );

const getKinds = (stores: StoreDeclarations): Readonly<Record<string, string>> =>
  Object.fromEntries(Object.entries(stores).map(([name, { kind }]) => [name, kind]));

const describeStore = (name: string, kind: string | undefined): string =>
  kind === undefined ? `no "${name}"` : `"${name}" as ${kind}`;

function toModuleUrl(module: StoresModule): string {
  if (module instanceof URL && module.protocol === 'file:') return module.href;
  if (typeof module === 'string' && module.startsWith('file:')) return module;
  if (typeof module === 'string' && isAbsolute(module)) return pathToFileURL(module).href;
  throw new DiskCacheError(
    'BAD_OPTION',
    `storesModule is ${formatValue(module, "'")}; it has to be an absolute path or a file: address, such as new URL('./stores.js', import.meta.url)`,
  );
}
