/** What do the verbs of an index cost? */
import { Index } from '../main/engine/index.ts';
import { draws, FORMS, keyAt, keysOf, type Plain, shuffled, VALUE_BYTES, Values } from './harness/data.ts';
import { OURS } from './harness/names.ts';
import type { Question } from './harness/question.ts';
import { runAlone } from './harness/run-alone.ts';
import { Scratch } from './harness/scratch.ts';
import { microsecondsEach } from './harness/timing.ts';
import { PYTHON, Python } from './peer/python.ts';

function timeSets(index: Index<string, Plain>, values: Values, indices: Uint32Array): number {
  const keys = keysOf(indices);
  const figure = microsecondsEach(keys.length, () => {
    for (let nth = 0; nth < keys.length; nth++) index.set(keys[nth]!, values.at(indices[nth]!));
  });
  index.transact(() => {
    for (const each of indices) values.demand(each, index.pop(keyAt(each)));
  });
  return figure;
}

/** One in so many is looked at. */
const SAMPLE = 97;

function timeGets(index: Index<string, Plain>, values: Values, indices: Uint32Array): number {
  const keys = keysOf(indices);
  let length = 0;
  const figure = microsecondsEach(keys.length, () => {
    for (const key of keys) length += index.get(key)!.length;
  });
  if (length !== keys.length * VALUE_BYTES) throw new Error(`${keys.length} gets gave ${length} bytes`);
  for (let nth = 0; nth < indices.length; nth += SAMPLE) values.demand(indices[nth]!, index.get(keys[nth]!));
  return figure;
}

/** Milliseconds of one walk over the entries, which were put in in this order. */
function timeWalk(index: Index<string, Plain>, values: Values, order: Uint32Array): number {
  let met = 0;
  const samples: [string, Plain][] = [];
  const figure = microsecondsEach(1000, () => {
    for (const entry of index) if (met++ % SAMPLE === 0) samples.push(entry);
  });
  if (met !== order.length) throw new Error(`The walk met ${met} entries of ${order.length}`);
  for (const [nth, [key, value]] of samples.entries()) {
    const each = order[nth * SAMPLE]!;
    if (key !== keyAt(each)) throw new Error(`Entry number ${nth * SAMPLE} is ${key}`);
    values.demand(each, value);
  }
  return figure;
}

export const question: Question = {
  name: 'index-map',
  asks: 'What do the verbs of an index with values of 100 bytes cost, with the durability "process"?',
  async *comparisons({ keys, operations }) {
    for (const form of FORMS) {
      using scratch = new Scratch();
      const order = shuffled(0, keys, 1);
      const values = new Values(form, VALUE_BYTES);
      using index = new Index<string, Plain>(scratch.directory(), { durability: 'process' });
      index.setMany(Array.from(order, (each) => [keyAt(each), values.at(each)] as const));
      using python = await Python.open(scratch, values, {}, 'open_index');
      await python.ask('fill_index', order);

      yield {
        title: `set as ${form}, new keys beside ${keys} entries`,
        unit: 'µs',
        contenders: [
          { name: OURS, round: (round) => timeSets(index, values, shuffled(keys, keys + operations, round)) },
          python.contender(PYTHON, (round) => python.ask('index_set', shuffled(keys, keys + operations, round))),
        ],
        goals: [{ subject: OURS, against: PYTHON, timesFaster: 3 }],
      };

      // A hit takes so little that a round needs more of them to be one.
      const recent = (round: number) => draws(operations * 5, keys / 10, round);
      yield {
        title: `get as ${form}, used recently: ${keys / 10} of ${keys} entries`,
        unit: 'µs',
        contenders: [
          { name: OURS, round: (round) => timeGets(index, values, recent(round)) },
          python.contender(PYTHON, (round) => python.ask('index_get', recent(round))),
        ],
        goals: [{ subject: OURS, against: PYTHON, timesFaster: 8 }],
      };

      yield {
        title: `all ${keys} entries as ${form}, one after the other`,
        unit: 'ms',
        contenders: [
          { name: OURS, round: () => timeWalk(index, values, order) },
          python.contender(PYTHON, async () => (await python.ask('index_walk', order)) / 1000),
        ],
        goals: [{ subject: OURS, against: PYTHON, timesFaster: 4 }],
      };
    }
  },
};

if (import.meta.main) await runAlone(question);
