import { expect, it, vi } from 'vitest';
import { Statement } from '../../main/engine/sqlite/connection.ts';
import { Queue } from '../../main/queue/index.ts';
import { KeyWindow } from '../../main/queue/key-window.ts';
import { createRandom } from '../crash/random-writes.ts';
import { freshDirectory } from '../engine/fresh-directory.ts';
import { errorMatching } from '../matchers.ts';
import { copyAsKilled, listRecords, readJournal } from './journal-fixture.ts';

const open = (directory = freshDirectory()) => new Queue<number>(directory, { durability: 'process', exclusive: true });

const countRecords = ({ directory }: Queue<number>): number => listRecords(readJournal(directory)).length - 1;

/** Handles `count` jobs; returns their payloads. */
async function processJobs(queue: Queue<number>, count: number): Promise<number[]> {
  const stopping = new AbortController();
  const seen: number[] = [];
  await queue.process(
    ({ payload }) => {
      if (seen.push(payload) === count) stopping.abort();
    },
    { signal: stopping.signal },
  );
  return seen;
}

it('a job of an exclusive queue is one record, and so is each turn of its worker', async () => {
  using queue = open();
  // The first one measures the disk.
  queue.enqueue(-2);
  queue.enqueue(-1);
  const before = countRecords(queue);
  for (let nth = 0; nth < 30; nth++) queue.enqueue(nth);
  expect(countRecords(queue) - before).toBe(30);
  const seen = await processJobs(queue, 32);
  expect(seen).toEqual([-2, -1, ...Array(30).keys()]);
  expect(queue.counts()).toMatchObject({ ready: 0, running: 0, done: 32 });
  using found = new Queue<number>(copyAsKilled(queue));
  expect([found.counts().done, found.check()]).toEqual([32, []]);
});

it('the worker of an exclusive queue applies nothing for its next job', async () => {
  using queue = open();
  queue.enqueue(0);
  await processJobs(queue, 1);
  for (let nth = 0; nth < 100; nth++) queue.enqueue(nth, { priority: nth % 3, delay: nth % 5 === 0 ? 1e9 : 0 });
  const written = vi.spyOn(Statement.prototype, 'run');
  const seen = await processJobs(queue, 20);
  const inserts = written.mock.calls.length;
  vi.restoreAllMocks();
  expect(seen.slice(0, 3)).toEqual([2, 8, 11]);
  // A few for what the worker looks at twice a second.
  expect(inserts).toBeLessThan(1000);
});

it('jobs that were enqueued in a transaction that failed are not started', async () => {
  using queue = open();
  queue.enqueue(1);
  expect(await processJobs(queue, 1)).toEqual([1]);
  expect(() =>
    queue.transact(() => {
      queue.enqueue(2);
      throw new Error('no');
    }),
  ).toThrow('no');
  queue.enqueue(3);
  expect(await processJobs(queue, 1)).toEqual([3]);
  expect(queue.counts()).toMatchObject({ ready: 0, done: 2 });
});

it('an exclusive queue is refused to a second opener', () => {
  using queue = open();
  queue.enqueue(1);
  expect(() => new Queue(queue.directory, { timeout: 0 })).toThrow(errorMatching('BUSY', /locked|exclusive|another/));
});

it('the window has the first keys of the table, whatever comes and goes', () => {
  const random = createRandom(7);
  const draw = (limit: number) => Math.floor(random() * limit);
  const window = new KeyWindow();
  let table: [number, number][] = [];
  const sorted = () => table.toSorted((a, b) => a[0] - b[0] || a[1] - b[1]);
  for (let step = 0; step < 6000; step++) {
    const key: [number, number] = [draw(3), draw(5000)];
    const dice = draw(100);
    const grows = Math.floor(step / 1500) % 2 === 0;
    if (dice < (grows ? 70 : 20)) {
      if (!table.some(([a, b]) => a === key[0] && b === key[1])) table.push(key);
      window.add(key);
    } else if (dice < 90) {
      const gone = draw(2) === 0 ? sorted()[0] : key;
      if (gone === undefined) continue;
      table = table.filter(([a, b]) => a !== gone[0] || b !== gone[1]);
      window.delete(gone);
    } else {
      const count = 1 + draw(draw(10) === 0 ? 400 : 4);
      expect(window.first(count, (wanted) => sorted().slice(0, wanted))).toEqual(sorted().slice(0, count));
    }
    if (draw(2000) === 0) window.forget();
  }
});
