import { readFileSync } from 'node:fs';
import { _electron } from 'playwright-core';
import type { AppHandle, LaunchOptions } from './app-handle.ts';
import { collectOutput, createAppHandle } from './create-app-handle.ts';
import { findElectron, NO_RUNTIME } from './find-electron.ts';

/** The application in Electron, driven by Playwright. */
export async function launchElectron(options: LaunchOptions): Promise<AppHandle> {
  const executablePath = await findElectron();
  if (executablePath === undefined) throw new Error(`The application can't be started: ${NO_RUNTIME}`);
  const app = await _electron.launch({ executablePath, ...getElectronOptions(options, canSandbox()) });
  const child = app.process();
  return createAppHandle({
    shell: 'electron',
    process: child,
    output: collectOutput(child),
    windows: () => app.windows(),
    url: (page) => page.url(),
    quit: () => app.evaluate(({ app: running }) => running.quit()),
    release: async () => {},
  });
}

/** Returns Playwright's launch options. Playwright adds `--no-sandbox` on Linux by itself unless `chromiumSandbox` is true. */
export function getElectronOptions(
  { main, userData, env = {}, args = [], timeout = 60_000 }: Omit<LaunchOptions, 'shell'>,
  sandbox: boolean,
) {
  return {
    args: [main, `--user-data-dir=${userData}`, ...args],
    chromiumSandbox: sandbox,
    env: { ...dropUndefined(process.env), ...env },
    timeout,
  };
}

function dropUndefined(env: NodeJS.ProcessEnv): Record<string, string> {
  return Object.fromEntries(
    Object.entries(env).flatMap(([name, value]) => (value === undefined ? [] : [[name, value]])),
  );
}

/** Whether Chromium's sandbox works here: root has none, and some distributions keep user namespaces from unpackaged programs. */
export function canSandbox(): boolean {
  if (process.platform !== 'linux') return true;
  if (process.getuid?.() === 0) return false;
  try {
    return readFileSync('/proc/sys/kernel/apparmor_restrict_unprivileged_userns', 'utf8').trim() !== '1';
  } catch {
    return true;
  }
}
