import { once } from 'node:events';
import { createReadStream, createWriteStream } from 'node:fs';
import { rename, rm } from 'node:fs/promises';
import { resolve } from 'node:path';
import type { Writable } from 'node:stream';
import { type Command, Option } from 'commander';
import { createStore, type ImportableStore } from '../../archive/create-store.ts';
import { readLines } from '../../archive/lines.ts';
import { isStore } from '../../archive/open-store.ts';
import {
  DiskCacheError,
  type ExportOptions,
  type ExportPosition,
  type ImportLinesOptions,
} from '../../engine/index.ts';
import { readExportHeader, toJson } from '../../engine/internal.ts';
import { exportQueueIndex } from '../../queue/export-jobs.ts';
import { Queue } from '../../queue/index.ts';
import { type Context, type SharedOptions, withStore } from '../context.ts';
import { EXIT_CODES, Exit } from '../exit-code.ts';
import { Progress } from '../progress.ts';
import { openStore, readKey } from '../stores.ts';
import { writeBytes, writeLine } from '../terminal.ts';

/** `export`, `import`. */
export function addExportCommands(program: Command, context: Context): void {
  program
    .command('export <dir>')
    .description('write a store as lines of JSON, to standard output or a file')
    .option('-o, --output <file>', 'the file, which appears when it is whole; - is standard output', '-')
    .option('--after <at>', 'go on behind the line with this "at"')
    .action((dir: string, _: unknown, command: Command) => exportTo(context, dir, command.optsWithGlobals()));
  program
    .command('import <file> <dir>')
    .description('import what export has written, - from standard input; a new folder becomes a store of the same kind')
    .addOption(
      new Option('--existing <what>', 'what to do with items that are there already')
        .choices(['keep', 'replace'])
        .default('keep'),
    )
    .action((file: string, dir: string, _: unknown, command: Command) =>
      importFrom(context, file, dir, command.optsWithGlobals()),
    );
}

interface ExportFlags extends SharedOptions {
  readonly output: string;
  readonly after?: string;
}

async function exportTo(context: Context, directory: string, options: ExportFlags): Promise<void> {
  const { terminal } = context;
  await withStore(context, directory, options, {}, async ({ kind, store }) => {
    const progress = new Progress(terminal);
    const exportOptions: ExportOptions = {
      signal: terminal.interrupt,
      onProgress: ({ done, total }) => progress.update(done, total),
      ...(options.after !== undefined && { after: parsePosition(options.after) }),
    };
    const lines = kind === 'queue' ? exportQueueIndex(store, exportOptions) : store.export(exportOptions);
    try {
      if (options.output !== '-') await writeFile(lines, resolve(options.output));
      // Stored text can't give orders to the terminal.
      else if (terminal.stdout.isTTY) for await (const line of lines) await writeLine(terminal, line);
      else await writeLines(lines, terminal.stdout);
    } finally {
      progress.stop();
    }
  });
}

function parsePosition(text: string): ExportPosition {
  try {
    return JSON.parse(text) as ExportPosition;
  } catch {
    throw new DiskCacheError('BAD_OPTION', `--after is ${text}; give the member "at" of a line, such as 7 or [7,0]`);
  }
}

/** Writes to a file beside it first, so that the file is whole or isn't there. */
async function writeFile(lines: AsyncIterable<string>, path: string): Promise<void> {
  const unfinished = `${path}.unfinished`;
  const stream = createWriteStream(unfinished);
  try {
    await once(stream, 'open');
    await writeLines(lines, stream);
    stream.end();
    await once(stream, 'close');
    await rename(unfinished, path);
  } catch (error) {
    stream.destroy();
    await rm(unfinished, { force: true });
    throw error;
  }
}

async function writeLines(lines: AsyncIterable<string>, stream: Writable): Promise<void> {
  for await (const line of lines) await writeBytes(stream, `${line}\n`);
}

interface ImportFlags extends SharedOptions {
  readonly existing: 'keep' | 'replace';
}

async function importFrom({ terminal }: Context, file: string, argument: string, options: ImportFlags): Promise<void> {
  const directory = resolve(argument);
  const isInput = file === '-';
  const input = isInput ? readLines(terminal.stdin as AsyncIterable<Buffer>) : undefined;
  const firstLine = isInput ? (await input!.next()).value : undefined;
  // A file is read twice: it is checked as a whole before anything is changed.
  const lines = isInput
    ? startWith(firstLine ?? '', input!)
    : () => readLines(createReadStream(file, { highWaterMark: READ_BYTES }));
  const header = await readExportHeader(isInput ? [firstLine ?? ''] : (lines as () => AsyncIterable<string>)());
  const store = isStore(directory) ? openExisting(directory, options) : createStore(directory, header);
  const progress = new Progress(terminal);
  try {
    const importOptions: ImportLinesOptions = {
      signal: terminal.interrupt,
      onProgress: ({ done, total }) => progress.update(done, total),
      ...(options.existing === 'replace' && { existing: 'replace' }),
    };
    const { imported, existing, expired, skipped } = await store.import(lines, importOptions);
    progress.stop();
    await writeLine(
      terminal,
      options.json
        ? JSON.stringify({ imported, existing, expired, skipped: toJson(skipped) })
        : `${imported} imported, ${existing} there already, ${expired} expired, ${skipped.length} skipped`,
    );
    if (!options.json)
      for (const { key, reason } of skipped)
        await writeBytes(terminal.stderr, `skipped ${JSON.stringify(toJson(key))}: ${reason}\n`);
    if (skipped.length > 0) throw new Exit(EXIT_CODES.failed);
  } finally {
    progress.stop();
    store.close();
  }
}

const READ_BYTES = 256 * 1024;

async function* startWith(first: string, rest: AsyncIterable<string>): AsyncGenerator<string, void> {
  yield first;
  yield* rest;
}

function openExisting(directory: string, access: SharedOptions): ImportableStore {
  const opened = openStore(directory, {
    write: true,
    ...(access.keyFile !== undefined && { keyFile: access.keyFile }),
  });
  if (opened.kind !== 'queue') return opened.store;
  opened.store.close();
  return new Queue(directory, readKey(access.keyFile));
}
