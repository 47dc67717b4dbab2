import { spawn } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';

const require = createRequire(import.meta.url);

export interface FindOptions {
  /** Lets the `electron` package download its runtime when it has none. Default false. */
  readonly download?: boolean;
  /** Milliseconds for the download; default 120,000. */
  readonly timeout?: number;
}

/** What a missing runtime is reported with. */
export const NO_RUNTIME = 'there is no Electron runtime: run node node_modules/electron/install.js';

/**
 * Whether a missing runtime fails the tests that need it: with `REQUIRE_ELECTRON=1`, as in CI, where a skipped test would look like a
 * passed one.
 */
export const isElectronRequired = (env: NodeJS.ProcessEnv = process.env): boolean =>
  !['', '0'].includes(env['REQUIRE_ELECTRON'] ?? '');

/**
 * Returns the path of Electron's runtime, or undefined if there is none and none could be downloaded. Never throws for that.
 */
export async function findElectron({
  download = false,
  timeout = 120_000,
}: FindOptions = {}): Promise<string | undefined> {
  const home = getPackageFolder();
  if (!home) return undefined;
  const present = findRuntime(home);
  if (present || !download || process.env['ELECTRON_OVERRIDE_DIST_PATH']) return present;
  await install(join(home, 'install.js'), timeout);
  return findRuntime(home);
}

function getPackageFolder(): string | undefined {
  try {
    return dirname(require.resolve('electron/package.json'));
  } catch {
    return undefined;
  }
}

/** As the package's own `index.js` looks for it, which would start a download. */
function findRuntime(home: string): string | undefined {
  const note = join(home, 'path.txt');
  const name = existsSync(note) ? readFileSync(note, 'utf8') : undefined;
  const override = process.env['ELECTRON_OVERRIDE_DIST_PATH'];
  const path = override ? join(override, name ?? getDefaultName()) : name && join(home, 'dist', name);
  return path && existsSync(path) ? path : undefined;
}

function getDefaultName(): string {
  if (process.platform === 'darwin') return 'Electron.app/Contents/MacOS/Electron';
  return process.platform === 'win32' ? 'electron.exe' : 'electron';
}

/** Runs the package's own installer, quietly and for a limited time. The installed files show whether it worked. */
function install(script: string, timeout: number): Promise<void> {
  return new Promise((resolve) => {
    const child = spawn(process.execPath, [script], { stdio: 'ignore', timeout, killSignal: 'SIGKILL' });
    child.once('error', () => resolve());
    child.once('exit', () => resolve());
  });
}
