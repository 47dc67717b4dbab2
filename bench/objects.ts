/** What do small objects cost, which have to be encoded and decoded? */
import { deepStrictEqual } from 'node:assert/strict';
import { Cache } from '../main/engine/index.ts';
import type { Benchmark } from './harness/benchmark.ts';
import { OURS } from './harness/benchmark.ts';
import { createObject, type SmallObject } from './harness/items.ts';
import { drawIndices, shuffleIndices, toKeys, VALUE_BYTES, Values } from './harness/keys-and-values.ts';
import { runStandalone } from './harness/run-standalone.ts';
import { Scratch } from './harness/scratch.ts';
import { measureMicroseconds } from './harness/timing.ts';
import { PYTHON_NAME, PythonPeer } from './peer/python.ts';

type ObjectCache = Cache<string, SmallObject>;

const IN_MEMORY = `${OURS}, used recently`;
const ON_DISK = `${OURS}, not in memory`;

export const benchmark: Benchmark = {
  name: 'objects',
  asks: 'What does it cost to write and to read an object of five fields?',
  async *comparisons({ keys, operations }) {
    using scratch = new Scratch();
    using remembering: ObjectCache = new Cache(scratch.directory());
    using forgetting: ObjectCache = new Cache(scratch.directory(), { memory: 0 });
    using python = await PythonPeer.open(scratch, new Values('bytes', VALUE_BYTES));
    const everything = shuffleIndices(0, keys, 1);
    remembering.transact(() => timeSets(remembering, everything));
    forgetting.transact(() => timeSets(forgetting, everything));
    await python.ask('set_objects', everything);

    const anywhere = (round: number) => drawIndices(operations, keys, round);
    yield {
      title: `set of an object of 5 fields, over existing ones of ${keys}`,
      unit: 'µs',
      contenders: [
        { name: OURS, round: (round) => timeSets(remembering, anywhere(round)) },
        python.createContender(PYTHON_NAME, (round) => python.ask('set_objects', anywhere(round))),
      ],
      goals: [{ subject: OURS, against: PYTHON_NAME, timesFaster: 2 }],
    };

    const recent = (round: number) => drawIndices(operations, keys / 10, round);
    yield {
      title: `get of an object of 5 fields, ${keys / 10} of ${keys}`,
      unit: 'µs',
      contenders: [
        { name: IN_MEMORY, round: (round) => timeGets(remembering, recent(round)) },
        { name: ON_DISK, round: (round) => timeGets(forgetting, recent(round)) },
        python.createContender(PYTHON_NAME, (round) => python.ask('get_objects', recent(round))),
      ],
      goals: [IN_MEMORY, ON_DISK].map((subject) => ({ subject, against: PYTHON_NAME, timesFaster: 2 })),
    };
  },
};

function timeSets(cache: ObjectCache, indices: Uint32Array): number {
  const keys = toKeys(indices);
  const objects = Array.from(indices, createObject);
  return measureMicroseconds(keys.length, () => {
    for (let nth = 0; nth < keys.length; nth++) cache.set(keys[nth]!, objects[nth]!);
  });
}

function timeGets(cache: ObjectCache, indices: Uint32Array): number {
  const keys = toKeys(indices);
  const found = new Array<SmallObject | undefined>(keys.length);
  const figure = measureMicroseconds(keys.length, () => {
    for (let nth = 0; nth < keys.length; nth++) found[nth] = cache.get(keys[nth]!);
  });
  for (const [nth, index] of indices.entries()) deepStrictEqual(found[nth], createObject(index));
  return figure;
}

if (import.meta.main) await runStandalone(benchmark);
