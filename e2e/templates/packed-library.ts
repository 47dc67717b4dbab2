import { type ExecFileException, execFile } from 'node:child_process';
import { mkdirSync, renameSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';

export const ROOT = join(import.meta.dirname, '../..');
const run = promisify(execFile);

/** Runs npm, by its path where npm itself has started this: on Windows `npm` is a script that only a shell can start. */
export function runNpm(args: readonly string[], cwd: string, env: NodeJS.ProcessEnv = process.env): Promise<string> {
  const npm = process.env['npm_execpath'];
  return npm?.endsWith('npm-cli.js')
    ? runProgram(process.execPath, [npm, ...args], cwd, env)
    : runProgram('npm', args, cwd, env, process.platform === 'win32');
}

/** Returns what a program has printed. Rejects with that, if the program fails. */
export async function runProgram(
  program: string,
  args: readonly string[],
  cwd: string,
  env: NodeJS.ProcessEnv = process.env,
  shell = false,
): Promise<string> {
  try {
    return (await run(program, args, { cwd, env, shell })).stdout;
  } catch (error) {
    const { stdout, stderr, message } = error as ExecFileException & {
      readonly stdout?: string;
      readonly stderr?: string;
    };
    throw new Error(`${program} ${args.join(' ')} failed in ${cwd}:\n${stdout ?? ''}\n${stderr ?? message}`);
  }
}

/** Packs the library as it would be published. Returns the path of the archive in `folder`. */
export async function packLibrary(folder: string): Promise<string> {
  const printed = await runNpm(['pack', '--silent', '--ignore-scripts', '--pack-destination', folder], ROOT);
  return join(folder, printed.trim().split('\n').at(-1)!);
}

/** Puts the packed library into `node_modules` of `folder`, without what it depends on. */
export async function unpackLibrary(folder: string): Promise<void> {
  const archive = await packLibrary(folder);
  await runProgram('tar', ['-xzf', archive], folder);
  mkdirSync(join(folder, 'node_modules'));
  renameSync(join(folder, 'package'), join(folder, 'node_modules/deskcache'));
}
