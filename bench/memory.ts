/** How much memory does a large store take in the process that fills and reads it? */
import { execFileSync } from 'node:child_process';
import { join } from 'node:path';
import { VALUE_BYTES } from './harness/data.ts';
import type { Growth } from './harness/grow.ts';
import { OURS } from './harness/names.ts';
import type { Contender, Question } from './harness/question.ts';
import { runAlone } from './harness/run-alone.ts';

/** What the process may grow by, MiB. */
const MOST = 64;

export const question: Question = {
  name: 'memory',
  asks: 'How much does the heap and the memory outside it grow when a large store is filled, read and walked?',
  async *comparisons({ many }) {
    const growths = new Map<number, Growth>();
    const contender = (name: string, of: (growth: Growth) => number): Contender => ({
      name,
      round(number) {
        const growth = growths.get(number) ?? grow(many);
        growths.set(number, growth);
        return of(growth);
      },
    });
    yield {
      title: `growth for ${many.toLocaleString('en')} items of ${VALUE_BYTES} bytes, in a process of its own each round`,
      unit: 'MiB',
      contenders: [
        contender(`${OURS}, filled`, ({ filled }) => filled),
        contender(`${OURS}, filled, read and walked`, ({ walked }) => walked),
        { name: 'what is allowed', round: () => MOST },
      ],
      goals: [
        { subject: `${OURS}, filled`, against: 'what is allowed', atMost: 1 },
        { subject: `${OURS}, filled, read and walked`, against: 'what is allowed', atMost: 1 },
      ],
    };
  },
};

function grow(items: number): Growth {
  const script = join(import.meta.dirname, 'harness', 'grow.ts');
  return JSON.parse(
    execFileSync(process.execPath, ['--expose-gc', script, String(items)], { encoding: 'utf8' }),
  ) as Growth;
}

if (import.meta.main) await runAlone(question);
