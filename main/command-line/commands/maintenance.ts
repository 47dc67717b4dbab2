import { setTimeout as wait } from 'node:timers/promises';
import type { Command } from 'commander';
import type { Cache, Change, DequeChange } from '../../engine/index.ts';
import { getCores, giveBackFreePages, toJson } from '../../engine/internal.ts';
import { type Context, getKeyFormat, type SharedOptions, withStore } from '../context.ts';
import { EXIT_CODES, Exit } from '../exit-code.ts';
import { formatKey } from '../keys.ts';
import { countItems, isCache, type OpenedStore } from '../stores.ts';
import { formatTable, writeBytes, writeLine } from '../terminal.ts';

/** `stats`, `check`, `vacuum`, `watch`. */
export function addMaintenanceCommands(program: Command, context: Context): void {
  program
    .command('stats <dir>')
    .description('kind, number of items and bytes on disk; of a cache also hits and misses')
    .action((dir: string, _: unknown, command: Command) => stats(context, dir, command.optsWithGlobals()));
  program
    .command('check <dir>')
    .description('look for damage; the exit code is 1 if there is any')
    .option('--repair', 'delete what is damaged, and rebuild a damaged database from what can be read')
    .action((dir: string, _: unknown, command: Command) => check(context, dir, command.optsWithGlobals()));
  program
    .command('vacuum <dir>')
    .description('give the free pages of the database back to the disk')
    .action((dir: string, _: unknown, command: Command) => vacuum(context, dir, command.optsWithGlobals()));
  program
    .command('watch <dir>')
    .description('write a line for each change, until Ctrl-C')
    .option('--values', 'with the new values')
    .action((dir: string, _: unknown, command: Command) => watch(context, dir, command.optsWithGlobals()));
}

async function stats(context: Context, argument: string, options: SharedOptions): Promise<void> {
  await withStore(context, argument, options, {}, async (opened, directory) => {
    const { kind, store } = opened;
    const counted = kind === 'cache' || kind === 'fanout' ? store.stats() : undefined;
    const facts = { directory, kind, items: countItems(opened), bytes: store.volume(), ...counted };
    if (options.json) return writeLine(context.terminal, JSON.stringify(facts));
    for (const [name, fact] of Object.entries(facts)) await writeLine(context.terminal, `${name.padEnd(9)}  ${fact}`);
  });
}

interface CheckOptions extends SharedOptions {
  readonly repair?: boolean;
}

async function check(context: Context, argument: string, { repair = false, ...options }: CheckOptions): Promise<void> {
  const { terminal } = context;
  const findings = await withStore(context, argument, options, { write: repair }, ({ store }) =>
    store.check({ repair }),
  );
  if (options.json) {
    for (const { key, ...finding } of findings)
      await writeLine(terminal, JSON.stringify({ ...finding, ...(key !== undefined && { key: toJson(key) }) }));
  } else {
    const rows = findings.map(({ code, message }) => [code, message]);
    if (rows.length > 0) for (const line of formatTable(['found', ''], rows)) await writeLine(terminal, line);
    await writeBytes(terminal.stderr, findings.length === 0 ? 'No damage found\n' : toSummary(findings.length, repair));
  }
  if (findings.length > 0 && !repair) throw new Exit(EXIT_CODES.failed);
}

const toSummary = (count: number, isRepaired: boolean): string =>
  `${count} ${count === 1 ? 'finding' : 'findings'}, ${isRepaired ? 'repaired' : 'not repaired; --repair does that'}\n`;

async function vacuum(context: Context, argument: string, options: SharedOptions): Promise<void> {
  const { terminal } = context;
  const bytes = await withStore(context, argument, options, { write: true }, ({ store }) =>
    getCores('vacuum', store).reduce((sum, core) => sum + giveBackFreePages(core), 0),
  );
  await writeLine(terminal, options.json ? JSON.stringify({ bytes }) : `${bytes} bytes given back`);
}

interface WatchOptions extends SharedOptions {
  readonly values?: boolean;
}

async function watch(context: Context, argument: string, options: WatchOptions): Promise<void> {
  // Listening writes: the other processes log their changes while someone listens.
  await withStore(context, argument, options, { write: true }, async (opened) => {
    const { terminal } = context;
    let written = Promise.resolve();
    const unsubscribe = subscribe(opened, options, (change) => {
      written = written.then(() => writeLine(terminal, formatChange(change, options)));
    });
    try {
      if (terminal.stderr.isTTY) await writeBytes(terminal.stderr, 'Watching; Ctrl-C ends it\n');
      while (!terminal.interrupt.aborted) await wait(1000, undefined, { signal: terminal.interrupt }).catch(() => {});
    } finally {
      unsubscribe();
      await written;
    }
  });
}

type AnyChange = Change | DequeChange;

function subscribe(opened: OpenedStore, { values }: WatchOptions, listener: (change: AnyChange) => void): () => void {
  if (opened.kind === 'deque') return opened.store.subscribe(listener);
  const options = values ? { values } : {};
  if (isCache(opened)) return (opened.store as Cache).subscribe(listener, options);
  return opened.kind === 'settings' ? opened.store.subscribe(listener) : opened.store.subscribe(listener, options);
}

function formatChange(change: AnyChange, options: WatchOptions): string {
  const { kind, key, value } = change as Change;
  const hasValue = options.values && kind === 'set';
  if (options.json)
    return JSON.stringify({
      at: Date.now(),
      kind,
      ...(key !== undefined && { key: toJson(key) }),
      ...(hasValue && { value: toJson(value) }),
    });
  const parts = [
    new Date().toISOString(),
    kind.padEnd(6),
    ...(key === undefined ? [] : [formatKey(key, getKeyFormat(options))]),
  ];
  return [...parts, ...(hasValue ? [JSON.stringify(toJson(value))] : [])].join('  ').trimEnd();
}
