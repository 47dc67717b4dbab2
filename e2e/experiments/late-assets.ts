import { ready } from '../cache-page.ts';
import { ask, type Experiment, type Running, settle } from './experiment.ts';

/** `read`, or `refused` whether the network or the host has done it. */
const load = ({ page }: Running) =>
  settle(
    page,
    `fetch('deskcache://assets/a.txt').then(async (it) => it.ok ? (await it.text()).slice(0, 4) : 'refused', () => 'refused')`,
  );

async function reload({ page }: Running): Promise<void> {
  await page.reload();
  await ready(page);
}

export const lateAssets: Experiment = {
  question: 'Which documents have deskcache:// when serveAssets begins after they were loaded, and when it ends?',
  expected:
    'before: refused; begun, same document: refused; reloaded: read; ended, same document: refused; reloaded: refused',
  async run(lab) {
    const running = await lab.start();
    const { page } = running;
    await ask(page, 'setAsset', 'read');
    const before = await load(running);
    await ask(page, 'serveAssets');
    const begun = await load(running);
    await reload(running);
    const reloaded = await load(running);
    await ask(page, 'endAssets');
    const ended = await load(running);
    await reload(running);
    return `before: ${before}; begun, same document: ${begun}; reloaded: ${reloaded}; ended, same document: ${ended}; reloaded: ${await load(running)}`;
  },
};
