/** What does a durable queue cost beside a plain deque, and from a page? */
import { MessageChannel } from 'node:worker_threads';
import { Client } from '../client/client.ts';
import type { MessagePortLike } from '../client/port-connection.ts';
import type { RemoteQueue } from '../client/remote-queue.ts';
import { RemoteStore } from '../client/remote-store.ts';
import { FULL_GRANT } from '../main/bridge/grant.ts';
import { openSession } from '../main/bridge/session.ts';
import { Deque } from '../main/engine/index.ts';
import { type JobContext, Queue } from '../main/queue/index.ts';
import { QUEUE_SIGNATURES } from '../protocol/contract/queue.ts';
import { DiskCacheError } from '../protocol/error.ts';
import type { Benchmark, Comparison } from './harness/benchmark.ts';
import { OURS } from './harness/benchmark.ts';
import { type PlainValue, VALUE_BYTES, Values } from './harness/keys-and-values.ts';
import { runStandalone } from './harness/run-standalone.ts';
import { Scratch } from './harness/scratch.ts';
import { measureMicroseconds, measureMicrosecondsAsync } from './harness/timing.ts';

const BATCH_ITEMS = 1000;
/** Where each is a transaction of its own, a part of the operations is enough. */
const TRANSACTION_SHARE = 5;
/** Microseconds: 20 000 jobs a second. */
const MAX_JOB_MICROSECONDS = 50;
const ALLOWED = 'what is allowed, 20,000 a second';
const DEQUE = 'a deque';
const values = new Values('bytes', VALUE_BYTES);
const createPayloads = (count: number): PlainValue[] => Array.from({ length: count }, (_, index) => values.at(index));

/** Processes this many jobs in order and checks each. */
async function processJobs(queue: Queue<PlainValue>, count: number, concurrency: number): Promise<void> {
  const before = queue.counts().done;
  const stopping = new AbortController();
  let seen = 0;
  const handler = ({ payload }: JobContext<PlainValue>) => {
    values.assertValue(seen++, payload);
    if (seen === count) stopping.abort();
  };
  await queue.process(handler, { concurrency, signal: stopping.signal });
  const done = queue.counts().done - before;
  if (done !== count) throw new Error(`${done} jobs were done instead of ${count}`);
}

async function timeEnqueues(queue: Queue<PlainValue>, count: number, batch: number): Promise<number> {
  const jobs = createPayloads(count).map((payload) => ({ payload }));
  const figure = measureMicroseconds(count, () => {
    for (let first = 0; first < count; first += batch) queue.enqueueMany(jobs.slice(first, first + batch));
  });
  await processJobs(queue, count, BATCH_ITEMS);
  return figure;
}

/** A page's view of a queue, over a port in this thread. */
class QueuePage {
  readonly queue: RemoteQueue<PlainValue>;
  readonly #client: Client;

  constructor(queue: Queue<PlainValue>) {
    const { port1, port2 } = new MessageChannel();
    openSession(port1 as unknown as Parameters<typeof openSession>[0], FULL_GRANT, () => queue as Queue);
    this.#client = new Client(async () => port2 as unknown as MessagePortLike, 30_000);
    this.queue = new RemoteStore(
      this.#client,
      'the queue',
      QUEUE_SIGNATURES as never,
    ) as unknown as RemoteQueue<PlainValue>;
  }

  [Symbol.dispose](): void {
    this.#client.disconnect(new DiskCacheError('DISCONNECTED', 'Nothing more is measured'));
  }
}

/** Enqueues from a page what `send` sends of a batch. */
async function timeEnqueuesFromPage(
  queue: Queue<PlainValue>,
  count: number,
  send: (payloads: readonly PlainValue[]) => Promise<unknown>,
): Promise<number> {
  const payloads = createPayloads(count);
  const figure = await measureMicrosecondsAsync(count, async () => {
    for (let first = 0; first < count; first += BATCH_ITEMS) await send(payloads.slice(first, first + BATCH_ITEMS));
  });
  await processJobs(queue, count, BATCH_ITEMS);
  return figure;
}

function timePushes(deque: Deque<PlainValue>, count: number, batch: number): number {
  const payloads = createPayloads(count);
  const figure = measureMicroseconds(count, () => {
    for (let first = 0; first < count; first += batch) deque.extend(payloads.slice(first, first + batch));
  });
  if (deque.length !== count) throw new Error(`There are ${deque.length} values instead of ${count}`);
  deque.clear();
  return figure;
}

function timeWork(queue: Queue<PlainValue>, count: number, concurrency: number): Promise<number> {
  queue.enqueueMany(createPayloads(count).map((payload) => ({ payload })));
  return measureMicrosecondsAsync(count, () => processJobs(queue, count, concurrency));
}

function timeShifts(deque: Deque<PlainValue>, count: number, batch: number): number {
  deque.extend(createPayloads(count));
  let seen = 0;
  return measureMicroseconds(count, () => {
    for (let first = 0; first < count; first += batch) {
      for (const value of deque.splice(0, Math.min(batch, count - first))) values.assertValue(seen++, value);
    }
  });
}

export const benchmark: Benchmark = {
  name: 'queue',
  asks: 'What does a durable queue of jobs of 100 bytes cost beside a plain deque, with the durability "process"?',
  async *comparisons({ operations }) {
    using scratch = new Scratch();
    using queue = new Queue<PlainValue>(scratch.directory(), { durability: 'process' });
    using deque = new Deque<PlainValue>(scratch.directory(), { durability: 'process' });
    for (const batch of [1, BATCH_ITEMS]) {
      const bulk = batch > 1;
      const count = Math.ceil(operations / (bulk ? 1 : TRANSACTION_SHARE));
      yield {
        title: `enqueue, ${bulk ? `${batch} a transaction` : 'each in its own transaction'}`,
        unit: 'µs',
        contenders: [
          { name: OURS, round: () => timeEnqueues(queue, count, batch) },
          { name: DEQUE, round: () => timePushes(deque, count, batch) },
          ...(bulk ? [{ name: ALLOWED, round: () => MAX_JOB_MICROSECONDS }] : []),
        ],
        goals: bulk ? [{ subject: OURS, against: ALLOWED, atMost: 1 }] : [],
      } satisfies Comparison;
    }
    using page = new QueuePage(queue);
    const { queue: remote } = page;
    yield {
      title: `enqueue from a page, ${BATCH_ITEMS} in a turn`,
      unit: 'µs',
      contenders: [
        {
          name: 'enqueueMany',
          round: () =>
            timeEnqueuesFromPage(queue, operations, (payloads) =>
              remote.enqueueMany(payloads.map((payload) => ({ payload }))),
            ),
        },
        {
          name: 'as many enqueue',
          round: () =>
            timeEnqueuesFromPage(queue, operations, (payloads) =>
              Promise.all(payloads.map((it) => remote.enqueue(it))),
            ),
        },
        { name: ALLOWED, round: () => MAX_JOB_MICROSECONDS },
      ],
      goals: [{ subject: 'enqueueMany', against: ALLOWED, atMost: 1 }],
    };
    for (const concurrency of [1, 100]) {
      const count = Math.ceil(operations / (concurrency > 1 ? 1 : TRANSACTION_SHARE));
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

if (import.meta.main) await runStandalone(benchmark);
