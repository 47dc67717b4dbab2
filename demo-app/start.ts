/**
 * What `npm start` runs after the build. With a display: opens Atlas and stays until it is closed. Without one, or with
 * `--tour`: shows it headless, step by step, and writes screenshots. Exits with 1 when something is not as it should be.
 */
import { mkdtemp, rm } from 'node:fs/promises';
import { homedir, tmpdir } from 'node:os';
import { join, relative } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { findElectron, launch, type Shell } from '../e2e/launch.ts';
import { StepFailed } from './tour/report.ts';
import { tour } from './tour/tour.ts';
import { startUpstream } from './upstream/process.ts';

const ROOT = fileURLToPath(new URL('..', import.meta.url));
const MAIN = join(ROOT, 'dist', 'demo', 'main.js');
const SCREENSHOTS = join(ROOT, 'test-results', 'tour');

const { values } = parseArgs({ options: { tour: { type: 'boolean', default: false } } });
process.once('SIGINT', () => process.exit(130));
process.once('SIGTERM', () => process.exit(143));

try {
  const shell = await chooseShell();
  if (values.tour || !hasDisplay()) await showTour(shell);
  else await openAtlas(shell);
} catch (error) {
  console.error(error instanceof StepFailed ? error.message : `Atlas could not be shown: ${reason(error)}`);
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
  const userData = await mkdtemp(join(tmpdir(), 'atlas-'));
  console.log(`The tour, without a display. Screenshots go to ${relative(process.cwd(), SCREENSHOTS)}.`);
  const began = performance.now();
  try {
    await tour({ shell, main: MAIN, userData, folder: SCREENSHOTS });
  } finally {
    await rm(userData, { recursive: true, force: true, maxRetries: 3 });
  }
  console.log(`All is as it should be, in ${((performance.now() - began) / 1000).toFixed(1)} s.`);
}

async function openAtlas(shell: Shell): Promise<void> {
  const userData = process.env['ATLAS_DATA'] ?? join(homedir(), '.deskcache-atlas');
  const upstream = await startUpstream();
  console.log(`The remote API is played by ${upstream.url}; what Atlas keeps is in ${userData}.`);
  console.log('Close the window or press Ctrl-C to end.');
  try {
    const app = await launch({ shell, main: MAIN, userData, env: { ATLAS_UPSTREAM: upstream.url }, args: [] });
    await app.closed;
  } finally {
    await upstream.stop();
  }
}

/** Linux says so in the environment; elsewhere there is one. */
function hasDisplay(): boolean {
  const { DISPLAY, WAYLAND_DISPLAY } = process.env;
  return process.platform !== 'linux' || Boolean(DISPLAY || WAYLAND_DISPLAY);
}

function reason(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
