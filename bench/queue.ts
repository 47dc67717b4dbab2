/** What does a durable queue cost beside a plain deque? */
import { Deque } from '../main/engine/index.ts';
import { Queue } from '../main/offline/queue/index.ts';
import { type Plain, VALUE_BYTES, Values } from './harness/data.ts';
import { OURS } from './harness/names.ts';
import type { Comparison, Question } from './harness/question.ts';
import { runAlone } from './harness/run-alone.ts';
import { Scratch } from './harness/scratch.ts';
import { microsecondsEach, microsecondsEachOf } from './harness/timing.ts';

const BATCH = 1000;
/** Microseconds: 20 000 jobs a second. */
const MOST = 50;
const ALLOWED = 'what is allowed, 20,000 a second';
const DEQUE = 'a deque';
const values = new Values('bytes', VALUE_BYTES);
const some = (count: number): Plain[] => Array.from({ length: count }, (_, index) => values.at(index));

/** Takes all out again, untimed. */
function empty(queue: Queue<Plain>, wanted: number): void {
  const { ready } = queue.counts();
  if (ready !== wanted) throw new Error(`There are ${ready} jobs instead of ${wanted}`);
  for (const { id } of queue.jobs('ready')) queue.remove(id);
}

function timeEnqueues(queue: Queue<Plain>, count: number, batch: number): number {
  const jobs = some(count).map((payload) => ({ payload }));
  const figure = microsecondsEach(count, () => {
    for (let first = 0; first < count; first += batch) queue.enqueueMany(jobs.slice(first, first + batch));
  });
  empty(queue, count);
  return figure;
}

function timePushes(deque: Deque<Plain>, count: number, batch: number): number {
  const payloads = some(count);
  const figure = microsecondsEach(count, () => {
    for (let first = 0; first < count; first += batch) deque.extend(payloads.slice(first, first + batch));
  });
  if (deque.length !== count) throw new Error(`There are ${deque.length} values instead of ${count}`);
  deque.clear();
  return figure;
}

async function timeWork(queue: Queue<Plain>, count: number, concurrency: number): Promise<number> {
  queue.enqueueMany(some(count).map((payload) => ({ payload })));
  const before = queue.counts().done;
  const stopping = new AbortController();
  let seen = 0;
  const figure = await microsecondsEachOf(count, () =>
    queue.process(
      ({ payload }) => {
        values.demand(seen++, payload);
        if (seen === count) stopping.abort();
      },
      { concurrency, signal: stopping.signal },
    ),
  );
  const done = queue.counts().done - before;
  if (done !== count) throw new Error(`${done} jobs were done instead of ${count}`);
  return figure;
}

function timeShifts(deque: Deque<Plain>, count: number, batch: number): number {
  deque.extend(some(count));
  let seen = 0;
  return microsecondsEach(count, () => {
    for (let first = 0; first < count; first += batch) {
      for (const value of deque.splice(0, Math.min(batch, count - first))) values.demand(seen++, value);
    }
  });
}

export const question: Question = {
  name: 'queue',
  asks: 'What does a durable queue of jobs of 100 bytes cost beside a plain deque, with the durability "process"?',
  async *comparisons({ operations }) {
    using scratch = new Scratch();
    using queue = new Queue<Plain>(scratch.directory(), { durability: 'process' });
    using deque = new Deque<Plain>(scratch.directory(), { durability: 'process' });
    for (const batch of [1, BATCH]) {
      const bulk = batch > 1;
      yield {
        title: `enqueue, ${bulk ? `${batch} a transaction` : 'each in its own transaction'}`,
        unit: 'µs',
        contenders: [
          { name: OURS, round: () => timeEnqueues(queue, operations, batch) },
          { name: DEQUE, round: () => timePushes(deque, operations, batch) },
          ...(bulk ? [{ name: ALLOWED, round: () => MOST }] : []),
        ],
        goals: bulk ? [{ subject: OURS, against: ALLOWED, atMost: 1 }] : [],
      } satisfies Comparison;
    }
    for (const concurrency of [1, 100]) {
      yield {
        title: `begin, do nothing, acknowledge, ${concurrency} at a time`,
        unit: 'µs',
        contenders: [
          { name: OURS, round: () => timeWork(queue, operations, concurrency) },
          { name: `${DEQUE}, taken out in as many at a time`, round: () => timeShifts(deque, operations, concurrency) },
        ],
        goals: [],
      } satisfies Comparison;
    }
  },
};

if (import.meta.main) await runAlone(question);
