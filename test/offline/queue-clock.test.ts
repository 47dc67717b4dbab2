import { describe, expect, it } from 'vitest';
import { Index } from '../../main/engine/index.ts';
import { newOwner } from '../../main/engine/owner.ts';
import { shelvesIn } from '../../main/offline/queue/shelves.ts';
import { opened, soon } from './queue-opened.ts';

const HOUR = 3_600_000;
const YEAR = 365 * 24 * HOUR;
const RETRY = { attempts: 3, backoff: { initial: 50, jitter: 'none' } } as const;

describe.each([
  ['a year', YEAR],
  ['two hours', 2 * HOUR],
])('a queue whose clock was %s ahead and is set right', (_, ahead) => {
  it('tries a failed job again, in the worker that saw it fail', async () => {
    const { queue, time, work, done } = opened();
    time.now += ahead;
    queue.enqueue('mail');
    let runs = 0;
    work(
      () => {
        if (++runs === 1) throw new Error('offline');
      },
      { retry: RETRY },
    );
    await soon(() => queue.counts().delayed === 1);
    time.now -= ahead;
    await done(1);
  });

  it('lets what was to wait wait as long as it was to, and no longer, also behind the head of a group', async () => {
    const { queue, directory, time } = opened();
    queue.enqueue('right', { delay: 2 * YEAR });
    const due = time.now + 2 * YEAR;
    time.now += ahead;
    queue.enqueue('later', { delay: HOUR });
    queue.enqueue('head', { group: 'g', delay: HOUR });
    queue.enqueue('behind', { group: 'g', delay: 2 * HOUR });
    queue.close();
    const { queue: again, time: rightTime, work } = opened({ directory });
    const done: unknown[] = [];
    work(({ payload }) => done.push(payload));
    await soon(() => again.get(2)?.dueAt === rightTime.now + HOUR);
    expect([again.get(1)?.dueAt, again.get(3)?.dueAt]).toEqual([due, rightTime.now + HOUR]);
    rightTime.now += HOUR;
    await soon(() => done.length === 2);
    await soon(() => again.get(4)?.dueAt === rightTime.now + HOUR);
    rightTime.now += HOUR;
    await soon(() => done.length === 3);
    expect(done).toEqual(['later', 'head', 'behind']);
    expect(again.check()).toEqual([]);
  });

  it('gives the jobs of a lost worker to another one when a lease has passed', async () => {
    const { queue, directory, time, work, done } = opened({ lease: 30_000 });
    queue.enqueue('mail');
    {
      // A worker of another machine, of which only its lease is known.
      using index = new Index(directory, { version: 1, clock: () => time.now });
      const { ready, running, workers, tally } = shelvesIn(index);
      const lost = { ...newOwner('lost'), host: 'elsewhere' };
      ready.delete(-0, 1);
      running.put([1], { worker: lost.id, ticket: 1, attempt: 1, startedAt: time.now + ahead });
      workers.put([lost.id], { ...lost, until: time.now + ahead + 30_000, lease: 30_000 });
      tally.put([], { ...tally.get()!, ready: 0, running: 1, ticket: 1 });
    }
    work(() => {});
    await soon(() => {
      using index = new Index(directory, { version: 1, clock: () => time.now });
      return shelvesIn(index).workers.get('lost')?.until === time.now + 30_000;
    });
    time.now += 30_000;
    await done(1);
  });
});
