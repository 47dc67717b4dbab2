import { setTimeout as wait } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { launch } from '../launch.ts';
import type { Experiment } from './experiment.ts';

const MAIN = fileURLToPath(new URL('../../dist/e2e/experiments/top-level.js', import.meta.url));
/** More than the five seconds after which the product speaks. */
const PATIENCE_MS = 12_000;

export const topLevelAwait: Experiment = {
  question: 'What does an ES module see that awaits openDiskCache at its top level?',
  expected: 'waits, and a warning names the mistake',
  expectedInStandIn: 'ends: Detected unsettled top-level await',
  async run({ shell, userData, defer }) {
    const started = await launch({ shell, main: MAIN, userData, visible: false }).catch(
      (error: Error) => error.message,
    );
    if (typeof started === 'string') {
      return /unsettled top-level await/.test(started)
        ? 'ends: Detected unsettled top-level await'
        : `ends: ${started}`;
    }
    defer(() => started.kill());
    for (const deadline = Date.now() + PATIENCE_MS; Date.now() < deadline; await wait(100)) {
      if (started.output().includes('opened at the top level')) return 'opens';
      if (started.output().includes('openDiskCache still waits')) return 'waits, and a warning names the mistake';
      if (started.process.exitCode !== null) return `ends: ${started.output()}`;
    }
    return 'waits without a word';
  },
};
