/** What do the ends, the middle and the whole of a deque cost? */
import { Deque } from '../main/engine/index.ts';
import { draws, FORMS, type Plain, shuffled, VALUE_BYTES, Values } from './harness/data.ts';
import { OURS } from './harness/names.ts';
import type { Comparison, Question } from './harness/question.ts';
import { runAlone } from './harness/run-alone.ts';
import { Scratch } from './harness/scratch.ts';
import { microsecondsEach } from './harness/timing.ts';
import { PYTHON, Python } from './peer/python.ts';

const BATCH = 1000;
/** One in so many values is looked at after it was timed. */
const SAMPLE = 97;

const upTo = (count: number): Uint32Array => Uint32Array.from({ length: count }, (_, index) => index);
const valuesAt = (values: Values, indices: Uint32Array): Plain[] => Array.from(indices, (index) => values.at(index));

/** Does something `times` times, in transactions of `batch`. */
function repeat(deque: Deque<Plain>, times: number, batch: number, work: (nth: number) => void): void {
  if (batch === 1) {
    for (let nth = 0; nth < times; nth++) work(nth);
    return;
  }
  for (let first = 0; first < times; first += batch) {
    const end = Math.min(first + batch, times);
    deque.transact(() => {
      for (let nth = first; nth < end; nth++) work(nth);
    });
  }
}

function timePushes(deque: Deque<Plain>, values: Values, indices: Uint32Array, batch: number): number {
  const wanted = valuesAt(values, indices);
  const before = deque.length;
  const figure = microsecondsEach(wanted.length, () => {
    repeat(deque, wanted.length, batch, (nth) => deque.push(wanted[nth]!));
  });
  demand(deque.length, before + wanted.length);
  deque.transact(() => {
    for (const index of indices.toReversed()) values.demand(index, deque.pop());
  });
  return figure;
}

function timeExtend(deque: Deque<Plain>, values: Values, indices: Uint32Array, batch: number): number {
  const wanted = valuesAt(values, indices);
  const before = deque.length;
  const figure = microsecondsEach(wanted.length, () => {
    for (let first = 0; first < wanted.length; first += batch) deque.extend(wanted.slice(first, first + batch));
  });
  demand(deque.length, before + wanted.length);
  deque.transact(() => {
    for (const index of indices.toReversed()) values.demand(index, deque.pop());
  });
  return figure;
}

function timeShifts(deque: Deque<Plain>, values: Values, indices: Uint32Array, batch: number): number {
  deque.unshift(...valuesAt(values, indices));
  const samples: (Plain | undefined)[] = [];
  const figure = microsecondsEach(indices.length, () => {
    repeat(deque, indices.length, batch, (nth) => {
      const value = deque.shift();
      if (nth % SAMPLE === 0) samples.push(value);
    });
  });
  for (const [nth, value] of samples.entries()) values.demand(indices[nth * SAMPLE]!, value);
  return figure;
}

function timeSplices(deque: Deque<Plain>, values: Values, indices: Uint32Array, batch: number): number {
  deque.unshift(...valuesAt(values, indices));
  let found = 0;
  const figure = microsecondsEach(indices.length, () => {
    for (let first = 0; first < indices.length; first += batch) {
      const taken = deque.splice(0, Math.min(batch, indices.length - first));
      values.demand(indices[first]!, taken[0]);
      found += taken.length;
    }
  });
  demand(found, indices.length);
  return figure;
}

function timeReads(deque: Deque<Plain>, values: Values, places: Uint32Array): number {
  const found: (Plain | undefined)[] = [];
  const figure = microsecondsEach(places.length, () => {
    for (const place of places) found.push(deque.at(place));
  });
  for (const [nth, place] of places.entries()) values.demand(place, found[nth]);
  return figure;
}

/** Milliseconds of one walk. */
function timeWalk(deque: Deque<Plain>, values: Values, count: number): number {
  let met = 0;
  const samples: Plain[] = [];
  const figure = microsecondsEach(1000, () => {
    for (const value of deque) if (met++ % SAMPLE === 0) samples.push(value);
  });
  demand(met, count);
  for (const [nth, value] of samples.entries()) values.demand(nth * SAMPLE, value);
  return figure;
}

function demand(found: number, wanted: number): void {
  if (found !== wanted) throw new Error(`There are ${found} values instead of ${wanted}`);
}

export const question: Question = {
  name: 'deque',
  asks: 'What do the ends, the middle and the whole of a deque of values of 100 bytes cost, with the durability "process"?',
  async *comparisons({ keys, operations }) {
    for (const form of FORMS) {
      using scratch = new Scratch();
      const values = new Values(form, VALUE_BYTES);
      using deque = new Deque<Plain>(scratch.directory(), { durability: 'process' });
      deque.extend(valuesAt(values, upTo(keys)));
      using python = await Python.open(scratch, values, {}, 'open_deque');
      await python.ask('fill_deque', upTo(keys));
      const plan = (round: number) => shuffled(keys, keys + operations, round);

      for (const [verb, action, time, inBulk, timeBulk] of [
        ['push', 'push_each', timePushes, EXTEND, timeExtend],
        ['shift', 'shift_each', timeShifts, SPLICE, timeSplices],
      ] as const) {
        for (const batch of [1, BATCH]) {
          const bulk = batch > 1;
          yield {
            title: `${verb} as ${form}, ${batch === 1 ? 'each in its own transaction' : `${batch} a transaction`}, beside ${keys} values`,
            unit: 'µs',
            contenders: [
              { name: OURS, round: (round) => time(deque, values, plan(round), batch) },
              ...(bulk
                ? [{ name: inBulk, round: (round: number) => timeBulk(deque, values, plan(round), batch) }]
                : []),
              python.contender(PYTHON, (round) => python.ask(action, plan(round), { batch })),
            ],
            goals: [{ subject: bulk ? inBulk : OURS, against: PYTHON, timesFaster: bulk ? 6 : 3 }],
          } satisfies Comparison;
        }
      }

      const last = Uint32Array.of(keys - 1);
      yield {
        title: `at(${keys - 1}) of ${keys} values as ${form}`,
        unit: 'µs',
        contenders: [
          { name: OURS, round: () => timeReads(deque, values, new Uint32Array(operations).fill(keys - 1)) },
          { name: AT_RANDOM, round: (round) => timeReads(deque, values, draws(operations, keys, round)) },
          python.contender(PYTHON, () => python.ask('read_at', last)),
        ],
        goals: [{ subject: OURS, against: PYTHON, timesFaster: 10_000 }],
      };

      yield {
        title: `all ${keys} values as ${form}, one after the other`,
        unit: 'ms',
        contenders: [
          { name: OURS, round: () => timeWalk(deque, values, keys) },
          python.contender(PYTHON, async () => (await python.ask('walk_values', upTo(keys))) / 1000),
        ],
        goals: [{ subject: OURS, against: PYTHON, timesFaster: 4 }],
      };
    }
  },
};

const EXTEND = `${OURS}, extend`;
const SPLICE = `${OURS}, splice`;
const AT_RANDOM = `${OURS}, at a random place`;

if (import.meta.main) await runAlone(question);
