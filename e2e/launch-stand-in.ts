import { type ChildProcess, spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { chromium } from 'playwright-core';
import type { App, LaunchOptions } from './launch.ts';
import { collectOutput, runningApp } from './running-app.ts';
import { fromChromium } from './stand-in/schemes.ts';

const REGISTER = new URL('./stand-in/register.ts', import.meta.url).href;
const NODE_FROM_NPM = fileURLToPath(new URL('../node_modules/node/bin/node', import.meta.url));

/** The application in Node, its windows in Chromium. */
export async function launchStandIn(options: LaunchOptions): Promise<App> {
  const { main, userData, env = {}, args = [], visible = true, timeout = 60_000 } = options;
  const child = spawn(
    nodeForTypeScript(),
    ['--disable-warning=ExperimentalWarning', '--import', REGISTER, main, `--user-data-dir=${userData}`, ...args],
    {
      env: { ...process.env, ...env, STAND_IN_DEVTOOLS: '1', ...(visible ? {} : { STAND_IN_VISIBLE: '0' }) },
      stdio: ['ignore', 'pipe', 'pipe', 'ipc'],
    },
  );
  const output = collectOutput(child);
  const browser = await endpointOf(child, output, timeout)
    .then((endpoint) => chromium.connectOverCDP(endpoint))
    .catch((error) => {
      child.kill('SIGKILL');
      throw error;
    });
  return runningApp({
    shell: 'stand-in',
    process: child,
    output,
    windows: () => browser.contexts().flatMap((context) => context.pages()),
    url: (page) => fromChromium(page.url()),
    quit: async () => void (child.connected && child.send('quit')),
    release: () => browser.close(),
  });
}

/** Node that runs TypeScript as it is: the one of this process, or the one npm installed with this repository. */
function nodeForTypeScript(): string {
  if (Number.parseInt(process.versions.node, 10) >= 24) return process.execPath;
  if (existsSync(NODE_FROM_NPM)) return NODE_FROM_NPM;
  throw new Error(`The stand-in needs Node 24, this is ${process.version}: run it through npm, after npm ci`);
}

/** Chromium's DevTools endpoint, as the stand-in passes it on. */
function endpointOf(child: ChildProcess, output: () => string, timeout: number): Promise<string> {
  return new Promise((resolve, reject) => {
    const fail = (why: string) => reject(new Error(why));
    const timer = setTimeout(
      () => fail(`The stand-in did not start within ${timeout} ms; it printed:\n${output()}`),
      timeout,
    );
    child.once('exit', () => fail(output().trim() || 'The stand-in ended without a word'));
    child.once('error', (error) => fail(`The stand-in could not be started: ${error.message}`));
    child.stderr?.on('data', () => {
      const endpoint = /DevTools listening on (ws:\S+)/.exec(output())?.[1];
      if (!endpoint) return;
      clearTimeout(timer);
      resolve(endpoint);
    });
  });
}
