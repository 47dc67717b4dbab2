import { existsSync, readdirSync, statSync } from 'node:fs';
import { basename, join } from 'node:path';

/** Chromium's own programs, which stand beside the application's on Linux. */
const HELPERS: ReadonlySet<string> = new Set(['chrome-sandbox', 'chrome_crashpad_handler']);

/**
 * Returns the executable of the packaged application below `folder`, wherever its packager has put it: `dist/linux-unpacked/…` of
 * electron-builder, `out/<name>-win32-x64/…` of Electron Forge, `….app/Contents/MacOS/…` on macOS.
 *
 * @throws Error if there is not exactly one.
 */
export function findPackaged(folder: string, platform: NodeJS.Platform = process.platform): string {
  const found = getHomes(folder, platform).flatMap((home) => getExecutables(home, platform));
  if (found.length === 1) return found[0]!;
  const what = found.length === 0 ? 'no packaged application' : `several: ${found.join(', ')}`;
  throw new Error(`There is ${what} below ${folder}; package it first, into an empty folder`);
}

/** Folders that hold an application: Electron's resources stand beside its program, on macOS in the bundle. */
function getHomes(folder: string, platform: NodeJS.Platform): string[] {
  const resources = platform === 'darwin' ? join('Contents', 'Resources') : 'resources';
  if (existsSync(join(folder, resources, 'app.asar'))) return [folder];
  return readdirSync(folder, { withFileTypes: true })
    .filter((entry) => entry.isDirectory() && entry.name !== 'node_modules')
    .flatMap(({ name }) => getHomes(join(folder, name), platform));
}

function getExecutables(home: string, platform: NodeJS.Platform): string[] {
  const folder = platform === 'darwin' ? join(home, 'Contents', 'MacOS') : home;
  return readdirSync(folder)
    .map((name) => join(folder, name))
    .filter((path) => isProgram(path, platform));
}

function isProgram(path: string, platform: NodeJS.Platform): boolean {
  const name = basename(path);
  const status = statSync(path);
  if (!status.isFile() || HELPERS.has(name)) return false;
  if (platform === 'win32') return name.endsWith('.exe');
  return (status.mode & 0o111) !== 0 && !/\.so(\.|$)/.test(name);
}
