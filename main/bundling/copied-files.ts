import { existsSync, mkdirSync, readdirSync, readFileSync, renameSync, statSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join, sep } from 'node:path';
import { getCodePaths, getRuntimePath, RUNTIME_FOLDER } from '../engine/runtime-files.ts';

export interface BundlingOptions {
  /**
   * Platforms whose native file is copied, such as `['darwin-x64', 'darwin-arm64']` for a universal application. Default: the platform
   * that the build runs on.
   */
  readonly platforms?: readonly string[];
}

/** A file to be written beside the bundle. */
export interface CopiedFile {
  /** Relative to the folder of the bundle, with forward slashes. */
  readonly path: string;
  readonly content: Uint8Array;
}

/** Modules of Electron that only the runtime has. */
const ELECTRON = /^electron(\/(main|common|renderer|utility))?$/;

/** Whether a module is the runtime's: it stays an import, or a `require`, of the bundle. */
export const isRuntimeModule = (specifier: string): boolean =>
  ELECTRON.test(specifier) || specifier.startsWith('node:');

/** Returns the folder of this package. */
export function getPackageFolder(): string {
  const [file] = getCodePaths();
  if (file === undefined)
    throw new Error('deskcache: a build plugin can’t be bundled itself; import it in the configuration');
  // `dist/vite.js`, `dist/cjs/vite.js`, or a chunk of one of them.
  return file.slice(0, file.lastIndexOf(`${sep}dist${sep}`) + 1);
}

/** Whether a bundled module is the main process's part of deskcache; only such a bundle needs the files. */
export function isOfMain(moduleId: string): boolean {
  const path = moduleId.replaceAll('\\', '/').replace(/(\.js)[?#].*$/, '$1');
  return /\/deskcache\/dist\/(?:cjs\/)?(?:main|engine|offline)\.js$/.test(path) || isInThisPackage(path);
}

const isInThisPackage = (path: string): boolean => {
  const folder = getPackageFolder().replaceAll('\\', '/');
  return path.startsWith(folder) && /^dist\/(?:cjs\/)?(?:main|engine|offline)\.js$/.test(path.slice(folder.length));
};

/**
 * Returns what a bundle of the main process needs beside it: the preload script, the utility process's file and the package better-sqlite3
 * without its sources and without the native files of other platforms.
 *
 * @throws {Error} for a platform that better-sqlite3 has no native file for.
 */
export function readCopiedFiles({ platforms = [getBuildPlatform()] }: BundlingOptions = {}): CopiedFile[] {
  const runtime = dirname(getRuntimePath('preload.cjs'));
  const driver = dirname(createRequire(join(runtime, 'preload.cjs')).resolve('better-sqlite3/package.json'));
  return [
    ...readdirSync(runtime).map((name) => read(runtime, name, RUNTIME_FOLDER)),
    ...getDriverPaths(driver, platforms).map((path) => read(driver, path, `${RUNTIME_FOLDER}/better-sqlite3`)),
  ];
}

/**
 * Writes them. What is the same stays untouched, and what differs takes the old one's place in one step: in a development server's rebuild the
 * application may still have the native file loaded.
 */
export function writeCopiedFiles(folder: string, options: BundlingOptions): void {
  for (const { path, content } of readCopiedFiles(options)) {
    const target = join(folder, path);
    if (existsSync(target) && content.length === statSync(target).size && readFileSync(target).equals(content))
      continue;
    mkdirSync(dirname(target), { recursive: true });
    const temporary = `${target}.${process.pid}.tmp`;
    writeFileSync(temporary, content);
    renameSync(temporary, target);
  }
}

function read(folder: string, path: string, target: string): CopiedFile {
  return { path: `${target}/${path}`, content: new Uint8Array(readFileSync(join(folder, path))) };
}

/** What better-sqlite3 needs to run, relative to its folder. */
function getDriverPaths(driver: string, platforms: readonly string[]): string[] {
  const available = readdirSync(join(driver, 'prebuilds'));
  const natives = platforms.map((platform) => {
    if (available.includes(`${platform}.node`)) return `prebuilds/${platform}.node`;
    const names = available.map((name) => name.replace(/\.node$/, ''));
    throw new Error(
      `deskcache: platforms has ${JSON.stringify(platform)}; better-sqlite3 has native files for ${names.join(', ')}`,
    );
  });
  const sources = readdirSync(join(driver, 'lib'), { recursive: true, encoding: 'utf8' })
    .filter((path) => path.endsWith('.js'))
    .map((path) => `lib/${path.replaceAll('\\', '/')}`);
  return ['package.json', 'LICENSE', ...sources, ...natives];
}

function getBuildPlatform(): string {
  const { platform, arch } = process;
  return `${platform === 'linux' && isMusl() ? 'linuxmusl' : platform}-${arch}`;
}

function isMusl(): boolean {
  const { header } = process.report.getReport() as { readonly header?: { readonly glibcVersionRuntime?: string } };
  return header?.glibcVersionRuntime === undefined;
}
