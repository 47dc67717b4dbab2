import { waitForDiskCache } from '../disk-cache-page.ts';
import { type Experiment, evaluateWithTimeout, sendCommand, waitForPage } from './experiment.ts';

const REQUESTS = 40;

export const crashOfAnother: Experiment = {
  question: 'Does window A get what it loads by deskcache:// while window B crashes?',
  expected: `A: 200 (${REQUESTS} times); afterwards: 200`,
  async run(lab) {
    const { app, page } = await lab.start('--serves');
    await sendCommand(page, 'setAsset', 'kept');
    await sendCommand(page, 'open', 'app://lab/?b');
    await waitForDiskCache(await waitForPage(app, 'app://lab/?b'));
    const load = `fetch(diskCache.url('assets', 'a.txt')).then((it) => it.status, (error) => error.name)`;
    const counts = evaluateWithTimeout(
      page,
      `(async () => {
        const counts = {};
        for (let n = 0; n < ${REQUESTS}; n++) {
          const status = await ${load};
          counts[status] = (counts[status] ?? 0) + 1;
          await new Promise((done) => setTimeout(done, 10));
        }
        return Object.entries(counts).map(([status, times]) => status + ' (' + times + ' times)').join(', ');
      })()`,
    );
    await sendCommand(page, 'crash', 'app://lab/?b');
    return `A: ${await counts}; afterwards: ${await evaluateWithTimeout(page, load)}`;
  },
};
