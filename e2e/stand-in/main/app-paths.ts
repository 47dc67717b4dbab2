import { existsSync, mkdirSync, readFileSync, statSync } from 'node:fs';
import { homedir, tmpdir } from 'node:os';
import { dirname, join, resolve } from 'node:path';

const PATH_NAMES = ['home', 'appData', 'userData', 'sessionData', 'temp'] as const;
export type AppPath = (typeof PATH_NAMES)[number];

/** Directories as Electron names them. `--user-data-dir` moves `userData`, as Chromium's switch of that name does. */
export class AppPaths {
  readonly appPath: string;
  name: string;
  readonly #moved = new Map<AppPath, string>();

  constructor() {
    this.appPath = getAppFolder(resolve(process.argv[1] ?? '.'));
    this.name = readPackageName(this.appPath) ?? 'Electron';
    const argument = process.argv.find((text) => text.startsWith('--user-data-dir='));
    if (argument) this.#moved.set('userData', resolve(argument.slice('--user-data-dir='.length)));
  }

  get(name: AppPath): string {
    const moved = this.#moved.get(toPathName(name));
    if (moved) return moved;
    if (name === 'home') return homedir();
    if (name === 'temp') return tmpdir();
    if (name === 'appData') return getApplicationData();
    if (name === 'sessionData') return this.get('userData');
    return join(this.get('appData'), this.name);
  }

  set(name: string, path: string): void {
    mkdirSync(path, { recursive: true });
    this.#moved.set(toPathName(name), path);
  }
}

/** Returns the application's folder. As in Electron, `path` is a folder with a package.json, or a file. */
const getAppFolder = (path: string): string => (statSync(path).isDirectory() ? path : dirname(path));

function toPathName(name: string): AppPath {
  const found = PATH_NAMES.find((path) => path === name);
  if (!found)
    throw new Error(
      `stand-in: app.getPath('${name}') is not implemented; add it under e2e/stand-in or run in Electron`,
    );
  return found;
}

function getApplicationData(): string {
  if (process.platform === 'darwin') return join(homedir(), 'Library', 'Application Support');
  if (process.platform === 'win32') return process.env['APPDATA'] ?? join(homedir(), 'AppData', 'Roaming');
  return process.env['XDG_CONFIG_HOME'] ?? join(homedir(), '.config');
}

function readPackageName(directory: string): string | undefined {
  const path = join(directory, 'package.json');
  if (!existsSync(path)) return undefined;
  const { productName, name } = JSON.parse(readFileSync(path, 'utf8')) as { productName?: string; name?: string };
  return productName ?? name;
}
