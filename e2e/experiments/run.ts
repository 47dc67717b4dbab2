/**
 * Asks the experiments, all or those that are named, and says what came of it: a table on stdout, and one line each in the summary of a
 * job on GitHub. Ends with 1 when an answer is not the expected one.
 *
 *     node e2e/experiments/run.ts --shell electron|stand-in [name …]
 */
import { appendFileSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import type { Shell } from '../app-handle.ts';
import { findElectron } from '../launch.ts';
import { crashOfAnother } from './crash-of-another.ts';
import { crossOriginFetch } from './cross-origin-fetch.ts';
import { createLab, type Experiment } from './experiment.ts';
import { killUtility } from './kill-utility.ts';
import { lateAssets } from './late-assets.ts';
import { oddAnswers } from './odd-answers.ts';
import { packagedUtility } from './packaged-utility.ts';
import { type ExperimentResult, formatLine, formatSummary, isExpected } from './report.ts';
import { seekFilm } from './seek-film.ts';
import { topLevelAwait } from './top-level-await.ts';
import { uploadAcrossNavigation } from './upload-across-navigation.ts';
import { waysToQuit } from './ways-to-quit.ts';

const EXPERIMENTS: Readonly<Record<string, Experiment>> = {
  'cross-origin-fetch': crossOriginFetch,
  'odd-answers': oddAnswers,
  'packaged-utility': packagedUtility,
  'upload-across-navigation': uploadAcrossNavigation,
  'crash-of-another': crashOfAnother,
  'late-assets': lateAssets,
  'kill-utility': killUtility,
  'seek-film': seekFilm,
  'top-level-await': topLevelAwait,
  'ways-to-quit': waysToQuit,
};

const TIMEOUT_MS = 240_000;

const { values, positionals } = parseArgs({
  options: { shell: { type: 'string' } },
  allowPositionals: true,
});
const shell = await chooseShell(values.shell);
const names = positionals.length > 0 ? positionals : Object.keys(EXPERIMENTS);
const unknown = names.filter((name) => !Object.hasOwn(EXPERIMENTS, name));
if (unknown.length > 0) {
  console.error(`No experiment is called ${unknown.join(', ')}. There are: ${Object.keys(EXPERIMENTS).join(', ')}`);
  process.exit(2);
}

const results: ExperimentResult[] = [];
for (const name of names) {
  const result = await runExperiment(name, EXPERIMENTS[name]!);
  results.push(result);
  console.log(formatLine(result));
}
const summary = process.env['GITHUB_STEP_SUMMARY'];
if (summary) appendFileSync(summary, formatSummary(`${shell} on ${process.platform}`, results));
const unexpected = results.filter((result) => !isExpected(result));
console.log(`\n${results.length - unexpected.length} of ${results.length} answers as expected, in the shell ${shell}`);
// A child that would not die must not hold the job.
process.exit(unexpected.length > 0 ? 1 : 0);

async function chooseShell(wanted: string | undefined): Promise<Shell> {
  const electron = await findElectron();
  if (wanted === undefined) return electron === undefined ? 'stand-in' : 'electron';
  if (wanted === 'stand-in' || (wanted === 'electron' && electron !== undefined)) return wanted;
  console.error(
    wanted === 'electron' ? 'There is no Electron runtime' : `--shell is electron or stand-in, not ${wanted}`,
  );
  process.exit(2);
}

async function runExperiment(name: string, { question, run, ...experiment }: Experiment): Promise<ExperimentResult> {
  const userData = await mkdtemp(join(tmpdir(), 'deskcache-experiment-'));
  const ends: (() => unknown)[] = [];
  const expected = (shell === 'stand-in' && experiment.expectedInStandIn) || experiment.expected;
  const began = performance.now();
  try {
    const lab = createLab(shell, userData, (end) => ends.push(end));
    const answer = await Promise.race([
      run(lab).catch((error: Error) => `failed: ${error.message}`),
      wait(TIMEOUT_MS, `no answer within ${TIMEOUT_MS / 1000} s`, { ref: false }),
    ]);
    return { name, question, answer, expected, seconds: (performance.now() - began) / 1000 };
  } finally {
    for (const end of ends.reverse()) await Promise.resolve(end()).catch(() => {}); // what has ended already
    await rm(userData, { recursive: true, force: true, maxRetries: 5, retryDelay: 200 });
  }
}
