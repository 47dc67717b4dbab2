import tab from '@bomb.sh/tab/commander';
import { Command, CommanderError } from 'commander';
import { DiskCacheError } from '../engine/index.ts';
import { addBackupCommands } from './commands/backup.ts';
import { addExportCommands } from './commands/export.ts';
import { addHttpCommands } from './commands/http.ts';
import { addInspectCommand } from './commands/inspect.ts';
import { addItemCommands } from './commands/items.ts';
import { addListCommand } from './commands/list.ts';
import { addMaintenanceCommands } from './commands/maintenance.ts';
import { addMoveInCommands } from './commands/move-in.ts';
import { addQueueCommands } from './commands/queue.ts';
import type { Context } from './context.ts';
import { Exit, getExitCode } from './exit-code.ts';
import { escapeControlCharacters, type Terminal, writeBytes } from './terminal.ts';

const HELP = `
<dir> is the folder of a store, or an application's name and the name of a store: Atlas/notes.

Exit codes: 0 done; 1 failed, not found, or damage found; 2 wrong arguments; 3 the store is in use; 4 no such store; 5 damaged.`;

function createProgram(context: Context, version: string): Command {
  const { stdout, stderr } = context.terminal;
  const program = new Command('deskcache')
    .description('Looks into the stores of deskcache, and changes them.')
    .version(version)
    .option('--json', 'write JSON, one value a line')
    .option('--json-keys', 'keys in arguments and in lists are JSON: "text", 7, ["a",1]')
    .option('--key-file <path>', 'a file with the 32 bytes of encryptionKey')
    .addHelpText('after', HELP)
    .configureOutput({ writeOut: (text) => void stdout.write(text), writeErr: (text) => void stderr.write(text) })
    .exitOverride();
  addListCommand(program, context);
  addItemCommands(program, context);
  addMaintenanceCommands(program, context);
  addQueueCommands(program, context);
  addHttpCommands(program, context);
  addMoveInCommands(program, context);
  addInspectCommand(program, context);
  addExportCommands(program, context);
  addBackupCommands(program, context);
  for (const command of program.commands) inherit(program, command);
  tab(program);
  return program;
}

/** Commander gives a subcommand the settings of its parent only if it is made by `command()` before they change. */
function inherit(parent: Command, command: Command): void {
  command.copyInheritedSettings(parent);
  for (const below of command.commands) inherit(command, below);
}

/** Runs a command line without the name of the program. Returns the exit code; never throws. */
export async function runCommand(args: readonly string[], terminal: Terminal, version: string): Promise<number> {
  try {
    await createProgram({ terminal }, version).parseAsync(args, { from: 'user' });
    return 0;
  } catch (error) {
    // What reads our output has ended, such as `head`.
    if ((error as NodeJS.ErrnoException).code === 'EPIPE') return 0;
    const message = formatError(error);
    if (message !== undefined) await writeBytes(terminal.stderr, `deskcache: ${message}\n`).catch(() => {});
    return getExitCode(error);
  }
}

function formatError(error: unknown): string | undefined {
  // Their messages have been written.
  if (error instanceof Exit || error instanceof CommanderError) return undefined;
  const message = error instanceof Error ? error.message : String(error);
  return escapeControlCharacters(error instanceof DiskCacheError ? `${message} (${error.code})` : message);
}
