/**
 * `npm run bench`: asks all questions, or those named on the command line, each in a process of its own, and prints what
 * was measured beside the goals.
 */
import { fork } from 'node:child_process';
import { once } from 'node:events';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { markdown } from './harness/markdown.ts';
import type { Answer } from './harness/measure.ts';
import { printed, summary } from './harness/print.ts';
import { BENCH_OPTIONS, scaleOf } from './harness/run-alone.ts';

const QUESTIONS = [
  'get',
  'turn',
  'set',
  'bulk',
  'delete',
  'policies',
  'large',
  'objects',
  'keys',
  'scale',
  'evicting',
  'open',
  'memory',
  'hit-rate',
  'deque',
  'index-map',
  'group-commit',
  'recipes',
  'queue',
  'fanout',
  'bridge',
  'delay',
] as const;

const USAGE = `npm run bench -- [question …] [--rounds n] [--quick] [--json file] [--markdown file]
questions: ${QUESTIONS.join(', ')}; all of them without a name`;

/** Another process per question: neither compiled code nor heap of one is in the figures of the next. */
async function ask(name: string, args: readonly string[]): Promise<Answer> {
  const child = fork(join(import.meta.dirname, `${name}.ts`), args, { execArgv: ['--expose-gc'] });
  let found: Answer | undefined;
  child.on('message', (message) => {
    found = message as Answer;
  });
  const [code] = await once(child, 'close');
  if (found === undefined) throw new Error(`bench/${name}.ts ended with code ${code} and without an answer`);
  return found;
}

/** @throws `TypeError` or `RangeError` for what is no option, number or question. */
function wishes() {
  const { values, positionals } = parseArgs({
    options: { ...BENCH_OPTIONS, json: { type: 'string' }, markdown: { type: 'string' } },
    allowPositionals: true,
  });
  scaleOf(values);
  const stranger = positionals.find((name) => !(QUESTIONS as readonly string[]).includes(name));
  if (stranger !== undefined) throw new RangeError(`There is no question "${stranger}"`);
  const { quick, rounds } = values;
  const args = [...(quick ? ['--quick'] : []), ...(rounds === undefined ? [] : ['--rounds', rounds])];
  return { names: positionals.length > 0 ? positionals : QUESTIONS, args, json: values.json, text: values.markdown };
}

/** A question that fails is told and leaves the others their turn. */
async function main(): Promise<void> {
  const { names, args, json, text } = wishes();
  const answers: Answer[] = [];
  for (const name of names) {
    try {
      const found = await ask(name, args);
      console.log(`${printed(found)}\n`);
      answers.push(found);
    } catch (error) {
      console.error(error instanceof Error ? error.message : error);
      process.exitCode = 1;
    }
  }
  console.log(summary(answers));
  if (json !== undefined) writeFileSync(json, `${JSON.stringify(answers, null, 2)}\n`);
  if (text !== undefined) writeFileSync(text, `${markdown(answers)}\n`);
}

await main().catch((error: unknown) => {
  console.error(error instanceof TypeError || error instanceof RangeError ? `${error.message}\n${USAGE}` : error);
  process.exitCode = 1;
});
