import { type Experiment, evaluateWithTimeout, sendCommand } from './experiment.ts';

const SET_SCRIPT = 1000;

export const killUtility: Experiment = {
  question: `What becomes of ${SET_SCRIPT} sets when the utility process is killed under them?`,
  expected: 'all settle; of the resolved none is lost; afterwards: works',
  async run(lab) {
    const { page } = await lab.start('--utility');
    const pid = Number(
      await evaluateWithTimeout(
        page,
        `diskCache.index('processes').set('pid', 'pid').then(() => diskCache.index('processes').get('pid'))`,
      ),
    );
    if (pid === (await sendCommand(page, 'pid')))
      return 'the engine is in the main process: there is no process to kill';
    // Not in one turn: some are on disk, some under way and some not yet sent when the process dies.
    const fates = page.evaluate<string[]>(`(async () => {
      const sets = [];
      for (let n = 0; n < ${SET_SCRIPT}; n++) {
        sets.push(diskCache.cache('notes').set('n' + n, n).then(() => 'resolved', (error) => error.code));
        if (n === ${SET_SCRIPT / 4}) { globalThis.under = true; }
        if (n % 10 === 9) await new Promise((done) => setTimeout(done));
      }
      return Promise.all(sets);
    })()`);
    await page.waitForFunction('globalThis.under', undefined, { polling: 1 });
    process.kill(pid, 'SIGKILL');
    const settled = await Promise.race([fates, page.waitForTimeout(60_000).then(() => undefined)]);
    if (settled === undefined) return 'some never settle';
    const lost = await evaluateWithTimeout(
      page,
      `diskCache.cache('notes').getMany(Array.from({ length: ${SET_SCRIPT} }, (_, n) => 'n' + n)).then((all) =>
        ${JSON.stringify(settled)}.filter((fate, n) => fate === 'resolved' && all[n] !== n).length)`,
    );
    const works = await evaluateWithTimeout(page, `diskCache.cache('notes').set('after', 1).then(() => 'works')`);
    console.log(`      ${settled.filter((fate) => fate === 'resolved').length} of ${SET_SCRIPT} resolved`);
    return `all settle; of the resolved ${lost === '0' ? 'none is' : `${lost} are`} lost; afterwards: ${works}`;
  },
};
