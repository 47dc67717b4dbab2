/** How much memory does a large store take in the process that fills and reads it? */
import { execFileSync } from 'node:child_process';
import { join } from 'node:path';
import { VALUE_BYTES } from './harness/data.ts';
import type { Growth } from './harness/grow.ts';
import { FLOOR, OURS } from './harness/names.ts';
import type { Contender, Question } from './harness/question.ts';
import { runAlone } from './harness/run-alone.ts';

/** What the process may grow by, MiB. */
const MOST = 64;
const ALLOWED = 'what is allowed';
const filled = (name: string) => `${name}, filled`;
const read = (name: string) => `${name}, filled and a fifth of it read`;

export const question: Question = {
  name: 'memory',
  asks: 'How much does the heap and the memory outside it grow when a large store is filled and read?',
  async *comparisons({ many }) {
    yield {
      title: `growth for ${many.toLocaleString('en')} items of ${VALUE_BYTES} bytes, in a process of its own each round`,
      unit: 'MiB',
      contenders: [
        ...growing(FLOOR, 'floor', many),
        ...growing(OURS, 'cache', many),
        { name: ALLOWED, round: () => MOST },
      ],
      goals: [filled(OURS), read(OURS)].map((subject) => ({ subject, against: ALLOWED, atMost: 1 })),
    };
  },
};

/** One process a round gives both figures. The warm-up round has nothing to warm. */
function growing(name: string, store: 'floor' | 'cache', items: number): Contender[] {
  const growths = new Map<number, Growth>([[0, { filled: 0, read: 0 }]]);
  const growthOf = (round: number): Growth => {
    const growth = growths.get(round) ?? grow(store, items);
    growths.set(round, growth);
    return growth;
  };
  return [
    { name: filled(name), round: (round) => growthOf(round).filled },
    { name: read(name), round: (round) => growthOf(round).read },
  ];
}

function grow(store: 'floor' | 'cache', items: number): Growth {
  const script = join(import.meta.dirname, 'harness', 'grow.ts');
  const printed = execFileSync(process.execPath, ['--expose-gc', script, store, String(items)], { encoding: 'utf8' });
  return JSON.parse(printed) as Growth;
}

if (import.meta.main) await runAlone(question);
