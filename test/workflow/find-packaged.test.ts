import { chmodSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { findPackaged } from '../../e2e/smoke/find-packaged.ts';

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'deskcache-packaged-'));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

/** Lays out files; those that end with `*` may be executed. */
function createFiles(...paths: string[]): void {
  for (const path of paths) {
    const file = join(folder, path.replace('*', ''));
    mkdirSync(dirname(file), { recursive: true });
    writeFileSync(file, '');
    if (path.endsWith('*')) chmodSync(file, 0o755);
  }
}

const LINUX = ['chrome-sandbox*', 'chrome_crashpad_handler*', 'libffmpeg.so*', 'libvulkan.so.1*', 'resources.pak'];
/** Windows keeps no such bits. */
const keepsModes = process.platform !== 'win32';

describe('the executable of a packaged application', () => {
  it.skipIf(!keepsModes)('is found in the output of electron-builder on Linux', () => {
    const home = 'dist/linux-unpacked';
    createFiles(`${home}/desk-notes*`, `${home}/resources/app.asar`, ...LINUX.map((it) => `${home}/${it}`));
    expect(findPackaged(folder, 'linux')).toBe(join(folder, home, 'desk-notes'));
  });

  it('is found in the output of Electron Forge on Windows', () => {
    const home = 'out/Desk notes-win32-x64';
    createFiles(
      `${home}/Desk notes.exe`,
      `${home}/ffmpeg.dll`,
      `${home}/resources/app.asar`,
      `${home}/resources/elevate.exe`,
    );
    expect(findPackaged(folder, 'win32')).toBe(join(folder, home, 'Desk notes.exe'));
  });

  it.skipIf(!keepsModes)('is found in a bundle on macOS, next to the helpers', () => {
    const home = 'dist/mac-arm64/Desk notes.app/Contents';
    createFiles(`${home}/MacOS/Desk notes*`, `${home}/Resources/app.asar`);
    createFiles(`${home}/Frameworks/Desk notes Helper.app/Contents/MacOS/Desk notes Helper*`);
    expect(findPackaged(folder, 'darwin')).toBe(join(folder, home, 'MacOS', 'Desk notes'));
  });

  it('is an error if nothing was packaged, or the application is not in an asar', () => {
    createFiles('dist/win-unpacked/Desk notes.exe', 'dist/win-unpacked/resources/app/package.json');
    expect(() => findPackaged(folder, 'win32')).toThrow('no packaged application');
  });

  it('is an error if an older package is next to the new one', () => {
    for (const arch of ['x64', 'arm64'])
      createFiles(`out/a-win32-${arch}/a.exe`, `out/a-win32-${arch}/resources/app.asar`);
    expect(() => findPackaged(folder, 'win32')).toThrow('several');
  });
});
