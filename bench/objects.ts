/** What do small objects cost, which have to be encoded and decoded? */
import { deepStrictEqual } from 'node:assert/strict';
import { Cache } from '../main/engine/index.ts';
import { draws, keysOf, shuffled, VALUE_BYTES, Values } from './harness/data.ts';
import { OURS } from './harness/names.ts';
import type { Question } from './harness/question.ts';
import { runAlone } from './harness/run-alone.ts';
import { Scratch } from './harness/scratch.ts';
import { microsecondsEach } from './harness/timing.ts';
import { PYTHON, Python } from './peer/python.ts';

interface SmallObject {
  readonly id: number;
  readonly name: string;
  readonly active: boolean;
  readonly score: number;
  readonly tag: null;
}

type Objects = Cache<string, SmallObject>;

/** diskcache_peer.py makes the same ones. */
const objectAt = (index: number): SmallObject => ({
  id: index,
  name: `name ${index}`,
  active: index % 2 === 0,
  score: index / 8,
  tag: null,
});

const IN_MEMORY = `${OURS}, used recently`;
const ON_DISK = `${OURS}, not in memory`;

export const question: Question = {
  name: 'objects',
  asks: 'What does it cost to write and to read an object of five fields?',
  async *comparisons({ keys, operations }) {
    using scratch = new Scratch();
    using remembering: Objects = new Cache(scratch.directory());
    using forgetting: Objects = new Cache(scratch.directory(), { memory: 0 });
    using python = await Python.open(scratch, new Values('bytes', VALUE_BYTES));
    const everything = shuffled(0, keys, 1);
    remembering.transact(() => timeSets(remembering, everything));
    forgetting.transact(() => timeSets(forgetting, everything));
    await python.ask('set_objects', everything);

    const anywhere = (round: number) => draws(operations, keys, round);
    yield {
      title: `set of an object of 5 fields, over existing ones of ${keys}`,
      unit: 'µs',
      contenders: [
        { name: OURS, round: (round) => timeSets(remembering, anywhere(round)) },
        python.contender(PYTHON, (round) => python.ask('set_objects', anywhere(round))),
      ],
      goals: [{ subject: OURS, against: PYTHON, timesFaster: 2 }],
    };

    const recent = (round: number) => draws(operations, keys / 10, round);
    yield {
      title: `get of an object of 5 fields, ${keys / 10} of ${keys}`,
      unit: 'µs',
      contenders: [
        { name: IN_MEMORY, round: (round) => timeGets(remembering, recent(round)) },
        { name: ON_DISK, round: (round) => timeGets(forgetting, recent(round)) },
        python.contender(PYTHON, (round) => python.ask('get_objects', recent(round))),
      ],
      goals: [IN_MEMORY, ON_DISK].map((subject) => ({ subject, against: PYTHON, timesFaster: 2 })),
    };
  },
};

function timeSets(cache: Objects, indices: Uint32Array): number {
  const keys = keysOf(indices);
  const objects = Array.from(indices, objectAt);
  return microsecondsEach(keys.length, () => {
    for (let nth = 0; nth < keys.length; nth++) cache.set(keys[nth]!, objects[nth]!);
  });
}

function timeGets(cache: Objects, indices: Uint32Array): number {
  const keys = keysOf(indices);
  const found = new Array<SmallObject | undefined>(keys.length);
  const figure = microsecondsEach(keys.length, () => {
    for (let nth = 0; nth < keys.length; nth++) found[nth] = cache.get(keys[nth]!);
  });
  for (const [nth, index] of indices.entries()) deepStrictEqual(found[nth], objectAt(index));
  return figure;
}

if (import.meta.main) await runAlone(question);
