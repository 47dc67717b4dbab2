/** What do the ends, the middle and the whole of a deque cost? */
import { Deque } from '../main/engine/index.ts';
import { GOALS } from './goals.ts';
import type { Benchmark, Comparison } from './harness/benchmark.ts';
import { OURS } from './harness/benchmark.ts';
import {
  drawIndices,
  type PlainValue,
  shuffleIndices,
  VALUE_BYTES,
  VALUE_FORMS,
  Values,
} from './harness/keys-and-values.ts';
import { runStandalone } from './harness/run-standalone.ts';
import { Scratch } from './harness/scratch.ts';
import { measureMicroseconds } from './harness/timing.ts';
import { PYTHON_NAME, PythonPeer } from './peer/python.ts';
import { EXCLUSIVE } from './peer/stores/deskcache.ts';

const BATCH_ITEMS = 1000;
/** Interval of the values that are checked after the timing. */
const SAMPLE_INTERVAL = 97;

const createIndices = (count: number): Uint32Array => Uint32Array.from({ length: count }, (_, index) => index);
const getValues = (values: Values, indices: Uint32Array): PlainValue[] =>
  Array.from(indices, (index) => values.at(index));

/** Does something `createArray` times, in transactions of `batch`. */
function repeatInTransactions(
  deque: Deque<PlainValue>,
  times: number,
  batch: number,
  work: (nth: number) => void,
): void {
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

function timePushes(deque: Deque<PlainValue>, values: Values, indices: Uint32Array, batch: number): number {
  const wanted = getValues(values, indices);
  const before = deque.length;
  const figure = measureMicroseconds(wanted.length, () => {
    repeatInTransactions(deque, wanted.length, batch, (nth) => deque.push(wanted[nth]!));
  });
  assertCount(deque.length, before + wanted.length);
  deque.transact(() => {
    for (const index of indices.toReversed()) values.assertValue(index, deque.pop());
  });
  return figure;
}

function timeExtend(deque: Deque<PlainValue>, values: Values, indices: Uint32Array, batch: number): number {
  const wanted = getValues(values, indices);
  const before = deque.length;
  const figure = measureMicroseconds(wanted.length, () => {
    for (let first = 0; first < wanted.length; first += batch) deque.extend(wanted.slice(first, first + batch));
  });
  assertCount(deque.length, before + wanted.length);
  deque.transact(() => {
    for (const index of indices.toReversed()) values.assertValue(index, deque.pop());
  });
  return figure;
}

function timeShifts(deque: Deque<PlainValue>, values: Values, indices: Uint32Array, batch: number): number {
  deque.unshift(...getValues(values, indices));
  const samples: (PlainValue | undefined)[] = [];
  const figure = measureMicroseconds(indices.length, () => {
    repeatInTransactions(deque, indices.length, batch, (nth) => {
      const value = deque.shift();
      if (nth % SAMPLE_INTERVAL === 0) samples.push(value);
    });
  });
  for (const [nth, value] of samples.entries()) values.assertValue(indices[nth * SAMPLE_INTERVAL]!, value);
  return figure;
}

function timeSplices(deque: Deque<PlainValue>, values: Values, indices: Uint32Array, batch: number): number {
  deque.unshift(...getValues(values, indices));
  let found = 0;
  const figure = measureMicroseconds(indices.length, () => {
    for (let first = 0; first < indices.length; first += batch) {
      const taken = deque.splice(0, Math.min(batch, indices.length - first));
      values.assertValue(indices[first]!, taken[0]);
      found += taken.length;
    }
  });
  assertCount(found, indices.length);
  return figure;
}

function timeReads(deque: Deque<PlainValue>, values: Values, places: Uint32Array): number {
  const found: (PlainValue | undefined)[] = [];
  const figure = measureMicroseconds(places.length, () => {
    for (const place of places) found.push(deque.at(place));
  });
  for (const [nth, place] of places.entries()) values.assertValue(place, found[nth]);
  return figure;
}

/** Milliseconds of one walk. */
function timeWalk(deque: Deque<PlainValue>, values: Values, count: number): number {
  let met = 0;
  const samples: PlainValue[] = [];
  const figure = measureMicroseconds(1000, () => {
    for (const value of deque) if (met++ % SAMPLE_INTERVAL === 0) samples.push(value);
  });
  assertCount(met, count);
  for (const [nth, value] of samples.entries()) values.assertValue(nth * SAMPLE_INTERVAL, value);
  return figure;
}

function assertCount(found: number, wanted: number): void {
  if (found !== wanted) throw new Error(`There are ${found} values instead of ${wanted}`);
}

export const benchmark: Benchmark = {
  name: 'deque',
  asks: 'What do the ends, the middle and the whole of a deque of values of 100 bytes cost, with the durability "process"?',
  async *comparisons({ keys, operations }) {
    for (const form of VALUE_FORMS) {
      using scratch = new Scratch();
      const values = new Values(form, VALUE_BYTES);
      using deque = new Deque<PlainValue>(scratch.directory(), { durability: 'process' });
      deque.extend(getValues(values, createIndices(keys)));
      using exclusive = new Deque<PlainValue>(scratch.directory(), { durability: 'process', exclusive: true });
      exclusive.extend(getValues(values, createIndices(keys)));
      using python = await PythonPeer.open(scratch, values, {}, 'open_deque');
      await python.ask('fill_deque', createIndices(keys));
      const plan = (round: number) => shuffleIndices(keys, keys + operations, round);

      for (const [verb, action, time, inBulk, timeBulk] of [
        ['push', 'push_each', timePushes, EXTEND, timeExtend],
        ['shift', 'shift_each', timeShifts, SPLICE, timeSplices],
      ] as const) {
        for (const batch of [1, BATCH_ITEMS]) {
          const bulk = batch > 1;
          yield {
            title: `${verb} as ${form}, ${batch === 1 ? 'each in its own transaction' : `${batch} a transaction`}, beside ${keys} values`,
            unit: 'µs',
            contenders: [
              { name: OURS, round: (round) => time(deque, values, plan(round), batch) },
              { name: EXCLUSIVE, round: (round) => time(exclusive, values, plan(round), batch) },
              ...(bulk
                ? [{ name: inBulk, round: (round: number) => timeBulk(deque, values, plan(round), batch) }]
                : []),
              python.createContender(PYTHON_NAME, (round) => python.ask(action, plan(round), { batch })),
            ],
            goals: [
              { subject: bulk ? inBulk : OURS, against: PYTHON_NAME, timesFaster: bulk ? 6 : 3 },
              ...(bulk ? [] : GOALS['Deque ends']),
            ],
          } satisfies Comparison;
        }
      }

      const last = Uint32Array.of(keys - 1);
      yield {
        title: `at(${keys - 1}) of ${keys} values as ${form}`,
        unit: 'µs',
        contenders: [
          { name: OURS, round: () => timeReads(deque, values, new Uint32Array(operations).fill(keys - 1)) },
          { name: AT_RANDOM, round: (round) => timeReads(deque, values, drawIndices(operations, keys, round)) },
          python.createContender(PYTHON_NAME, () => python.ask('read_at', last)),
        ],
        goals: [{ subject: OURS, against: PYTHON_NAME, timesFaster: 10_000 }],
      };

      yield {
        title: `all ${keys} values as ${form}, one after the other`,
        unit: 'ms',
        contenders: [
          { name: OURS, round: () => timeWalk(deque, values, keys) },
          python.createContender(
            PYTHON_NAME,
            async () => (await python.ask('walk_values', createIndices(keys))) / 1000,
          ),
        ],
        goals: [{ subject: OURS, against: PYTHON_NAME, timesFaster: 4 }],
      };
    }
  },
};

const EXTEND = `${OURS}, extend`;
const SPLICE = `${OURS}, splice`;
const AT_RANDOM = `${OURS}, at a random place`;

if (import.meta.main) await runStandalone(benchmark);
