import { once } from 'node:events';
import { createReadStream, createWriteStream } from 'node:fs';
import { rename, rm } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import type { Writable } from 'node:stream';
import { type Command, Option } from 'commander';
import { createStore, type ImportableStore } from '../../archive/create-store.ts';
import { exportArchive } from '../../archive/export-archive.ts';
import { importArchive, startWith } from '../../archive/import-archive.ts';
import { readLines } from '../../archive/lines.ts';
import { isStore } from '../../archive/open-store.ts';
import { isArchive } from '../../archive/read-archive.ts';
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
import { findDirectory, openStore, readKey } from '../stores.ts';
import { writeBytes, writeLine } from '../terminal.ts';

/** `export`, `import`. */
export function addExportCommands(program: Command, context: Context): void {
  program
    .command('export <dir>')
    .description('write a store as lines of JSON, to standard output or a file')
    .option('-o, --output <file>', 'the file, which appears when it is whole; - is standard output', '-')
    .option('--archive <file>', 'write the store, or all stores and queues of an application, to one new file instead')
    .option('--after <at>', 'go on behind the line with this "at"')
    .action((dir: string, _: unknown, command: Command) => exportTo(context, dir, command.optsWithGlobals()));
  program
    .command('import <file> <dir>')
    .description(
      'import what export has written, - from standard input; a new folder becomes a store of the same kind, or what an archive holds',
    )
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
  readonly archive?: string;
}

async function exportTo(context: Context, directory: string, options: ExportFlags): Promise<void> {
  const { terminal } = context;
  if (options.archive !== undefined) return exportToArchive(context, directory, options.archive, options);
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

async function exportToArchive(
  { terminal }: Context,
  argument: string,
  file: string,
  { after, json, keyFile, output }: ExportFlags,
): Promise<void> {
  if (after !== undefined || output !== '-')
    throw new DiskCacheError(
      'BAD_OPTION',
      '--archive writes everything to its own file; leave --after and --output out',
    );
  const progress = new Progress(terminal);
  try {
    const result = await exportArchive(findDirectory(argument, terminal.env), file, {
      ...readKey(keyFile),
      signal: terminal.interrupt,
      onProgress: ({ done, total }) => progress.update(done, total),
    });
    progress.stop();
    await writeLine(terminal, json ? JSON.stringify(result) : `${result.file}: ${result.folders.length} stores`);
  } finally {
    progress.stop();
  }
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

async function importFrom(context: Context, file: string, argument: string, options: ImportFlags): Promise<void> {
  if (file !== '-' && (await isArchive(file))) return importFromArchive(context, file, argument, options);
  const { terminal } = context;
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

async function importFromArchive(
  { terminal }: Context,
  file: string,
  directory: string,
  { existing, json }: ImportFlags,
): Promise<void> {
  if (existing === 'replace')
    throw new DiskCacheError(
      'BAD_OPTION',
      'An archive becomes a new folder, where nothing can be replaced; leave --existing out',
    );
  const progress = new Progress(terminal);
  try {
    const result = await importArchive(file, directory, {
      signal: terminal.interrupt,
      onProgress: ({ done, total }) => progress.update(done, total),
    });
    progress.stop();
    if (json) await writeLine(terminal, JSON.stringify(toJson(result)));
    for (const { folder, imported, expired, skipped } of result.stores) {
      if (!json)
        await writeLine(
          terminal,
          `${join(result.directory, folder)}: ${imported} imported, ${expired} expired, ${skipped.length} skipped`,
        );
      for (const { key, reason } of json ? [] : skipped)
        await writeBytes(terminal.stderr, `skipped ${JSON.stringify(toJson(key))}: ${reason}\n`);
    }
    if (result.stores.some(({ skipped }) => skipped.length > 0)) throw new Exit(EXIT_CODES.failed);
  } finally {
    progress.stop();
  }
}

const READ_BYTES = 256 * 1024;

function openExisting(directory: string, access: SharedOptions): ImportableStore {
  const opened = openStore(directory, {
    write: true,
    ...(access.keyFile !== undefined && { keyFile: access.keyFile }),
  });
  if (opened.kind !== 'queue') return opened.store;
  opened.store.close();
  return new Queue(directory, readKey(access.keyFile));
}
