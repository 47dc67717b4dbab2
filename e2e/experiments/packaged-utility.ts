import { join } from 'node:path';
import { extractAll } from '@electron/asar';
import type { AppHandle } from '../app-handle.ts';
import { waitForDiskCache } from '../disk-cache-page.ts';
import { findElectron } from '../launch.ts';
import { launchPackaged } from '../launch-packaged.ts';
import { type Experiment, evaluateWithTimeout, type Lab, sendCommand } from './experiment.ts';
import { packageLab, packLab } from './package-lab.ts';

const REGISTER = new URL('../stand-in/register.ts', import.meta.url).href;

export const packagedUtility: Experiment = {
  question: 'Does the engine run in a utility process out of an asar, with the fuses that Electron Forge sets?',
  expected: 'app.asar with fuses: written by a utility process, read after a restart, ended with code 0',
  expectedInStandIn:
    'app.asar unpacked, without fuses: written by a utility process, read after a restart, ended with code 0',
  async run(lab) {
    const start = lab.shell === 'electron' ? await inElectron(lab) : await inStandIn(lab);
    const first = await open(await start(), lab);
    const pid = await evaluateWithTimeout(
      first.page,
      `diskCache.index('processes').set('pid', 'pid').then(() => diskCache.index('processes').get('pid'))`,
    );
    const isOwn = Number(pid) > 0 && Number(pid) !== (await sendCommand(first.page, 'pid'));
    const writer = isOwn ? 'a utility process' : Number(pid) > 0 ? 'the main process' : pid;
    await evaluateWithTimeout(first.page, `diskCache.cache('notes').set('kept', 'kept')`);
    await first.app.close();
    const again = await open(await start(), lab);
    const read = await evaluateWithTimeout(again.page, `diskCache.cache('notes').get('kept')`);
    await again.app.close();
    const layout = lab.shell === 'electron' ? 'app.asar with fuses' : 'app.asar unpacked, without fuses';
    const restarted = read === 'kept' ? 'read after a restart' : `not read after a restart (${read})`;
    return `${layout}: written by ${writer}, ${restarted}, ended with code ${again.app.process.exitCode}`;
  },
};

async function open(app: AppHandle, { defer }: Lab) {
  defer(() => app.kill());
  const page = await app.waitForWindow(0);
  await waitForDiskCache(page);
  return { app, page };
}

async function inElectron({ userData }: Lab): Promise<() => Promise<AppHandle>> {
  const runtime = await findElectron();
  if (runtime === undefined) throw new Error('There is no Electron runtime');
  const executable = await packageLab(runtime, join(userData, 'packaged'));
  return () => launchPackaged({ executable, userData: join(userData, 'data'), args: ['--utility'] });
}

/** Node reads no archive. That all is in it that the application needs shows all the same. */
async function inStandIn({ userData }: Lab): Promise<() => Promise<AppHandle>> {
  const archive = join(userData, 'app.asar');
  await packLab(archive);
  const unpacked = join(userData, 'app');
  extractAll(archive, unpacked);
  const main = join(unpacked, 'e2e', 'experiments', 'main.js');
  return () =>
    launchPackaged({
      executable: process.execPath,
      userData: join(userData, 'data'),
      args: ['--disable-warning=ExperimentalWarning', '--import', REGISTER, main, '--utility'],
      env: { STAND_IN_DEVTOOLS: '1', STAND_IN_VISIBLE: '0' },
      shell: 'stand-in',
    });
}
