import { existsSync } from 'node:fs';
import { delimiter, join } from 'node:path';
import { type ChromiumExecutable, unpackChromium } from './unpack-chromium.ts';

export interface ChromiumLocation extends ChromiumExecutable {
  /** Windows are shown on the display, instead of being drawn nowhere. */
  readonly visible: boolean;
}

const INSTALL_PATHS: Readonly<Partial<Record<NodeJS.Platform, readonly string[]>>> = {
  darwin: [
    '/Applications/Google Chrome.app/Contents/MacOS/Google Chrome',
    '/Applications/Chromium.app/Contents/MacOS/Chromium',
    '/Applications/Microsoft Edge.app/Contents/MacOS/Microsoft Edge',
  ],
  win32: ['PROGRAMFILES', 'PROGRAMFILES(X86)', 'LOCALAPPDATA'].flatMap((root) =>
    [
      'Google\\Chrome\\Application\\chrome.exe',
      'Chromium\\Application\\chrome.exe',
      'Microsoft\\Edge\\Application\\msedge.exe',
    ].map((tail) => join(process.env[root] ?? 'C:\\', tail)),
  ),
  linux: ['google-chrome', 'google-chrome-stable', 'chromium', 'chromium-browser'].flatMap((name) =>
    (process.env['PATH'] ?? '').split(delimiter).map((folder) => join(folder, name)),
  ),
};

function findInstalled(): string | undefined {
  const named = process.env['CHROME_PATH'];
  if (named) return named;
  return (INSTALL_PATHS[process.platform] ?? []).find((path) => existsSync(path));
}

function hasDisplay(): boolean {
  if (process.platform !== 'linux') return true;
  return Boolean(process.env['DISPLAY'] || process.env['WAYLAND_DISPLAY']);
}

/**
 * The Chromium to draw windows with: an installed one on the display when `wantVisible` and both exist, else the headless one
 * from npm (Linux on x64), else an installed one without its windows. `CHROME_PATH` names an installed one.
 * @throws Error in one line if there is none.
 */
export async function findChromium(wantVisible: boolean): Promise<ChromiumLocation> {
  const path = findInstalled();
  if (wantVisible && path && hasDisplay()) return { path, env: {}, visible: true };
  if (process.platform === 'linux' && process.arch === 'x64') return { ...(await unpackChromium()), visible: false };
  if (path) return { path, env: {}, visible: false };
  throw new Error(`No Chromium for ${process.platform}-${process.arch}: install Chrome, or set CHROME_PATH to one`);
}
