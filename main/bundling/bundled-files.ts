import { existsSync, mkdirSync, readdirSync, readFileSync, renameSync, statSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join, sep } from 'node:path';
import {
  getCodePaths,
  getGlibcVersion,
  getRuntimePath,
  RUNTIME_FOLDER,
  type RuntimeFile,
} from '../engine/runtime-files.ts';

export interface BundlingOptions {
  /**
   * Platforms whose native file is copied, such as `['darwin-x64', 'darwin-arm64']` for a universal application. Default: the platform
   * that the build runs on.
   */
  readonly platforms?: readonly string[];
  /** Whether the files of `host.openInspector` are copied, 250 KB: for development builds. Default false. */
  readonly inspector?: boolean;
}

const OPTION_NAMES: readonly string[] = ['platforms', 'inspector'] satisfies (keyof BundlingOptions)[];

/** A file to be written next to the bundle. */
export interface BundledFile {
  /** Relative to the folder of the bundle, with forward slashes. */
  readonly path: string;
  readonly content: Uint8Array;
}

const INSPECTOR_FOLDER = 'inspector' satisfies RuntimeFile;

/** Modules that only Electron's runtime has. */
const ELECTRON_MODULES = /^electron(\/(main|common|renderer|utility))?$/;

/** Whether Electron or Node itself has the module: the bundle then imports or requires it. */
export const isRuntimeModule = (specifier: string): boolean =>
  ELECTRON_MODULES.test(specifier) || specifier.startsWith('node:');

/**
 * Checks the options when the configuration is loaded: a misspelt one would otherwise show up as a missing file on a user's machine.
 *
 * @throws {Error} which names the option.
 */
export function assertBundlingOptions(options: BundlingOptions): void {
  for (const name of Object.keys(options)) {
    if (!OPTION_NAMES.includes(name)) {
      throw new Error(`deskcache: unknown option "${name}"; valid options: ${OPTION_NAMES.join(', ')}`);
    }
  }
  const { platforms, inspector } = options as { readonly [N in keyof BundlingOptions]?: unknown };
  if (inspector !== undefined && typeof inspector !== 'boolean')
    throw new Error(`deskcache: inspector is ${JSON.stringify(inspector)}; it has to be true or false`);
  if (platforms === undefined) return;
  if (!Array.isArray(platforms)) {
    const shown = JSON.stringify(platforms);
    throw new Error(`deskcache: platforms is ${shown}; it has to be an array, such as ['linux-x64']`);
  }
  if (platforms.length === 0)
    throw new Error('deskcache: platforms is empty; leave it out for the platform of this machine');
}

/** Returns the folder of this package, with a separator at the end. */
function getPackageFolder(): string {
  const [file] = getCodePaths();
  if (file === undefined)
    throw new Error('deskcache: a build plugin can’t be bundled itself; import it in the configuration');
  // `dist/vite.js`, `dist/cjs/vite.js`, or a chunk of one of them.
  return file.slice(0, file.lastIndexOf(`${sep}dist${sep}`) + 1);
}

/** Whether a bundled module is an entry of deskcache that opens stores: only a bundle with one of them needs the files. */
export function isMainEntry(moduleId: string): boolean {
  const path = moduleId.replaceAll('\\', '/').replace(/(\.js)[?#].*$/, '$1');
  return (
    /\/deskcache\/dist\/(?:cjs\/)?(?:main|archive|engine|offline|queue|testing)\.js$/.test(path) ||
    isInThisPackage(path)
  );
}

const isInThisPackage = (path: string): boolean => {
  const folder = getPackageFolder().replaceAll('\\', '/');
  return (
    path.startsWith(folder) &&
    /^dist\/(?:cjs\/)?(?:main|archive|engine|offline|queue|testing)\.js$/.test(path.slice(folder.length))
  );
};

/**
 * Returns the files that a bundle of the main process needs next to it: the preload script, the utility process's file and the package better-sqlite3
 * without its sources and without the native files of other platforms.
 *
 * @throws {Error} for a platform that better-sqlite3 has no native file for.
 */
export function readBundledFiles({
  platforms = [getBuildPlatform()],
  inspector = false,
}: BundlingOptions = {}): BundledFile[] {
  const runtime = dirname(getRuntimePath('preload.cjs'));
  const driver = dirname(createRequire(join(runtime, 'preload.cjs')).resolve('better-sqlite3/package.json'));
  return [
    ...listFiles(runtime).map((name) => readBundledFile(runtime, name, RUNTIME_FOLDER)),
    ...(inspector ? readInspectorFiles(runtime) : []),
    ...getDriverPaths(driver, platforms).map((path) =>
      readBundledFile(driver, path, `${RUNTIME_FOLDER}/better-sqlite3`),
    ),
  ];
}

/**
 * Writes the files into `folder`. An identical file is left alone, a different one is replaced by a rename: when a
 * development server builds again, the running application may have the native file loaded.
 */
export function writeBundledFiles(folder: string, options: BundlingOptions): void {
  for (const { path, content } of readBundledFiles(options)) {
    const target = join(folder, path);
    if (existsSync(target) && content.length === statSync(target).size && readFileSync(target).equals(content))
      continue;
    mkdirSync(dirname(target), { recursive: true });
    const temporary = `${target}.${process.pid}.tmp`;
    writeFileSync(temporary, content);
    renameSync(temporary, target);
  }
}

const listFiles = (folder: string): string[] =>
  readdirSync(folder, { withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map(({ name }) => name);

function readInspectorFiles(runtime: string): BundledFile[] {
  const folder = join(runtime, INSPECTOR_FOLDER);
  return listFiles(folder).map((name) => readBundledFile(folder, name, `${RUNTIME_FOLDER}/${INSPECTOR_FOLDER}`));
}

function readBundledFile(folder: string, path: string, target: string): BundledFile {
  return { path: `${target}/${path}`, content: new Uint8Array(readFileSync(join(folder, path))) };
}

/** Returns the files that better-sqlite3 needs at run time, relative to its folder. */
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
  const isMusl = platform === 'linux' && getGlibcVersion() === undefined;
  return `${isMusl ? 'linuxmusl' : platform}-${arch}`;
}
