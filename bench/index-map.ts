/** What do the verbs of an index cost? */
import { Index } from '../main/engine/index.ts';
import { GOALS } from './goals.ts';
import type { Benchmark } from './harness/benchmark.ts';
import { OURS } from './harness/benchmark.ts';
import {
  drawIndices,
  type PlainValue,
  shuffleIndices,
  toKey,
  toKeys,
  VALUE_BYTES,
  VALUE_FORMS,
  Values,
} from './harness/keys-and-values.ts';
import { runStandalone } from './harness/run-standalone.ts';
import { Scratch } from './harness/scratch.ts';
import { measureMicroseconds } from './harness/timing.ts';
import { PYTHON_NAME, PythonPeer } from './peer/python.ts';
import { EXCLUSIVE } from './peer/stores/deskcache.ts';

function timeSets(index: Index<string, PlainValue>, values: Values, indices: Uint32Array): number {
  const keys = toKeys(indices);
  const figure = measureMicroseconds(keys.length, () => {
    for (let nth = 0; nth < keys.length; nth++) index.set(keys[nth]!, values.at(indices[nth]!));
  });
  index.transact(() => {
    for (const each of indices) values.assertValue(each, index.pop(toKey(each)));
  });
  return figure;
}

/** Interval of the values that are checked. */
const SAMPLE_INTERVAL = 97;

function timeGets(index: Index<string, PlainValue>, values: Values, indices: Uint32Array): number {
  const keys = toKeys(indices);
  let length = 0;
  const figure = measureMicroseconds(keys.length, () => {
    for (const key of keys) length += index.get(key)!.length;
  });
  if (length !== keys.length * VALUE_BYTES) throw new Error(`${keys.length} gets gave ${length} bytes`);
  for (let nth = 0; nth < indices.length; nth += SAMPLE_INTERVAL)
    values.assertValue(indices[nth]!, index.get(keys[nth]!));
  return figure;
}

/** Milliseconds of one walk over the entries, which were put in in this order. */
function timeWalk(index: Index<string, PlainValue>, values: Values, order: Uint32Array): number {
  let met = 0;
  const samples: [string, PlainValue][] = [];
  const figure = measureMicroseconds(1000, () => {
    for (const entry of index) if (met++ % SAMPLE_INTERVAL === 0) samples.push(entry);
  });
  if (met !== order.length) throw new Error(`The walk met ${met} entries of ${order.length}`);
  for (const [nth, [key, value]] of samples.entries()) {
    const each = order[nth * SAMPLE_INTERVAL]!;
    if (key !== toKey(each)) throw new Error(`Entry number ${nth * SAMPLE_INTERVAL} is ${key}`);
    values.assertValue(each, value);
  }
  return figure;
}

export const benchmark: Benchmark = {
  name: 'index-map',
  asks: 'What do the verbs of an index with values of 100 bytes cost, with the durability "process"?',
  async *comparisons({ keys, operations }) {
    for (const form of VALUE_FORMS) {
      using scratch = new Scratch();
      const order = shuffleIndices(0, keys, 1);
      const values = new Values(form, VALUE_BYTES);
      using index = new Index<string, PlainValue>(scratch.directory(), { durability: 'process' });
      using exclusive = new Index<string, PlainValue>(scratch.directory(), { durability: 'process', exclusive: true });
      for (const each of [index, exclusive])
        each.setMany(Array.from(order, (nth) => [toKey(nth), values.at(nth)] as const));
      using python = await PythonPeer.open(scratch, values, {}, 'open_index');
      await python.ask('fill_index', order);

      yield {
        title: `set as ${form}, new keys beside ${keys} entries`,
        unit: 'µs',
        contenders: [
          { name: OURS, round: (round) => timeSets(index, values, shuffleIndices(keys, keys + operations, round)) },
          {
            name: EXCLUSIVE,
            round: (round) => timeSets(exclusive, values, shuffleIndices(keys, keys + operations, round)),
          },
          python.createContender(PYTHON_NAME, (round) =>
            python.ask('index_set', shuffleIndices(keys, keys + operations, round)),
          ),
        ],
        goals: [{ subject: OURS, against: PYTHON_NAME, timesFaster: 3 }, ...GOALS['Index set']],
      };

      // A hit takes so little that a round needs more of them to be one.
      const recent = (round: number) => drawIndices(operations * 5, keys / 10, round);
      yield {
        title: `get as ${form}, used recently: ${keys / 10} of ${keys} entries`,
        unit: 'µs',
        contenders: [
          { name: OURS, round: (round) => timeGets(index, values, recent(round)) },
          python.createContender(PYTHON_NAME, (round) => python.ask('index_get', recent(round))),
        ],
        goals: [{ subject: OURS, against: PYTHON_NAME, timesFaster: 8 }],
      };

      yield {
        title: `all ${keys} entries as ${form}, one after the other`,
        unit: 'ms',
        contenders: [
          { name: OURS, round: () => timeWalk(index, values, order) },
          python.createContender(PYTHON_NAME, async () => (await python.ask('index_walk', order)) / 1000),
        ],
        goals: [{ subject: OURS, against: PYTHON_NAME, timesFaster: 4 }],
      };
    }
  },
};

if (import.meta.main) await runStandalone(benchmark);
