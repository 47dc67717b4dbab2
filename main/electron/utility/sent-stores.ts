import { isAbsolute } from 'node:path';
import { pathToFileURL } from 'node:url';
import { DiskCacheError } from '../../../protocol/error.ts';
import { shownValue } from '../../../protocol/fault.ts';
import type { StoreDeclarations } from '../../../protocol/stores.ts';
import { valueFault } from '../../../protocol/value.ts';
import type { WindowOptions } from '../windows.ts';
import type { SentStores } from './orders.ts';

/** Where `defineStores` was called for the utility process: an absolute path or a `file:` address. */
export type StoresModule = string | URL;

/**
 * Declarations as the utility process gets them. No function crosses to it: where there are some it imports the module itself.
 *
 * @throws {DiskCacheError} `BAD_OPTION` that names the store and the option.
 */
export function sentStores(stores: StoreDeclarations, storesModule: StoresModule | undefined): SentStores {
  if (storesModule !== undefined) return { module: addressOf(storesModule), kinds: kindsOf(stores) };
  for (const [name, { options }] of Object.entries(stores)) {
    for (const [option, value] of Object.entries(options)) {
      const fault = valueFault(value, option);
      if (fault === undefined) continue;
      throw new DiskCacheError(
        'BAD_OPTION',
        `Store "${name}" can't be opened in a utility process: ${fault}, which can't be sent there. Declare the stores in a module and pass storesModule: new URL('./stores.js', import.meta.url)`,
      );
    }
  }
  return { declarations: stores };
}

/** @throws {DiskCacheError} `BAD_OPTION` for what can't cross. */
export function sentWindows(windows: WindowOptions | undefined): WindowOptions | undefined {
  const fault = windows === undefined ? undefined : valueFault(windows, 'windows');
  if (fault === undefined) return windows;
  throw new DiskCacheError('BAD_OPTION', `${fault}, which can't be sent to a utility process; leave it out`);
}

/**
 * What a module has declared, by its export `stores`, or else `default`.
 *
 * @throws {DiskCacheError} `BAD_OPTION` for a module that can't be imported, or that declares other stores than main does.
 */
export async function storesFrom(sent: SentStores): Promise<StoreDeclarations> {
  if ('declarations' in sent) return sent.declarations;
  const declared = await exported(sent.module);
  const theirs = kindsOf(declared);
  for (const name of new Set([...Object.keys(sent.kinds), ...Object.keys(theirs)])) {
    if (sent.kinds[name] === theirs[name]) continue;
    throw new DiskCacheError(
      'BAD_OPTION',
      `storesModule ${sent.module} declares ${said(name, theirs[name])}, and openDiskCache was given ${said(name, sent.kinds[name])}; import the same declarations`,
    );
  }
  return declared;
}

async function exported(module: string): Promise<StoreDeclarations> {
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

const kindsOf = (stores: StoreDeclarations): Readonly<Record<string, string>> =>
  Object.fromEntries(Object.entries(stores).map(([name, { kind }]) => [name, kind]));

const said = (name: string, kind: string | undefined): string =>
  kind === undefined ? `no "${name}"` : `"${name}" as ${kind}`;

function addressOf(module: StoresModule): string {
  if (module instanceof URL && module.protocol === 'file:') return module.href;
  if (typeof module === 'string' && module.startsWith('file:')) return module;
  if (typeof module === 'string' && isAbsolute(module)) return pathToFileURL(module).href;
  throw new DiskCacheError(
    'BAD_OPTION',
    `storesModule is ${shownValue(module, "'")}; it has to be an absolute path or a file: address, such as new URL('./stores.js', import.meta.url)`,
  );
}
