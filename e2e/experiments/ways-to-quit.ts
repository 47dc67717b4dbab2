import { setTimeout as wait } from 'node:timers/promises';
import { killTree } from '../kill-tree.ts';
import { type Experiment, type RunningApp, sendCommand } from './experiment.ts';

const END_MS = 15_000;

/** Each ends the application while its page writes. */
const WAYS: Readonly<Record<string, (running: RunningApp) => unknown>> = {
  'app.quit': ({ page }) => sendCommand(page, 'quit'),
  'app.exit': ({ page }) => sendCommand(page, 'exit'),
  'process.exit': ({ page }) => sendCommand(page, 'process.exit'),
  'last window closed': ({ page }) => sendCommand(page, 'close', 'app://lab/'),
  // Windows has no such signals: there Node ends the process at once.
  ...(process.platform !== 'win32' && {
    SIGTERM: ({ app }) => app.process.kill('SIGTERM'),
    SIGINT: ({ app }) => app.process.kill('SIGINT'),
  }),
  'kill -9': ({ app }) => killTree(app.process),
};

/** Writes twenty at a time without end, and has the main process print how many were promised. */
const WRITE_SCRIPT = `void (async () => {
  for (let n = 0; ; n += 20) {
    await Promise.all(Array.from({ length: 20 }, (_, i) => diskCache.cache('notes').set(way + (n + i), n + i)));
    await fetch('app://lab/do', { method: 'POST', body: JSON.stringify(['promised', n + 20]) });
  }
})().catch(() => {})`;

const countPromised = ({ app }: RunningApp) =>
  Number(
    app
      .output()
      .match(/promised \d+/g)
      ?.at(-1)
      ?.slice(9) ?? 0,
  );

export const waysToQuit: Experiment = {
  question: 'Is everything on disk that a page was promised, whatever way the application ends?',
  expected: Object.keys(WAYS)
    .map((way) => `${way}: nothing lost`)
    .join('; '),
  async run(lab) {
    const answers: string[] = [];
    for (const [way, end] of Object.entries(WAYS)) {
      const running = await lab.start();
      await running.page.evaluate(`globalThis.way = ${JSON.stringify(way)}`);
      await running.page.evaluate(WRITE_SCRIPT);
      for (const deadline = Date.now() + END_MS; countPromised(running) < 100 && Date.now() < deadline; )
        await wait(20);
      void Promise.resolve(end(running)).catch(() => {}); // the page that asks may be gone before it is answered
      const isLate = await Promise.race([running.app.closed, wait(END_MS, true, { ref: false })]);
      const count = countPromised(running);
      if (isLate) {
        await running.app.kill();
        answers.push(`${way}: did not end`);
        continue;
      }
      const { app, page } = await lab.start();
      const kept = `diskCache.cache('notes').getMany(Array.from({ length: ${count} }, (_, n) => ${JSON.stringify(way)} + n))`;
      const lost = await page.evaluate(`${kept}.then((all) => all.filter((value, n) => value !== n).length)`);
      answers.push(
        `${way}: ${count === 0 ? 'nothing was written' : lost === 0 ? 'nothing lost' : `${lost} of ${count} lost`}`,
      );
      await app.kill();
    }
    return answers.join('; ');
  },
};
