import { setTimeout as wait } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { launch } from '../launch.ts';
import type { Experiment } from './experiment.ts';

const MAIN = fileURLToPath(new URL('../../dist/e2e/experiments/top-level.js', import.meta.url));
/** More than the five seconds after which the product warns. */
const OPEN_MS = 15_000;
const WARNING = 'openDiskCache still waits';
const ENDED_BY_NODE = 'ends: Detected unsettled top-level await';

export const topLevelAwait: Experiment = {
  question: 'What does an ES module see that awaits openDiskCache at its top level?',
  // shell/common/node_bindings.cc, JoinAppCode: startup waits for the module as long as libuv has something to wait for, here the timer
  // of the warning, and then goes on without it.
  expected: 'a warning names the mistake, then it opens',
  expectedInStandIn: ENDED_BY_NODE,
  async run({ shell, userData, defer }) {
    const options = { shell, main: MAIN, userData, visible: false, timeout: OPEN_MS + 5000 };
    // Where the application never gets as far as its windows, the error holds what it has printed.
    const started = await launch(options).catch((error: Error) => error.message);
    if (typeof started === 'string') {
      if (started.includes('unsettled top-level await')) return ENDED_BY_NODE;
      return started.includes(WARNING) ? 'a warning names the mistake, it never opens' : `does not start: ${started}`;
    }
    defer(() => started.kill());
    const opened = () => started.output().includes('opened at the top level');
    for (const deadline = Date.now() + OPEN_MS; !opened() && Date.now() < deadline; await wait(100)) {
      if (started.process.exitCode !== null) return `ends: ${started.output()}`;
    }
    const warning = started.output().includes(WARNING) ? 'a warning names the mistake' : 'no warning';
    return `${warning}, ${opened() ? 'then it opens' : 'it never opens'}`;
  },
};
