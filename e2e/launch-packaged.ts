import { spawn } from 'node:child_process';
import type { AppHandle, Shell } from './app-handle.ts';
import { collectOutput, createAppHandle } from './create-app-handle.ts';
import { connectToDevtools } from './devtools-endpoint.ts';
import { canSandbox } from './launch-electron.ts';
import { fromChromiumUrl } from './stand-in/scheme-mapping.ts';

export interface PackagedOptions {
  /** The application's own executable, as the packager has made it. */
  readonly executable: string;
  readonly userData: string;
  readonly args?: readonly string[];
  readonly env?: Readonly<Record<string, string>>;
  /** Default `electron`. */
  readonly shell?: Shell;
  /** Milliseconds; default 60,000. */
  readonly timeout?: number;
}

/**
 * Starts a packaged application and drives its pages by the DevTools protocol alone. Playwright's own way into Electron needs
 * `--inspect`, which the fuse EnableNodeCliInspectArguments takes away; no fuse governs Chromium's `--remote-debugging-port`.
 */
export async function launchPackaged(options: PackagedOptions): Promise<AppHandle> {
  const { executable, userData, args = [], env = {}, shell = 'electron', timeout = 60_000 } = options;
  const child = spawn(executable, [...args, ...getSwitches(userData, canSandbox())], {
    env: { ...process.env, ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
    windowsHide: true,
  });
  const output = collectOutput(child);
  const browser = await connectToDevtools(child, output, timeout);
  return createAppHandle({
    shell,
    process: child,
    output,
    windows: () => browser.contexts().flatMap((context) => context.pages()),
    url: (page) => (shell === 'stand-in' ? fromChromiumUrl(page.url()) : page.url()),
    async quit() {
      const session = await browser.newBrowserCDPSession();
      // Electron quits, with all its events, and never answers.
      void session.send('Browser.close').catch(() => {});
    },
    release: () => browser.close(),
  });
}

/** Returns the switches of a test: a folder and a debugging port of its own, and no question for a password of the key store. */
export function getSwitches(
  userData: string,
  sandbox: boolean,
  platform: NodeJS.Platform = process.platform,
): string[] {
  return [
    `--user-data-dir=${userData}`,
    '--remote-debugging-port=0',
    ...(platform === 'darwin' ? ['--use-mock-keychain'] : []),
    ...(platform === 'linux' ? ['--password-store=basic'] : []),
    ...(sandbox ? [] : ['--no-sandbox']),
  ];
}
