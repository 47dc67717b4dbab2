import { resolve } from 'node:path';
import type { Command } from 'commander';
import { restore } from '../../engine/index.ts';
import { backUpTree } from '../../engine/internal.ts';
import type { Context, SharedOptions } from '../context.ts';
import { Progress } from '../progress.ts';
import { findDirectory } from '../stores.ts';
import type { Terminal } from '../terminal.ts';
import { writeLine } from '../terminal.ts';

/** `backup`, `restore`. */
export function addBackupCommands(program: Command, context: Context): void {
  program
    .command('backup <dir> <path>')
    .description('copy a store, or all stores and queues of an application, to a new folder, and check the copy')
    .action((dir: string, path: string, _: unknown, command: Command) =>
      backUp(context, dir, path, command.optsWithGlobals()),
    );
  program
    .command('restore <path> <dir>')
    .description('put a backup in the place of a folder; what was there is kept beside it')
    .action((path: string, dir: string, _: unknown, command: Command) =>
      restoreBackup(context, path, dir, command.optsWithGlobals()),
    );
}

async function backUp({ terminal }: Context, argument: string, path: string, { json }: SharedOptions): Promise<void> {
  const directory = findDirectory(argument, terminal.env);
  const result = await withProgress(terminal, (options) => backUpTree(directory, resolve(path), options));
  if (json) return writeLine(terminal, JSON.stringify(result));
  for (const { folder, items, bytes } of result.stores)
    await writeLine(terminal, `${resolve(path, folder)}: ${items} items, ${bytes} bytes`);
}

async function restoreBackup(
  { terminal }: Context,
  path: string,
  directory: string,
  { json }: SharedOptions,
): Promise<void> {
  const result = await withProgress(terminal, (options) => restore(path, directory, options));
  if (json) return writeLine(terminal, JSON.stringify(result));
  const kept = result.previous === undefined ? '' : `; what was there is in ${result.previous}`;
  await writeLine(terminal, `${result.path}: the stores of ${result.date}${kept}`);
}

interface ProgressOptions {
  readonly onProgress: (progress: { readonly done: number; readonly total: number }) => void;
  readonly signal: AbortSignal;
}

async function withProgress<T>(terminal: Terminal, work: (options: ProgressOptions) => Promise<T>): Promise<T> {
  const progress = new Progress(terminal);
  try {
    const onProgress: ProgressOptions['onProgress'] = ({ done, total }) => progress.update(done, total);
    return await work({ onProgress, signal: terminal.interrupt });
  } finally {
    progress.stop();
  }
}
