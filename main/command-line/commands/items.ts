import { readFile } from 'node:fs/promises';
import { inspect } from 'node:util';
import { type Command, Option } from 'commander';
import type { OpenedStore } from '../../archive/open-store.ts';
import { type Cache, type Deque, DiskCacheError, type Index, type Settings } from '../../engine/index.ts';
import { fromJson, toJson } from '../../engine/internal.ts';
import { type Context, getKeyFormat, type SharedOptions, withStore } from '../context.ts';
import { EXIT_CODES, Exit } from '../exit-code.ts';
import { type KeyFormat, parseKey } from '../keys.ts';
import { createNoTagsError, isCache } from '../stores.ts';
import { parseCount, readAll, writeBytes, writeLine } from '../terminal.ts';

/** `get`, `set`, `rm`. */
export function addItemCommands(program: Command, context: Context): void {
  program
    .command('get <dir> <key>')
    .description('write a value: text and bytes as they are, everything else readable, or as JSON with --json')
    .action((dir: string, key: string, _: unknown, command: Command) =>
      get(context, dir, key, command.optsWithGlobals()),
    );
  program
    .command('set <dir> <key> [value]')
    .description('store a value; without one, what comes from standard input')
    .addOption(new Option('--type <type>', 'what the value is').choices(['text', 'json', 'bytes']).default('text'))
    .option('--file <path>', 'store what is in a file')
    .option('--ttl <ms>', 'milliseconds until it expires', parseCount)
    .option('--tag <tag>', 'a label of items that are deleted together')
    .action((dir: string, key: string, value: string | undefined, _: unknown, command: Command) =>
      set(context, dir, key, value, command.optsWithGlobals()),
    );
  program
    .command('rm <dir> [keys...]')
    .description('delete items')
    .option('--prefix <key>', 'all whose key begins with it')
    .option('--tag <tag>', 'all of a cache with this tag')
    .option('--all', 'everything in the store')
    .action((dir: string, keys: string[], _: unknown, command: Command) =>
      remove(context, dir, keys, command.optsWithGlobals()),
    );
}

async function get(context: Context, argument: string, key: string, options: SharedOptions): Promise<void> {
  await withStore(context, argument, options, {}, async (opened) => {
    const value = getValue(opened, key, getKeyFormat(options));
    if (value === undefined && !hasItem(opened, key, options)) {
      await writeBytes(context.terminal.stderr, `${key} is not in the store\n`);
      throw new Exit(EXIT_CODES.failed);
    }
    await writeValue(context, value, options);
  });
}

function getValue(opened: OpenedStore, key: string, format: KeyFormat): unknown {
  if (opened.kind === 'deque') return opened.store.at(parsePosition(key));
  if (opened.kind === 'settings') return opened.store.get(toPath(key, format));
  return opened.store.get(parseKey(key, format));
}

/** An item may hold `undefined`; values of a deque and settings are looked at only by their value. */
const hasItem = (opened: OpenedStore, key: string, options: SharedOptions): boolean =>
  opened.kind !== 'deque' && opened.kind !== 'settings' && opened.store.has(parseKey(key, getKeyFormat(options)));

/** `editor.fontSize`, or with --json-keys `["editor","fontSize"]`. */
const toPath = (key: string, format: KeyFormat): string[] =>
  [format === 'text' ? key.split('.') : parseKey(key, format)].flat() as string[];

function parsePosition(text: string): number {
  const position = Number(text);
  if (text.trim() !== '' && Number.isInteger(position)) return position;
  throw new DiskCacheError('BAD_KEY', `${text} is not a position of a deque: 0 is the first value, -1 the last one`);
}

async function writeValue({ terminal }: Context, value: unknown, { json }: SharedOptions): Promise<void> {
  if (json) return writeLine(terminal, JSON.stringify(toJson(value)));
  if (value instanceof Uint8Array) return writeBytes(terminal.stdout, value);
  if (typeof value !== 'string')
    return writeBytes(terminal.stdout, `${inspect(value, { depth: null, colors: useColors(terminal) })}\n`);
  // A pipe gets exactly the text; a prompt begins on a line of its own.
  await writeBytes(terminal.stdout, terminal.stdout.isTTY && !value.endsWith('\n') ? `${value}\n` : value);
}

const useColors = ({ stdout, env }: Context['terminal']): boolean => stdout.isTTY === true && !env['NO_COLOR'];

interface SetOptions extends SharedOptions {
  readonly type: 'text' | 'json' | 'bytes';
  readonly file?: string;
  readonly ttl?: number;
  readonly tag?: string;
}

async function set(
  context: Context,
  argument: string,
  key: string,
  given: string | undefined,
  options: SetOptions,
): Promise<void> {
  if (given !== undefined && options.file !== undefined)
    throw new DiskCacheError('BAD_OPTION', 'Both a value and --file were given; give one of them');
  const value = await readValue(context, given, options);
  await withStore(context, argument, options, { write: true }, (opened) => {
    const { ttl, tag } = options;
    const itemOptions = { ...(ttl !== undefined && { ttl }), ...(tag !== undefined && { tag }) };
    if (opened.kind === 'deque' || opened.kind === 'queue')
      throw new DiskCacheError('BAD_OPTION', `A ${opened.kind} has no keys to set; its application adds to it`);
    if (isCache(opened)) (opened.store as Cache).set(parseKey(key, getKeyFormat(options)), value, itemOptions);
    else if (ttl !== undefined || tag !== undefined) throw createNoTagsError(opened.kind);
    else if (opened.kind === 'settings') opened.store.set(toPath(key, getKeyFormat(options)), value);
    else (opened.store as Index).set(parseKey(key, getKeyFormat(options)), value);
  });
}

async function readValue(
  { terminal }: Context,
  given: string | undefined,
  { type, file }: SetOptions,
): Promise<unknown> {
  const bytes =
    given !== undefined ? Buffer.from(given) : file !== undefined ? await readFile(file) : await readAll(terminal);
  if (type === 'bytes') return new Uint8Array(bytes);
  if (type === 'text') return bytes.toString();
  try {
    return fromJson(JSON.parse(bytes.toString()));
  } catch (error) {
    throw new DiskCacheError(
      'BAD_VALUE',
      `The value is not JSON (${(error as Error).message}); for a text leave --type out`,
    );
  }
}

interface RemoveOptions extends SharedOptions {
  readonly prefix?: string;
  readonly tag?: string;
  readonly all?: boolean;
}

async function remove(context: Context, argument: string, keys: string[], options: RemoveOptions): Promise<void> {
  const { prefix, tag, all } = options;
  const ways = [keys.length > 0, prefix !== undefined, tag !== undefined, all === true].filter((given) => given).length;
  if (ways !== 1) throw new DiskCacheError('BAD_OPTION', 'Give keys, or one of --prefix, --tag and --all');
  const count = await withStore(context, argument, options, { write: true }, (opened) => {
    const format = getKeyFormat(options);
    if (opened.kind === 'deque') return removeFromDeque(opened.store, keys, all === true);
    if (opened.kind === 'settings') return resetSettings(opened.store, keys, options);
    if (opened.kind === 'queue')
      throw new DiskCacheError('BAD_OPTION', 'Jobs are removed by: deskcache queue rm <dir> <id>');
    if (all) return clear(opened.store as Cache | Index);
    if (prefix !== undefined) return opened.store.deletePrefix(parseKey(prefix, format));
    if (tag === undefined) return opened.store.deleteMany(keys.map((key) => parseKey(key, format)));
    if (!isCache(opened)) throw createNoTagsError(opened.kind);
    return (opened.store as Cache).evict(tag);
  });
  if (options.json) await writeLine(context.terminal, JSON.stringify({ deleted: count }));
  else await writeBytes(context.terminal.stderr, `${count} deleted\n`);
  if (count === 0 && keys.length > 0) throw new Exit(EXIT_CODES.failed);
}

function clear(store: Cache | Index): number {
  const count = store.size;
  store.clear();
  return count;
}

/** Returns how many settings had been set. */
function resetSettings(settings: Settings, keys: readonly string[], options: RemoveOptions): number {
  if (options.all !== true && keys.length === 0)
    throw new DiskCacheError('BAD_OPTION', 'Settings have names: give them, or --all');
  const paths = options.all
    ? Object.keys(settings.all()).map((name) => [name])
    : keys.map((key) => toPath(key, getKeyFormat(options)));
  const wereSet = paths.filter((path) => settings.has(path)).length;
  if (wereSet > 0) settings.reset(...paths);
  return wereSet;
}

function removeFromDeque(deque: Deque, positions: readonly string[], all: boolean): number {
  if (all) return deque.clear();
  if (positions.length === 0) throw new DiskCacheError('BAD_OPTION', 'A deque has positions: give them, or --all');
  // From the last to the first, so that the others keep their positions.
  const sorted = positions
    .map(parsePosition)
    .map((at) => (at < 0 ? at + deque.length : at))
    .sort((a, b) => b - a);
  return sorted.filter((at) => deque.delete(at)).length;
}
