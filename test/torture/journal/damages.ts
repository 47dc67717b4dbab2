import { getShimFault } from '../shim.ts';
import type { TortureSuite } from '../suite.ts';
import { bundleProgram } from './bundle.ts';
import { runProgram } from './run-program.ts';
import { SMALL_GENERATIONS } from './tuning.ts';

/** For each damage, before an opening or a check is taken for one that does not end. */
const PATIENCE_MS = 5000;
const START_MS = 120_000;

/**
 * A journal damaged in any way: what is there is a state that the store was once in, what is lost from the middle is reported, nothing hangs,
 * and a repair leaves a clean store.
 */
export const journalDamageSuite: TortureSuite = {
  name: 'journal-damages',
  long: 2400,
  short: 40,
  unavailable: getShimFault,
  async run(count, { seed = 1, only } = {}) {
    const [program, small, plain] = await Promise.all([
      bundleProgram('damage-program.ts'),
      bundleProgram('worker.ts', 'small', SMALL_GENERATIONS),
      bundleProgram('worker.ts'),
    ]);
    const cases = [...[count, seed].map(String), ...(only === undefined ? [] : [`${only}`])];
    return runProgram([program, small, plain, ...cases], START_MS + count * PATIENCE_MS);
  },
};
