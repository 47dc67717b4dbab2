import { readFileSync } from 'node:fs';
import { _electron } from 'playwright-core';
import { findElectron } from './find-electron.ts';
import type { App, LaunchOptions } from './launch.ts';
import { collectOutput, runningApp } from './running-app.ts';

/** The application in Electron, driven by Playwright. */
export async function launchElectron(options: LaunchOptions): Promise<App> {
  const { main, userData, env = {}, args = [], timeout = 60_000 } = options;
  const executablePath = await findElectron();
  if (executablePath === undefined) throw new Error('There is no Electron runtime: run npx install-electron');
  const app = await _electron.launch({
    executablePath,
    args: [...(canSandbox() ? [] : ['--no-sandbox']), main, `--user-data-dir=${userData}`, ...args],
    env: { ...definedOnly(process.env), ...env },
    timeout,
  });
  const child = app.process();
  return runningApp({
    shell: 'electron',
    process: child,
    output: collectOutput(child),
    windows: () => app.windows(),
    url: (page) => page.url(),
    quit: () => app.evaluate(({ app: running }) => running.quit()),
    release: async () => {},
  });
}

function definedOnly(env: NodeJS.ProcessEnv): Record<string, string> {
  return Object.fromEntries(
    Object.entries(env).flatMap(([name, value]) => (value === undefined ? [] : [[name, value]])),
  );
}

/** Root has none, and some distributions keep user namespaces from programs that no package manager installed. */
function canSandbox(): boolean {
  if (process.platform !== 'linux') return true;
  if (process.getuid?.() === 0) return false;
  try {
    return readFileSync('/proc/sys/kernel/apparmor_restrict_unprivileged_userns', 'utf8').trim() !== '1';
  } catch {
    return true;
  }
}
