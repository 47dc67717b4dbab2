import { parseArgs } from 'node:util';
import { type Benchmark, FULL_SCALE, HUGE, QUICK_SCALE, type Scale } from './benchmark.ts';
import { formatReport, QUICK_NOTE } from './format-text.ts';
import { runBenchmark } from './measure.ts';

/** The options every bench takes. */
export const BENCH_OPTIONS = {
  quick: { type: 'boolean', default: false },
  rounds: { type: 'string' },
  huge: { type: 'boolean', default: false },
  operations: { type: 'string' },
} as const;

/** @throws `RangeError` for an invalid number of rounds or operations. */
export function parseScale({
  quick,
  rounds,
  huge,
  operations,
}: {
  readonly quick: boolean;
  readonly huge: boolean;
  readonly rounds?: string | undefined;
  readonly operations?: string | undefined;
}): Scale {
  const scale = { ...(quick ? QUICK_SCALE : FULL_SCALE), huge: huge ? HUGE : 0 };
  if (rounds !== undefined && !/^[1-9]\d?$/.test(rounds))
    throw new RangeError(`--rounds ${rounds}: give a whole number from 1 to 99`);
  if (operations !== undefined && !/^[1-9]\d{2,5}$/.test(operations))
    throw new RangeError(`--operations ${operations}: give a whole number from 100 to 999999`);
  return {
    ...scale,
    ...(rounds === undefined ? {} : { rounds: Number(rounds) }),
    ...(operations === undefined ? {} : { operations: Number(operations) }),
  };
}

/** Runs one benchmark in this process: prints the result, or sends it to the `run.ts` that started it. */
export async function runStandalone(benchmark: Benchmark): Promise<void> {
  const { values } = parseArgs({ options: BENCH_OPTIONS });
  const report = await runBenchmark(benchmark, parseScale(values));
  if (process.send) process.send(report);
  else console.log(values.quick ? `${formatReport(report)}\n${QUICK_NOTE}` : formatReport(report));
}
