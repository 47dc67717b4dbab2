import { getShimFault } from '../shim.ts';
import type { Replay, TortureReport, TortureSuite } from '../suite.ts';
import { cutPower } from './power-cuts.ts';
import { BROKEN_RULES } from './rules.ts';
import { NO_FIGURES } from './run-program.ts';
import { SMALL_GENERATIONS } from './tuning.ts';

/** With every such seed a cache takes steps that nearly all go to the journal, with 'power' and 'process' by turns. */
const STRIDE = 42;
/** This many cuts are enough to know that the absence of a rule is noticed. */
const MAX_FAULTS = 10;

/** Returns, for each rule, in how many of `count` power cuts its absence was noticed; a fault where it never was. */
async function run(count: number, { seed = STRIDE, only }: Replay = {}): Promise<TortureReport> {
  const figures: string[] = [];
  const faults: string[] = [];
  for (const [nth, [rule, edits]] of Object.entries(BROKEN_RULES).entries()) {
    if (only !== undefined && nth !== only) continue;
    const report = await cutPower(count, `without-rule-${nth}`, [...SMALL_GENERATIONS, ...edits], {
      seed,
      stride: STRIDE,
      maxFaults: MAX_FAULTS,
    });
    if (report.figures === NO_FIGURES) faults.push(`${rule}: ${report.faults[0]}`);
    else if (report.faults.length === 0) faults.push(`${rule}, and no power cut told: ${report.figures}`);
    figures.push(`${rule}: ${report.faults.length} faults in ${report.figures.split(';')[0]}`);
  }
  return { figures: figures.join('; '), faults };
}

/** Each rule of the journal switched off has to be noticed by the simulation of power cuts. */
export const brokenRuleSuite: TortureSuite = {
  name: 'journal-rules',
  long: 360,
  short: 30,
  unavailable: getShimFault,
  run,
};
