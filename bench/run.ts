/**
 * `npm run bench`: asks all questions, or those named on the command line, each in a process of its own, and prints what
 * was measured beside the goals.
 */
import { fork } from 'node:child_process';
import { once } from 'node:events';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { BENCHMARKS } from './benchmarks.ts';
import { formatMarkdown } from './harness/format-markdown.ts';
import { formatReport, formatSummary } from './harness/format-text.ts';
import type { BenchmarkReport } from './harness/measure.ts';
import { BENCH_OPTIONS, parseScale } from './harness/run-standalone.ts';

const USAGE = `npm run bench -- [benchmark …] [--rounds n] [--quick] [--json file] [--markdown file]
benchmarks: ${BENCHMARKS.join(', ')}; all of them without a name`;

/** A process per benchmark, so that compiled code and heap of one don't affect the next. */
async function runInProcess(name: string, args: readonly string[]): Promise<BenchmarkReport> {
  const child = fork(join(import.meta.dirname, `${name}.ts`), args, { execArgv: ['--expose-gc'] });
  let report: BenchmarkReport | undefined;
  child.on('message', (message) => {
    report = message as BenchmarkReport;
  });
  const [code] = await once(child, 'close');
  if (report === undefined) throw new Error(`bench/${name}.ts ended with code ${code} and without an answer`);
  return report;
}

/** @throws `TypeError` or `RangeError` for an unknown option or benchmark, or an invalid number. */
function parseCommandLine() {
  const { values, positionals } = parseArgs({
    options: { ...BENCH_OPTIONS, json: { type: 'string' }, markdown: { type: 'string' } },
    allowPositionals: true,
  });
  parseScale(values);
  const unknown = positionals.find((name) => !(BENCHMARKS as readonly string[]).includes(name));
  if (unknown !== undefined) throw new RangeError(`Unknown benchmark "${unknown}"; there are ${BENCHMARKS.join(', ')}`);
  const { quick, rounds } = values;
  const args = [...(quick ? ['--quick'] : []), ...(rounds === undefined ? [] : ['--rounds', rounds])];
  return { names: positionals.length > 0 ? positionals : BENCHMARKS, args, json: values.json, text: values.markdown };
}

/** A benchmark that fails is reported, and the others still run. */
async function main(): Promise<void> {
  const { names, args, json, text } = parseCommandLine();
  const answers: BenchmarkReport[] = [];
  for (const name of names) {
    try {
      const found = await runInProcess(name, args);
      console.log(`${formatReport(found)}\n`);
      answers.push(found);
    } catch (error) {
      console.error(error instanceof Error ? error.message : error);
      process.exitCode = 1;
    }
  }
  console.log(formatSummary(answers));
  if (json !== undefined) writeFileSync(json, `${JSON.stringify(answers, null, 2)}\n`);
  if (text !== undefined) writeFileSync(text, `${formatMarkdown(answers)}\n`);
}

await main().catch((error: unknown) => {
  console.error(error instanceof TypeError || error instanceof RangeError ? `${error.message}\n${USAGE}` : error);
  process.exitCode = 1;
});
