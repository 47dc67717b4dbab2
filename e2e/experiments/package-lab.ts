/** Packages the application of the experiments as a packager would: an asar with nothing but what it needs, and fuses. */
import { chmod, cp, mkdir, rename, writeFile } from 'node:fs/promises';
import { basename, dirname, join, relative } from 'node:path';
import { fileURLToPath } from 'node:url';
import { createPackageWithOptions } from '@electron/asar';
import { FuseV1Options, FuseVersion, flipFuses } from '@electron/fuses';

const ROOT = fileURLToPath(new URL('../..', import.meta.url));
const NATIVE = `${process.platform}-${process.arch}.node`;

const PACKAGE = 'node_modules/deskcache';
/** Folders of `dist` that are not in the published package, or mean nothing when it runs. */
const UNPUBLISHED = ['demo', 'e2e', 'types'];

/** The files of the application, from the repository's root; the package itself is where npm would put it. */
const FILES: Readonly<Record<string, string>> = {
  'dist/e2e/experiments': 'e2e/experiments',
  'dist/e2e/bridge': 'e2e/bridge',
  'package.json': `${PACKAGE}/package.json`,
  'node_modules/better-sqlite3/package.json': 'node_modules/better-sqlite3/package.json',
  'node_modules/better-sqlite3/lib': 'node_modules/better-sqlite3/lib',
  [`node_modules/better-sqlite3/prebuilds/${NATIVE}`]: `node_modules/better-sqlite3/prebuilds/${NATIVE}`,
  'node_modules/comlink': 'node_modules/comlink',
  'node_modules/http-cache-semantics': 'node_modules/http-cache-semantics',
  'node_modules/mrmime': 'node_modules/mrmime',
};

/** Writes the archive to `archive`; native modules stand beside it, for the system's loader can't open one inside. */
export async function packLab(archive: string): Promise<void> {
  const source = join(dirname(archive), 'lab-source');
  for (const [from, to] of Object.entries(FILES)) await cp(join(ROOT, from), join(source, to), { recursive: true });
  const isPublished = (path: string) => !UNPUBLISHED.includes(relative(join(ROOT, 'dist'), path));
  await cp(join(ROOT, 'dist'), join(source, PACKAGE, 'dist'), { recursive: true, filter: isPublished });
  const manifest = { name: 'lab', version: '1.0.0', type: 'module', main: 'e2e/experiments/main.js' };
  await writeFile(join(source, 'package.json'), JSON.stringify(manifest));
  await createPackageWithOptions(source, archive, { unpack: '**/*.node' });
}

/** Makes a packaged application in `folder` out of an Electron runtime. Returns its executable. */
export async function packageLab(runtime: string, folder: string): Promise<string> {
  const isMac = process.platform === 'darwin';
  // …/dist/Electron.app/Contents/MacOS/Electron
  const home = isMac ? dirname(dirname(dirname(dirname(runtime)))) : dirname(runtime);
  await mkdir(folder, { recursive: true });
  // A framework on macOS is made of relative links, which must stay such.
  await cp(home, folder, { recursive: true, verbatimSymlinks: true });
  let executable = join(folder, relative(home, runtime));
  if (!isMac) {
    // Under the name of Electron an application doesn't count as packaged.
    const own = join(folder, basename(runtime).replace(/^electron/i, 'lab'));
    await rename(executable, own);
    executable = own;
    if (process.platform === 'linux') await chmod(executable, 0o755);
  }
  const resources = isMac ? join(folder, 'Electron.app', 'Contents', 'Resources') : join(folder, 'resources');
  await packLab(join(resources, 'app.asar'));
  await flipFuses(isMac ? join(folder, 'Electron.app') : executable, {
    version: FuseVersion.V1,
    // What is changed after it was signed doesn't start on Apple silicon.
    resetAdHocDarwinSignature: isMac,
    // As Electron Forge sets them, but for the integrity of the archive, whose hash only a packager puts into the executable.
    [FuseV1Options.RunAsNode]: false,
    [FuseV1Options.EnableCookieEncryption]: true,
    [FuseV1Options.EnableNodeOptionsEnvironmentVariable]: false,
    [FuseV1Options.EnableNodeCliInspectArguments]: false,
    [FuseV1Options.OnlyLoadAppFromAsar]: true,
  });
  return executable;
}
