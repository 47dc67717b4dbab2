/**
 * Run by `npm start` after the build. With a display it opens Atlas and waits until it is closed. Without one, or with `--tour`, it runs
 * the tour: headless, step by step, with screenshots. Exits with 1 if something fails.
 */
import { mkdirSync, rmSync } from 'node:fs';
import { homedir } from 'node:os';
import { join, relative } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import type { AppHandle, Shell } from '../e2e/app-handle.ts';
import { killTree } from '../e2e/kill-tree.ts';
import { findElectron, launch } from '../e2e/launch.ts';
import { findChromium } from '../e2e/stand-in/chromium/find-chromium.ts';
import { StepFailed } from './tour/report.ts';
import { runTour } from './tour/tour.ts';
import { startUpstream, type UpstreamProcess } from './upstream/start-upstream.ts';

const ROOT = fileURLToPath(new URL('..', import.meta.url));
const MAIN = join(ROOT, 'dist', 'demo', 'main.js');
/** Fixed, because the stored responses are found by the server's URL. */
const PORT = 47_110;
const SCREENSHOTS = join(ROOT, 'test-results', 'tour');

const { values } = parseArgs({ options: { tour: { type: 'boolean', default: false } } });
/** Clean-up that must run however this process ends; on Ctrl-C promises are not awaited. */
const temporaryFolders: (() => void)[] = [];
process.once('exit', () => {
  for (const end of temporaryFolders.reverse()) end();
});
process.once('SIGINT', () => process.exit(130));
process.once('SIGTERM', () => process.exit(143));

try {
  const shell = await chooseShell();
  if (!values.tour && (await canShowWindows(shell))) await openAtlas(shell);
  else await showTour(shell);
} catch (error) {
  console.error(error instanceof StepFailed ? error.message : `Atlas could not be shown: ${getErrorMessage(error)}`);
  process.exitCode = 1;
}

async function chooseShell(): Promise<Shell> {
  const electron = await findElectron({ download: true });
  if (electron !== undefined) {
    console.log(`Atlas runs in Electron (${electron}).`);
    return 'electron';
  }
  console.log(
    'Atlas runs in the stand-in, Node and Chromium from npm: there is no Electron runtime and none can be had.',
  );
  return 'stand-in';
}

async function showTour(shell: Shell): Promise<void> {
  const userData = join(ROOT, 'test-results', 'tour-data');
  const forget = () => rmSync(userData, { recursive: true, force: true, maxRetries: 5 });
  forget();
  temporaryFolders.push(forget);
  console.log(`The tour, without a window. Screenshots go to ${relative(process.cwd(), SCREENSHOTS)}.`);
  const began = performance.now();
  await runTour({ start: (upstream) => startAtlas(shell, userData, upstream, false), folder: SCREENSHOTS });
  console.log(`All is as it should be, in ${((performance.now() - began) / 1000).toFixed(1)} s.`);
}

async function openAtlas(shell: Shell): Promise<void> {
  const userData = process.env['ATLAS_DATA'] ?? join(homedir(), '.deskcache-atlas');
  mkdirSync(userData, { recursive: true });
  const upstream = await startUpstream({ port: PORT, notes: join(userData, 'server-notes.jsonl') });
  console.log(`The remote API is played by ${upstream.url}; what Atlas keeps is in ${userData}.`);
  console.log('Close the window or press Ctrl-C to end.');
  try {
    const app = await startAtlas(shell, userData, upstream, true);
    await app.closed;
  } finally {
    await upstream.stop();
  }
}

async function startAtlas(
  shell: Shell,
  userData: string,
  upstream: UpstreamProcess,
  visible: boolean,
): Promise<AppHandle> {
  const app = await launch({ shell, main: MAIN, userData, env: { ATLAS_UPSTREAM: upstream.url }, visible });
  temporaryFolders.push(() => killTree(app.process));
  return app;
}

/**
 * On Linux the environment tells whether there is a display; the stand-in also needs a browser that is not headless.
 */
async function canShowWindows(shell: Shell): Promise<boolean> {
  const { DISPLAY, WAYLAND_DISPLAY } = process.env;
  if (process.platform === 'linux' && !DISPLAY && !WAYLAND_DISPLAY) return false;
  if (shell === 'electron' || (await findChromium(true)).visible) return true;
  console.log('There is a display, but no Chrome or Chromium to open a window with: install one, or set CHROME_PATH.');
  return false;
}

function getErrorMessage(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
