import { describe, expect, it } from 'vitest';
import { Index } from '../../main/engine/index.ts';
import { createIdentity } from '../../main/engine/process-identity.ts';
import { openTables } from '../../main/queue/tables.ts';
import { openQueueFixture, waitUntil } from './queue-fixture.ts';

const HOUR_MS = 3_600_000;
const YEAR_MS = 365 * 24 * HOUR_MS;
const RETRY = { attempts: 3, backoff: { initial: 50, jitter: 'none' } } as const;

describe.each([
  ['a year', YEAR_MS],
  ['two hours', 2 * HOUR_MS],
])('a queue whose clock was %s ahead and is corrected', (_, ahead) => {
  it('retries a failed job in the same worker', async () => {
    const { queue, time, work, done } = openQueueFixture();
    time.now += ahead;
    queue.enqueue('mail');
    let runs = 0;
    work(
      () => {
        if (++runs === 1) throw new Error('offline');
      },
      { retry: RETRY },
    );
    await waitUntil(() => queue.counts().delayed === 1);
    time.now -= ahead;
    await done(1);
  });

  it('keeps delays no longer than they were given, also behind the head of a group', async () => {
    const { queue, directory, time } = openQueueFixture();
    queue.enqueue('right', { delay: 2 * YEAR_MS });
    const due = time.now + 2 * YEAR_MS;
    time.now += ahead;
    queue.enqueue('later', { delay: HOUR_MS });
    queue.enqueue('head', { group: 'g', delay: HOUR_MS });
    queue.enqueue('behind', { group: 'g', delay: 2 * HOUR_MS });
    queue.close();
    const { queue: again, time: rightTime, work } = openQueueFixture({ directory });
    const done: unknown[] = [];
    work(({ payload }) => done.push(payload));
    await waitUntil(() => again.get(2)?.dueAt === rightTime.now + HOUR_MS);
    expect([again.get(1)?.dueAt, again.get(3)?.dueAt]).toEqual([due, rightTime.now + HOUR_MS]);
    rightTime.now += HOUR_MS;
    await waitUntil(() => done.length === 2);
    await waitUntil(() => again.get(4)?.dueAt === rightTime.now + HOUR_MS);
    rightTime.now += HOUR_MS;
    await waitUntil(() => done.length === 3);
    expect(done).toEqual(['later', 'head', 'behind']);
    expect(again.check()).toEqual([]);
  });

  it('passes the jobs of a lost worker to another one after one lease', async () => {
    const { queue, directory, time, work, done } = openQueueFixture({ lease: 30_000 });
    queue.enqueue('mail');
    {
      // A worker of another machine: only its lease tells whether it is alive.
      using index = new Index(directory, { version: 1, clock: () => time.now });
      const { ready, running, workers, counters } = openTables(index);
      const lost = { ...createIdentity('lost'), host: 'elsewhere' };
      ready.delete(-0, 1);
      running.put([1], { worker: lost.id, ticket: 1, attempt: 1, startedAt: time.now + ahead });
      workers.put([lost.id], { ...lost, until: time.now + ahead + 30_000, lease: 30_000 });
      counters.put([], { ...counters.get()!, ready: 0, running: 1, ticket: 1 });
    }
    work(() => {});
    await waitUntil(() => {
      using index = new Index(directory, { version: 1, clock: () => time.now });
      return openTables(index).workers.get('lost')?.until === time.now + 30_000;
    });
    time.now += 30_000;
    await done(1);
  });
});
