import { parseArgs } from 'node:util';
import { answer } from './measure.ts';
import { printed } from './print.ts';
import { FULL, QUICK, type Question, type Scale } from './question.ts';

/** The options every bench takes. */
export const BENCH_OPTIONS = {
  quick: { type: 'boolean', default: false },
  rounds: { type: 'string' },
} as const;

/** @throws `RangeError` for a number of rounds that is none. */
export function scaleOf({ quick, rounds }: { readonly quick: boolean; readonly rounds?: string | undefined }): Scale {
  const scale = quick ? QUICK : FULL;
  if (rounds === undefined) return scale;
  if (!/^[1-9]\d?$/.test(rounds)) throw new RangeError(`--rounds ${rounds}: give a whole number from 1 to 99`);
  return { ...scale, rounds: Number(rounds) };
}

/** Answers one question in this process: prints the answer, or sends it to the `run.ts` that started it. */
export async function runAlone(question: Question): Promise<void> {
  const { values } = parseArgs({ options: BENCH_OPTIONS });
  const found = await answer(question, scaleOf(values));
  if (process.send) process.send(found);
  else console.log(printed(found));
}
