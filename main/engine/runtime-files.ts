import { existsSync, readFileSync } from 'node:fs';
import { dirname, isAbsolute, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import * as util from 'node:util';
import { DiskCacheError } from '../../protocol/error.ts';

interface Bundler {
  readonly name: string;
  /** The entry of deskcache with a plugin for it. */
  readonly plugin: string;
}

const WEBPACK: Bundler = { name: 'webpack', plugin: 'deskcache/webpack' };
const ROLLDOWN: Bundler = { name: 'Vite or Rolldown', plugin: 'deskcache/vite' };

/** Traces of bundlers in output that isn't minified. esbuild is not listed: a chunk of Vite may have the same traces. */
const BUNDLER_TRACES: readonly (readonly [trace: RegExp, bundler: Bundler])[] = [
  [/__webpack_(require|modules|exports)__/, WEBPACK],
  [/^\s*\/\/ ?#region |rolldown\/runtime/m, ROLLDOWN],
];

/** Returns the bundler that has probably written a file, for a message; undefined if it left no trace. */
function guessBundler(file: string): Bundler | undefined {
  if (/[\\/]\.vite[\\/]/.test(file)) return ROLLDOWN;
  if (/[\\/]\.webpack[\\/]/.test(file)) return WEBPACK;
  let text: string;
  try {
    text = readFileSync(file, 'utf8');
  } catch {
    return undefined;
  }
  return BUNDLER_TRACES.find(([trace]) => trace.test(text))?.[1];
}

/** Returns the version of the system's glibc; undefined on other systems and on a Linux with musl. */
export function getGlibcVersion(): string | undefined {
  // Node's types don't know this property.
  const report: NodeJS.ProcessReport & { excludeNetwork?: boolean } = process.report;
  const { excludeNetwork = false } = report;
  // Resolving the names of network addresses takes long.
  report.excludeNetwork = true;
  try {
    const { header } = report.getReport() as { readonly header?: { readonly glibcVersionRuntime?: string } };
    return header?.glibcVersionRuntime;
  } finally {
    report.excludeNetwork = excludeNetwork;
  }
}

/**
 * The folder, in the package and beside a bundle, of the files that can't be part of a bundle: the preload scripts, the files of the utility
 * process and of the worker thread and, beside a bundle, better-sqlite3 with its native file.
 */
export const RUNTIME_FOLDER = 'deskcache';

export type RuntimeFile =
  | 'preload.cjs'
  | 'preload-ready.cjs'
  | 'utility.cjs'
  | 'worker.cjs'
  | 'better-sqlite3'
  | 'inspector';

/** Chunks of the package and of bundles are at most this many folders below the entry. */
const MAX_FOLDERS_UP = 2;

/**
 * Returns the files this code may be in, the most likely first: one of the package's `dist`, or an application's bundle. In CommonJS
 * `__filename` is right: esbuild and Vite leave `import.meta` empty there, and webpack replaces `import.meta.url` by the path of the source
 * at build time. `import.meta.filename` is not used: with `node.__filename: false`, as Electron Forge sets it, webpack leaves it in
 * CommonJS, which then doesn't parse.
 */
export function getCodePaths(): string[] {
  const paths: unknown[] = [getCommonJsPath(), toPath(util.getCallSites?.(1)[0]?.scriptName), toPath(import.meta.url)];
  return [...new Set(paths)].filter((path) => typeof path === 'string' && isAbsolute(path)) as string[];
}

const toPath = (script: unknown): unknown =>
  typeof script === 'string' && script.startsWith('file:') ? fileURLToPath(script) : script;

/** Returns `__filename` if it is defined. Without `typeof`, which webpack evaluates at build time, wrongly for an ES module bundle. */
function getCommonJsPath(): unknown {
  try {
    return __filename;
  } catch {
    return undefined;
  }
}

/** Returns the path of a runtime file, or undefined if it doesn't exist. In an asar archive Electron also finds unpacked files. */
export function findRuntimeFile(name: RuntimeFile): string | undefined {
  return getCandidates(name).find((path) => existsSync(path));
}

/** The worker thread's file where this code isn't built, in the repository: Node runs it as it is. */
const WORKER_SOURCE = 'worker/worker-main.ts';

/** Returns the path of the file that the worker thread runs, or undefined if it doesn't exist. */
export function findWorkerFile(): string | undefined {
  const [file = ''] = getCodePaths();
  if (!file.endsWith('.ts')) return findRuntimeFile('worker.cjs');
  const source = join(dirname(file), WORKER_SOURCE);
  return existsSync(source) ? source : undefined;
}

/** Returns the path where a runtime file is, or should be. Never throws: it runs when `deskcache/main` is imported. */
export function getRuntimePath(name: RuntimeFile): string {
  return findRuntimeFile(name) ?? getCandidates(name)[0] ?? join(RUNTIME_FOLDER, name);
}

function getCandidates(name: RuntimeFile): string[] {
  return getCodePaths().flatMap((file) => {
    const candidates: string[] = [];
    let folder = dirname(file);
    for (let up = 0; up <= MAX_FOLDERS_UP; up++) {
      candidates.push(join(folder, RUNTIME_FOLDER, name));
      folder = dirname(folder);
    }
    return candidates;
  });
}

/** @throws {DiskCacheError} `BAD_OPTION` if there is no file at `path`; the message says how to build the application. */
export function assertRuntimeFile(name: RuntimeFile, path = getRuntimePath(name)): void {
  if (!existsSync(path)) throw new DiskCacheError('BAD_OPTION', describeMissing(name, path));
}

const PURPOSES: Readonly<Record<RuntimeFile, string>> = {
  'preload.cjs': 'the preload script of the windows',
  'preload-ready.cjs': 'the preload script of windows with `ready`',
  'utility.cjs': 'the file that the utility process runs',
  'worker.cjs': 'the file that the worker thread runs',
  'better-sqlite3': 'the SQLite driver with its native file',
  inspector: 'the folder of the inspector',
};

/** Returns a message about a missing runtime file: what happened and what to do. */
export function describeMissing(name: RuntimeFile, path: string): string {
  const missing = `${PURPOSES[name]} is missing at ${path}`;
  const [file] = getCodePaths();
  if (file === undefined || isInPackage(file)) {
    return `The installation of deskcache is incomplete: ${missing}. Install deskcache again (npm install deskcache)`;
  }
  const bundler = guessBundler(file);
  const by = bundler === undefined ? '' : ` (probably by ${bundler.name})`;
  const option = name === 'inspector' ? ' with the option inspector: true' : '';
  const plugin = bundler?.plugin ?? 'deskcache/vite (or deskcache/esbuild, deskcache/webpack)';
  return (
    `deskcache was bundled into ${file}${by}, and ${missing}. Use the plugin ${plugin}${option} in the build of the main process, which copies it ` +
    'there, or keep deskcache and better-sqlite3 external to that bundle and ship them in node_modules; see docs/guide-packaging.md'
  );
}

/** Whether a file belongs to the installed package, not to the bundle of an application. */
function isInPackage(file: string): boolean {
  let folder = dirname(file);
  for (let up = 0; up <= MAX_FOLDERS_UP + 1; up++) {
    try {
      return JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8')).name === 'deskcache';
    } catch {
      folder = dirname(folder);
    }
  }
  return false;
}
