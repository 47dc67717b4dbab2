/**
 * `npm run bench`: runs all benchmarks, or those named on the command line, each in a process of its own, and prints what was measured
 * beside the goals. With `--save` it also keeps the results in bench/results and renders docs/bench.md.
 */
import { fork } from 'node:child_process';
import { once } from 'node:events';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { BENCHMARKS } from './benchmarks.ts';
import { formatReport, formatSummary } from './harness/format-text.ts';
import type { BenchmarkReport } from './harness/measure.ts';
import { describeEnvironment, markMeasured, type SavedReport, saveResults } from './harness/results.ts';
import { BENCH_OPTIONS, parseScale } from './harness/run-standalone.ts';
import { updatePage } from './render-page.ts';

const USAGE = `npm run bench -- [benchmark …] [--rounds n] [--operations n] [--quick] [--huge] [--save] [--json file]
--huge measures stores of 10 million items too: minutes, and several gigabytes in TMPDIR
benchmarks: ${BENCHMARKS.join(', ')}; all of them without a name`;

/** A benchmark that takes longer hangs, or a peer of it does. With 10 million items it may take hours. */
const TIMEOUT_MS = 60 * 60_000;
const HUGE_TIMEOUT_MS = 6 * 60 * 60_000;

/** A process per benchmark, so that compiled code and heap of one don't affect the next. */
async function runInProcess(name: string, args: readonly string[]): Promise<BenchmarkReport> {
  const child = fork(join(import.meta.dirname, `${name}.ts`), args, { execArgv: ['--expose-gc'] });
  let report: BenchmarkReport | undefined;
  child.on('message', (message) => {
    report = message as BenchmarkReport;
  });
  const timeoutMs = args.includes('--huge') ? HUGE_TIMEOUT_MS : TIMEOUT_MS;
  const timer = setTimeout(() => child.kill('SIGKILL'), timeoutMs);
  const [code, signal] = await once(child, 'close');
  clearTimeout(timer);
  if (signal === 'SIGKILL') throw new Error(`bench/${name}.ts was still running after ${timeoutMs / 60_000} minutes`);
  if (report === undefined) throw new Error(`bench/${name}.ts ended with code ${code} and without a report`);
  return report;
}

/** @throws `TypeError` or `RangeError` for an unknown option or benchmark, or an invalid number. */
function parseCommandLine() {
  const { values, positionals } = parseArgs({
    options: { ...BENCH_OPTIONS, json: { type: 'string' }, save: { type: 'boolean', default: false } },
    allowPositionals: true,
  });
  const scale = parseScale(values);
  const unknown = positionals.find((name) => !(BENCHMARKS as readonly string[]).includes(name));
  if (unknown !== undefined) throw new RangeError(`Unknown benchmark "${unknown}"; there are ${BENCHMARKS.join(', ')}`);
  const { quick, rounds, operations, huge, json, save } = values;
  if (quick && save)
    throw new RangeError('--quick measures too little to be saved; leave out one of --quick and --save');
  const args = [
    ...(quick ? ['--quick'] : []),
    ...(huge ? ['--huge'] : []),
    ...(rounds === undefined ? [] : ['--rounds', rounds]),
    ...(operations === undefined ? [] : ['--operations', operations]),
  ];
  return { names: positionals.length > 0 ? positionals : BENCHMARKS, args, json, save, operations: scale.operations };
}

/** A benchmark that fails is reported, and the others run. */
async function main(): Promise<void> {
  const { names, args, json, save, operations } = parseCommandLine();
  const environment = describeEnvironment();
  const reports: SavedReport[] = [];
  for (const name of names) {
    try {
      const report = await runInProcess(name, args);
      console.log(`${formatReport(report)}\n`);
      reports.push({ ...markMeasured(report, environment), operations });
      // After each, because the next may take long, or be stopped.
      if (json !== undefined) writeFileSync(json, `${JSON.stringify(reports, null, 2)}\n`);
      if (save) saveResults(reports);
    } catch (error) {
      console.error(error instanceof Error ? error.message : error);
      process.exitCode = 1;
    }
  }
  console.log(formatSummary(reports, args.includes('--quick')));
  if (!save || reports.length === 0) return;
  console.log(`Saved to ${saveResults(reports)}, and docs/bench.md rendered`);
  updatePage();
}

await main().catch((error: unknown) => {
  console.error(error instanceof TypeError || error instanceof RangeError ? `${error.message}\n${USAGE}` : error);
  process.exitCode = 1;
});
