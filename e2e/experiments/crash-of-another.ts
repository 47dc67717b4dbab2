import { ready } from '../cache-page.ts';
import { ask, type Experiment, settle, shown } from './experiment.ts';

const REQUESTS = 40;

export const crashOfAnother: Experiment = {
  question: 'Does window A get what it loads by deskcache:// while window B crashes?',
  expected: `A: 200 (${REQUESTS} times); afterwards: 200`,
  async run(lab) {
    const { app, page } = await lab.start('--serves');
    await ask(page, 'setAsset', 'kept');
    await ask(page, 'open', 'app://lab/?b');
    await ready(await shown(app, 'app://lab/?b'));
    const load = `fetch(diskCache.url('assets', 'a.txt')).then((it) => it.status, (error) => error.name)`;
    const counts = settle(
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
    await ask(page, 'crash', 'app://lab/?b');
    return `A: ${await counts}; afterwards: ${await settle(page, load)}`;
  },
};
