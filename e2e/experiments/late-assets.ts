import { waitForDiskCache } from '../disk-cache-page.ts';
import { type Experiment, evaluateWithTimeout, type RunningApp, sendCommand } from './experiment.ts';

/** `read`, or `refused` whether the network or the host has done it. */
const loadAsset = ({ page }: RunningApp) =>
  evaluateWithTimeout(
    page,
    `fetch('deskcache://assets/a.txt').then(async (it) => it.ok ? (await it.text()).slice(0, 4) : 'refused', () => 'refused')`,
  );

async function reload({ page }: RunningApp): Promise<void> {
  await page.reload();
  await waitForDiskCache(page);
}

export const lateAssets: Experiment = {
  question: 'Which documents have deskcache:// when serveAssets begins after they were loaded, and when it ends?',
  expected:
    'before: refused; begun, same document: refused; reloaded: read; ended, same document: refused; reloaded: refused',
  async run(lab) {
    const running = await lab.start();
    const { page } = running;
    await sendCommand(page, 'setAsset', 'read');
    const before = await loadAsset(running);
    await sendCommand(page, 'serveAssets');
    const begun = await loadAsset(running);
    await reload(running);
    const reloaded = await loadAsset(running);
    await sendCommand(page, 'endAssets');
    const ended = await loadAsset(running);
    await reload(running);
    return `before: ${before}; begun, same document: ${begun}; reloaded: ${reloaded}; ended, same document: ${ended}; reloaded: ${await loadAsset(running)}`;
  },
};
