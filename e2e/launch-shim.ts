import { spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import type { AppHandle, LaunchOptions } from './app-handle.ts';
import { collectOutput, createAppHandle } from './create-app-handle.ts';
import { connectToDevtools } from './devtools-endpoint.ts';
import { fromChromiumUrl } from './stand-in/scheme-mapping.ts';

const SHIM_LOADER = new URL('./stand-in/register.ts', import.meta.url).href;
const NODE_FROM_NPM = fileURLToPath(
  new URL(`../node_modules/node/bin/node${process.platform === 'win32' ? '.exe' : ''}`, import.meta.url),
);

/** The application in Node, its windows in Chromium. */
export async function launchShim(options: LaunchOptions): Promise<AppHandle> {
  const { main, userData, env = {}, args = [], visible = true, timeout = 60_000 } = options;
  const child = spawn(
    findNode(),
    ['--disable-warning=ExperimentalWarning', '--import', SHIM_LOADER, main, `--user-data-dir=${userData}`, ...args],
    {
      env: { ...process.env, ...env, STAND_IN_DEVTOOLS: '1', ...(visible ? {} : { STAND_IN_VISIBLE: '0' }) },
      stdio: ['ignore', 'pipe', 'pipe', 'ipc'],
    },
  );
  const output = collectOutput(child);
  const browser = await connectToDevtools(child, output, timeout);
  return createAppHandle({
    shell: 'stand-in',
    process: child,
    output,
    windows: () => browser.contexts().flatMap((context) => context.pages()),
    url: (page) => fromChromiumUrl(page.url()),
    quit: async () => void (child.connected && child.send('quit')),
    release: () => browser.close(),
  });
}

/** Node that runs TypeScript as it is: the one of this process, or the one npm installed with this repository. */
function findNode(): string {
  if (Number.parseInt(process.versions.node, 10) >= 24) return process.execPath;
  if (existsSync(NODE_FROM_NPM)) return NODE_FROM_NPM;
  throw new Error(`The stand-in needs Node 24, this is ${process.version}: run it through npm, after npm ci`);
}
