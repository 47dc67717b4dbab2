import { resolve } from 'node:path';
import { type Command, Option } from 'commander';
import { electronStore } from '../../../protocol/move-source.ts';
import { Cache, Deque, FanoutCache, Index, Settings } from '../../engine/index.ts';
import { toJson } from '../../engine/internal.ts';
import { importDiskCache } from '../../import/index.ts';
import type { Context, SharedOptions } from '../context.ts';
import { EXIT_CODES, Exit } from '../exit-code.ts';
import { Progress } from '../progress.ts';
import { writeBytes, writeLine } from '../terminal.ts';

const OPENERS = {
  cache: (directory: string) => new Cache(directory),
  fanout: (directory: string) => new FanoutCache(directory),
  index: (directory: string) => new Index(directory),
  deque: (directory: string) => new Deque(directory),
} as const;
type TargetKind = keyof typeof OPENERS;

/** `import-diskcache`, `import-electron-store`. */
export function addMoveInCommands(program: Command, context: Context): void {
  program
    .command('import-diskcache <source> <dir>')
    .description('copy a directory of Python DiskCache into a store; what the store has stays')
    .addOption(
      new Option('--kind <kind>', 'what to make of a new directory').choices(Object.keys(OPENERS)).default('cache'),
    )
    .option('--overwrite', 'replace items that the store has under the same key')
    .action((source: string, dir: string, _: unknown, command: Command) =>
      importPython(context, source, dir, command.optsWithGlobals()),
    );
  program
    .command('import-electron-store <file> <dir>')
    .description('copy the JSON file of electron-store into settings')
    .action((file: string, dir: string, _: unknown, command: Command) =>
      importSettings(context, file, dir, command.optsWithGlobals()),
    );
}

interface ImportOptions extends SharedOptions {
  readonly kind: TargetKind;
  readonly overwrite?: boolean;
}

async function importPython(
  { terminal }: Context,
  source: string,
  directory: string,
  options: ImportOptions,
): Promise<void> {
  const store = OPENERS[options.kind](directory);
  const progress = new Progress(terminal);
  try {
    const { imported, existing, expired, skipped } = await importDiskCache(resolve(source), store, {
      onProgress: ({ done, total }) => progress.update(done, total),
      signal: terminal.interrupt,
      ...(options.overwrite && { overwrite: true }),
    });
    progress.stop();
    if (options.json)
      return await writeLine(terminal, JSON.stringify({ imported, existing, expired, skipped: toJson(skipped) }));
    await writeLine(
      terminal,
      `${imported} imported, ${existing} there already, ${expired} expired, ${skipped.length} skipped`,
    );
    for (const { key, reason } of skipped)
      await writeBytes(terminal.stderr, `skipped ${JSON.stringify(toJson(key))}: ${reason}\n`);
    if (skipped.length > 0) throw new Exit(EXIT_CODES.failed);
  } finally {
    progress.stop();
    store.close();
  }
}

async function importSettings(
  { terminal }: Context,
  file: string,
  directory: string,
  { json }: SharedOptions,
): Promise<void> {
  const settings = new Settings(directory, { defaults: {}, from: electronStore(resolve(file)) });
  try {
    const names = Object.keys(settings.all());
    await writeLine(terminal, json ? JSON.stringify({ settings: names }) : `The settings are now: ${names.join(', ')}`);
  } finally {
    settings.close();
  }
}
