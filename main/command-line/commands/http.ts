import type { Command } from 'commander';
import { type Cache, DiskCacheError } from '../../engine/index.ts';
import { createHttpCache } from '../../offline/index.ts';
import { type Context, type SharedOptions, withStore } from '../context.ts';
import { EXIT_CODES, Exit } from '../exit-code.ts';
import { writeBytes, writeLine } from '../terminal.ts';

/** As `ResponseStore` keeps them: the heads of a URL's responses at `['http', partition, url]`. */
const HTTP = 'http';

interface Head {
  readonly status: number;
  readonly statusText: string;
  readonly headers: readonly (readonly [name: string, value: string])[];
  readonly receivedAt: number;
}

interface HttpOptions extends SharedOptions {
  readonly partition?: string;
}

/** `http ls`, `show`, `forget`. */
export function addHttpCommands(program: Command, context: Context): void {
  const http = program.command('http').description('look at the responses that an HTTP cache keeps');
  const add = (usage: string, description: string): Command =>
    http.command(usage).description(description).option('--partition <name>', 'of this partition only');
  add('ls <dir>', 'list the URLs, with status and age').action((dir: string, _: unknown, command: Command) =>
    list(context, dir, command.optsWithGlobals()),
  );
  add('show <dir> <url>', 'write the heads of its responses').action(
    (dir: string, url: string, _: unknown, command: Command) => show(context, dir, url, command.optsWithGlobals()),
  );
  add('forget <dir> <urls...>', 'delete the responses of URLs').action(
    (dir: string, urls: string[], _: unknown, command: Command) =>
      forget(context, dir, urls, command.optsWithGlobals()),
  );
}

function withCache<T>(
  context: Context,
  argument: string,
  options: HttpOptions,
  write: boolean,
  work: (cache: Cache) => T | Promise<T>,
): Promise<T> {
  return withStore(context, argument, options, { write }, ({ kind, store }, directory) => {
    if (kind === 'cache' || kind === 'fanout') return work(store as Cache);
    throw new DiskCacheError(
      'BAD_OPTION',
      `${directory} holds responses of no HTTP cache: its kind is ${kind}; give the folder of a cache`,
    );
  });
}

const readKeys = (cache: Cache, { partition }: HttpOptions): Iterable<readonly [string, string, string]> =>
  cache.keys({ order: 'key', prefix: partition === undefined ? [HTTP] : [HTTP, partition] }) as Iterable<never>;

async function list(context: Context, argument: string, options: HttpOptions): Promise<void> {
  await withCache(context, argument, options, false, async (cache) => {
    for (const key of readKeys(cache, options)) {
      const heads = (cache.get(key) ?? []) as readonly Head[];
      const [, partition, url] = key;
      for (const { status, receivedAt, headers } of heads) {
        const row = {
          url,
          ...(partition !== '' && { partition }),
          status,
          receivedAt,
          type: findHeader(headers, 'content-type'),
        };
        await writeLine(context.terminal, options.json ? JSON.stringify(row) : formatRow(row));
      }
    }
  });
}

const findHeader = (headers: Head['headers'], name: string): string | undefined =>
  headers.find(([it]) => it.toLowerCase() === name)?.[1];

const formatRow = ({
  url,
  partition,
  status,
  receivedAt,
}: {
  url: string;
  partition?: string;
  status: number;
  receivedAt: number;
}): string =>
  [
    `${status}`,
    formatAge(Date.now() - receivedAt).padStart(6),
    url,
    ...(partition === undefined ? [] : [`(${partition})`]),
  ].join('  ');

const UNITS = [
  ['d', 86_400_000],
  ['h', 3_600_000],
  ['min', 60_000],
  ['s', 1000],
] as const;

function formatAge(ms: number): string {
  const [unit, length] = UNITS.find(([, length]) => ms >= length) ?? UNITS[3];
  return `${Math.max(0, Math.floor(ms / length))} ${unit}`;
}

async function show(context: Context, argument: string, url: string, options: HttpOptions): Promise<void> {
  await withCache(context, argument, options, false, async (cache) => {
    const found = Array.from(readKeys(cache, options)).filter(([, , stored]) => stored === url);
    if (found.length === 0) return failMissing(context, url);
    for (const key of found) {
      for (const head of (cache.get(key) ?? []) as readonly Head[]) {
        const { status, statusText, headers, receivedAt } = head;
        if (options.json)
          await writeLine(
            context.terminal,
            JSON.stringify({ url, partition: key[1], status, statusText, headers, receivedAt }),
          );
        else {
          const lines = [`${status} ${statusText}`.trim(), ...headers.map((field) => field.join(': ')), ''];
          for (const line of lines) await writeLine(context.terminal, line);
        }
      }
    }
  });
}

async function failMissing({ terminal }: Context, url: string): Promise<never> {
  await writeBytes(terminal.stderr, `No response of ${url} is stored\n`);
  throw new Exit(EXIT_CODES.failed);
}

async function forget(
  context: Context,
  argument: string,
  urls: readonly string[],
  options: HttpOptions,
): Promise<void> {
  const missing = await withCache(context, argument, options, true, (cache) =>
    urls.filter((url) => {
      const partitions = Array.from(readKeys(cache, options)).flatMap(([, partition, stored]) =>
        stored === url ? [partition] : [],
      );
      return !partitions
        .map((partition) => createHttpCache({ cache, partition, fetch: refuse }).delete(url))
        .includes(true);
    }),
  );
  if (missing.length > 0) return failMissing(context, missing.join(', '));
}

const refuse = (): Promise<Response> => Promise.reject(new Error('The command line sends no requests'));
