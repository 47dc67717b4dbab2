/** What does a durable queue cost beside a plain deque, and from a page? */
import { MessageChannel } from 'node:worker_threads';
import { FULL_GRANT } from '../main/bridge/grant.ts';
import { openSession } from '../main/bridge/session.ts';
import { Deque } from '../main/engine/index.ts';
import { type Assignment, Queue } from '../main/offline/queue/index.ts';
import { DiskCacheError } from '../protocol/error.ts';
import { Client } from '../renderer-api/client/client.ts';
import type { Port } from '../renderer-api/client/line.ts';
import { RemoteQueue } from '../renderer-api/client/remote-queue.ts';
import { type Plain, VALUE_BYTES, Values } from './harness/data.ts';
import { OURS } from './harness/names.ts';
import type { Comparison, Question } from './harness/question.ts';
import { runAlone } from './harness/run-alone.ts';
import { Scratch } from './harness/scratch.ts';
import { microsecondsEach, microsecondsEachOf } from './harness/timing.ts';

const BATCH = 1000;
/** Where each is a transaction of its own, a part of the operations is enough. */
const PART = 5;
/** Microseconds: 20 000 jobs a second. */
const MOST = 50;
const ALLOWED = 'what is allowed, 20,000 a second';
const DEQUE = 'a deque';
const values = new Values('bytes', VALUE_BYTES);
const some = (count: number): Plain[] => Array.from({ length: count }, (_, index) => values.at(index));

/** Works off so many jobs, in order, and looks at each. */
async function workOff(queue: Queue<Plain>, count: number, concurrency: number): Promise<void> {
  const before = queue.counts().done;
  const stopping = new AbortController();
  let seen = 0;
  const handler = ({ payload }: Assignment<Plain>) => {
    values.demand(seen++, payload);
    if (seen === count) stopping.abort();
  };
  await queue.process(handler, { concurrency, signal: stopping.signal });
  const done = queue.counts().done - before;
  if (done !== count) throw new Error(`${done} jobs were done instead of ${count}`);
}

async function timeEnqueues(queue: Queue<Plain>, count: number, batch: number): Promise<number> {
  const jobs = some(count).map((payload) => ({ payload }));
  const figure = microsecondsEach(count, () => {
    for (let first = 0; first < count; first += batch) queue.enqueueMany(jobs.slice(first, first + batch));
  });
  await workOff(queue, count, BATCH);
  return figure;
}

/** A page's view of a queue, over a port in this thread. */
class Page {
  readonly queue: RemoteQueue<Plain>;
  readonly #client: Client;

  constructor(queue: Queue<Plain>) {
    const { port1, port2 } = new MessageChannel();
    openSession(port1 as unknown as Parameters<typeof openSession>[0], FULL_GRANT, () => queue as Queue);
    this.#client = new Client(async () => port2 as unknown as Port, 30_000);
    this.queue = new RemoteQueue(this.#client, 'the queue');
  }

  [Symbol.dispose](): void {
    this.#client.disconnect(new DiskCacheError('DISCONNECTED', 'Nothing more is measured'));
  }
}

/** Enqueues from a page what `send` sends of a batch. */
async function timeSending(
  queue: Queue<Plain>,
  count: number,
  send: (payloads: readonly Plain[]) => Promise<unknown>,
): Promise<number> {
  const payloads = some(count);
  const figure = await microsecondsEachOf(count, async () => {
    for (let first = 0; first < count; first += BATCH) await send(payloads.slice(first, first + BATCH));
  });
  await workOff(queue, count, BATCH);
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

function timeWork(queue: Queue<Plain>, count: number, concurrency: number): Promise<number> {
  queue.enqueueMany(some(count).map((payload) => ({ payload })));
  return microsecondsEachOf(count, () => workOff(queue, count, concurrency));
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
      const count = Math.ceil(operations / (bulk ? 1 : PART));
      yield {
        title: `enqueue, ${bulk ? `${batch} a transaction` : 'each in its own transaction'}`,
        unit: 'µs',
        contenders: [
          { name: OURS, round: () => timeEnqueues(queue, count, batch) },
          { name: DEQUE, round: () => timePushes(deque, count, batch) },
          ...(bulk ? [{ name: ALLOWED, round: () => MOST }] : []),
        ],
        goals: bulk ? [{ subject: OURS, against: ALLOWED, atMost: 1 }] : [],
      } satisfies Comparison;
    }
    using page = new Page(queue);
    const { queue: remote } = page;
    yield {
      title: `enqueue from a page, ${BATCH} in a turn`,
      unit: 'µs',
      contenders: [
        {
          name: 'enqueueMany',
          round: () =>
            timeSending(queue, operations, (payloads) => remote.enqueueMany(payloads.map((payload) => ({ payload })))),
        },
        {
          name: 'as many enqueue',
          round: () =>
            timeSending(queue, operations, (payloads) => Promise.all(payloads.map((it) => remote.enqueue(it)))),
        },
        { name: ALLOWED, round: () => MOST },
      ],
      goals: [{ subject: 'enqueueMany', against: ALLOWED, atMost: 1 }],
    };
    for (const concurrency of [1, 100]) {
      const count = Math.ceil(operations / (concurrency > 1 ? 1 : PART));
      yield {
        title: `begin, do nothing, acknowledge, ${concurrency} at a time`,
        unit: 'µs',
        contenders: [
          { name: OURS, round: () => timeWork(queue, count, concurrency) },
          { name: `${DEQUE}, taken out in as many at a time`, round: () => timeShifts(deque, count, concurrency) },
        ],
        goals: [],
      } satisfies Comparison;
    }
  },
};

if (import.meta.main) await runAlone(question);
