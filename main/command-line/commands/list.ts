import { inspect } from 'node:util';
import { type Command, Option } from 'commander';
import { isStore, listStores, type OpenedStore } from '../../archive/open-store.ts';
import {
  type Cache,
  type Deque,
  DiskCacheError,
  type FanoutCache,
  type Index,
  type Key,
  type Settings,
} from '../../engine/index.ts';
import { toJson } from '../../engine/internal.ts';
import { type Context, getKeyFormat, type SharedOptions, withStore } from '../context.ts';
import { formatKey, parseKey } from '../keys.ts';
import { countItems, createNoTagsError, findDirectory, isCache, openStore } from '../stores.ts';
import { formatTable, parseCount, writeLine } from '../terminal.ts';

export function addListCommand(program: Command, context: Context): void {
  program
    .command('ls <dir>')
    .description('list the keys of a store, or the stores in a folder')
    .option('-l, --long', 'with size, time of storing, expiry and tag')
    .option('--prefix <key>', 'keys that begin with it; with --json-keys a tuple')
    .option('--tag <tag>', 'items of a cache with this tag')
    .option('--limit <n>', 'at most this many', parseCount)
    .option('--reverse', 'from the last to the first')
    .addOption(new Option('--order <order>', 'how to sort').choices(['key', 'stored']).default('key'))
    .action((dir: string, _: unknown, command: Command) => list(context, dir, command.optsWithGlobals()));
}

interface ListOptions extends SharedOptions {
  readonly long?: boolean;
  readonly prefix?: string;
  readonly tag?: string;
  readonly limit?: number;
  readonly reverse?: boolean;
  readonly order: 'key' | 'stored';
}

async function list(context: Context, argument: string, options: ListOptions): Promise<void> {
  const directory = findDirectory(argument, context.terminal.env);
  if (!isStore(directory)) return listFolder(context, directory, options);
  await withStore(context, argument, options, {}, async (opened) => {
    if (opened.kind === 'deque') return listDeque(context, opened.store, options);
    if (opened.kind === 'settings') return listSettings(context, opened.store, options);
    const { store } = opened;
    const format = getKeyFormat(options);
    const toKeyLine = (key: Key): string => formatKey(key, options.json ? 'json' : format);
    const { prefix, tag, limit, reverse, order } = options;
    const range = {
      order,
      ...(prefix !== undefined && { prefix: parseKey(prefix, format) }),
      ...(limit !== undefined && { limit }),
      ...(reverse && { reverse }),
    };
    if (tag !== undefined && !isCache(opened)) throw createNoTagsError(opened.kind);
    const keys = store.keys(tag === undefined ? range : ({ ...range, tag } as object));
    if (!options.long) {
      for (const key of keys) await writeLine(context.terminal, toKeyLine(key));
      return;
    }
    await listLong(context, opened, keys, options);
  });
}

async function listFolder({ terminal }: Context, directory: string, { json, keyFile }: ListOptions): Promise<void> {
  const stores = listStores(directory);
  if (stores.length === 0)
    throw new DiskCacheError('NO_SUCH_STORE', `${directory} and the folders in it hold no store`);
  const rows = stores.map((path) => describeStore(directory, path, keyFile));
  if (json) for (const row of rows) await writeLine(terminal, JSON.stringify(row));
  else {
    const cells = rows.map(({ path, kind, items, bytes, error }) => [
      path,
      kind ?? error ?? '',
      `${items ?? ''}`,
      `${bytes ?? ''}`,
    ]);
    for (const line of formatTable(['store', 'kind', 'items', 'bytes'], cells)) await writeLine(terminal, line);
  }
}

interface StoreRow {
  readonly path: string;
  readonly kind?: string;
  readonly items?: number;
  readonly bytes?: number;
  /** The code of the error, such as `BUSY` for a store that an application has for itself. */
  readonly error?: string;
}

/** One store that can't be opened doesn't hide the others. */
function describeStore(directory: string, path: string, keyFile: string | undefined): StoreRow {
  try {
    const { kind, store } = openStore(`${directory}/${path}`, keyFile === undefined ? {} : { keyFile });
    try {
      return { path, kind, items: countItems({ kind, store } as OpenedStore), bytes: store.volume() };
    } finally {
      store.close();
    }
  } catch (error) {
    if (!(error instanceof DiskCacheError)) throw error;
    return { path, error: error.code };
  }
}

async function listDeque({ terminal }: Context, deque: Deque, { limit, reverse, json }: ListOptions): Promise<void> {
  let left = limit ?? Number.POSITIVE_INFINITY;
  let position = reverse ? deque.length - 1 : 0;
  for (const value of reverse ? deque.reversed() : deque.values()) {
    if (left-- <= 0) return;
    await writeLine(terminal, json ? JSON.stringify(toJson(value)) : `${position}  ${formatLine(value)}`);
    position += reverse ? -1 : 1;
  }
}

async function listSettings({ terminal }: Context, settings: Settings, { json, long }: ListOptions): Promise<void> {
  for (const [name, value] of Object.entries(settings.all()))
    if (json) await writeLine(terminal, JSON.stringify(long ? { key: name, value: toJson(value) } : name));
    else await writeLine(terminal, long ? `${formatKey(name)}  ${formatLine(value)}` : formatKey(name));
}

/** Returns a value as one short line. */
const formatLine = (value: unknown): string =>
  typeof value === 'string' && value.length <= 80
    ? JSON.stringify(value)
    : inspect(value, { breakLength: Number.POSITIVE_INFINITY, maxArrayLength: 8, maxStringLength: 80, depth: 2 });

async function listLong(
  { terminal }: Context,
  opened: Exclude<OpenedStore, { kind: 'deque' | 'settings' }>,
  keys: Iterable<Key>,
  options: ListOptions,
): Promise<void> {
  const format = getKeyFormat(options);
  for (const key of keys) {
    if (!isCache(opened)) {
      const value = formatLine((opened.store as Index).get(key));
      await writeLine(
        terminal,
        options.json ? JSON.stringify({ key: toJson(key) }) : `${formatKey(key, format)}  ${value}`,
      );
      continue;
    }
    const entry = (opened.store as Cache | FanoutCache).getEntry(key);
    if (entry === undefined) continue;
    const { bytes, storedAt, expiresAt, tag, hits } = entry;
    await writeLine(
      terminal,
      options.json
        ? JSON.stringify({ key: toJson(key), bytes, storedAt, expiresAt, tag, hits })
        : [
            `${bytes}`.padStart(10),
            toTime(storedAt),
            expiresAt === undefined ? 'never'.padEnd(24) : toTime(expiresAt),
            tag === undefined ? '-' : String(tag),
            formatKey(key, format),
          ].join('  '),
    );
  }
}

const toTime = (ms: number): string => new Date(ms).toISOString();
