import type * as Electron from 'electron';
import type { ElectronMembers } from '../type-conformance.ts';
import { assertKnownOptions, guardMembers } from '../unknown-member-guard.ts';
import { app } from './app.ts';
import { type StdioMode, UtilityProcess } from './utility-process.ts';

/** Electron's options. `serviceName` is accepted and ignored: the stand-in has no task manager to show it. */
const KNOWN_OPTIONS = ['serviceName', 'env', 'execArgv', 'cwd', 'stdio'];

/** Checks and error messages as in lib/browser/api/utility-process.ts and its native part. */
const fork: ElectronMembers<typeof Electron.utilityProcess, 'fork'>['fork'] = (modulePath, args, options) => {
  if (!modulePath) throw new Error('Missing UtilityProcess entry script.');
  const given = (Array.isArray(args) ? options : (args ?? options)) as Electron.ForkOptions | undefined;
  const { serviceName, env, execArgv, cwd, stdio } = given ?? {};
  assertKnownOptions('utilityProcess.fork', given ?? {}, KNOWN_OPTIONS);
  if (execArgv != null && !Array.isArray(execArgv)) throw new TypeError('execArgv must be an array of strings.');
  if (serviceName != null && typeof serviceName !== 'string') throw new TypeError('serviceName must be a string.');
  if (cwd != null && typeof cwd !== 'string') throw new TypeError('cwd path must be a string.');
  const outputs = parseStdio(stdio);
  if (!app.isReady()) throw new TypeError('utilityProcess cannot be created before app is ready.');
  const variables = env && Object.keys(env).length > 0 ? { env: env as NodeJS.ProcessEnv } : {};
  return new UtilityProcess(modulePath, Array.isArray(args) ? args : [], { ...variables, execArgv, cwd, ...outputs });
};

function parseStdio(stdio: Electron.ForkOptions['stdio']): { stdout?: StdioMode; stderr?: StdioMode } {
  if (stdio === undefined) return {};
  if (typeof stdio === 'string') {
    if (!isOutput(stdio)) throw new Error('stdio must be of the following values: inherit, pipe, ignore');
    return { stdout: stdio, stderr: stdio };
  }
  if (stdio.length < 3) throw new Error('configuration missing for stdin, stdout or stderr.');
  const [stdin, stdout, stderr] = stdio;
  if (stdin !== 'ignore') throw new Error('stdin value other than ignore is not supported.');
  if (!isOutput(stdout)) throw new Error('stdout configuration must be of the following values: inherit, pipe, ignore');
  if (!isOutput(stderr)) throw new Error('stderr configuration must be of the following values: inherit, pipe, ignore');
  return { stdout, stderr };
}

const isOutput = (value: unknown): value is StdioMode => value === 'inherit' || value === 'ignore' || value === 'pipe';

export const utilityProcess = guardMembers('utilityProcess', { fork });
