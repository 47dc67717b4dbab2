import { setTimeout as sleep } from 'node:timers/promises';
import { describe, expect, it } from 'vitest';
import { Cache, Index } from '../../main/engine/index.ts';
import { type JobContext, Queue } from '../../main/queue/index.ts';
import { freshDirectory } from '../engine/fresh-directory.ts';
import { createGate, openQueueFixture, waitUntil } from './queue-fixture.ts';

const NO_BACKOFF = { backoff: { initial: 0 } } as const;

describe('a payload', () => {
  it('can be any cloneable value, and comes back after reopening', async () => {
    const payload = {
      at: new Date(0),
      bytes: new Uint8Array([1, 2]),
      map: new Map([[1n, undefined]]),
      text: 'ä'.repeat(50_000),
    };
    const first = openQueueFixture<unknown>();
    first.queue.enqueue(payload);
    first.queue.enqueue(undefined, { group: null, dedupeKey: new Date(5), priority: 2, delay: 10 });
    first.queue.close();
    const { queue, work, done } = openQueueFixture<unknown>({ directory: first.directory });
    expect(queue.get(2)).toEqual({
      id: 2,
      payload: undefined,
      state: 'delayed',
      priority: 2,
      enqueuedAt: 1_000_000,
      group: null,
      dedupeKey: new Date(5),
      attempts: 0,
      dueAt: 1_000_010,
    });
    const found: unknown[] = [];
    work((job) => found.push(job.payload));
    await done(1);
    expect(found).toEqual([payload]);
    expect(queue.get(1)).toBeUndefined();
  });

  it('is refused with the path of the part that can not be stored', () => {
    const { queue } = openQueueFixture<unknown>();
    const fine = { payload: 1 };
    expect(() => queue.enqueueMany([fine, { payload: { user: { avatar: () => 1 } } } as never])).toThrow(
      expect.objectContaining({ code: 'BAD_VALUE', message: expect.stringContaining('payload.user.avatar') }),
    );
    expect(() => queue.enqueueMany([fine, { payload: 1, group: (() => 1) as never }])).toThrow(
      expect.objectContaining({ code: 'BAD_KEY' }),
    );
    const bad = [{ delay: -1 }, { delay: Number.NaN }, { priority: Number.POSITIVE_INFINITY }, { priorty: 1 }, 5];
    for (const options of bad) {
      expect(() => queue.enqueue(1, options as never)).toThrow(expect.objectContaining({ code: 'BAD_OPTION' }));
    }
    expect(() => queue.enqueueMany([{ value: 1 }] as never)).toThrow(expect.objectContaining({ code: 'BAD_OPTION' }));
    expect(queue.counts().ready).toBe(0);
    expect(queue.enqueue(1)).toEqual({ id: 1, duplicate: false });
  });

  it('can not be enqueued in a directory of another kind of store', () => {
    for (const open of [Cache, Index]) {
      const directory = freshDirectory();
      using store = new open(directory);
      store.set('a', 1);
      expect(() => new Queue(directory)).toThrow(expect.objectContaining({ code: 'BAD_OPTION' }));
    }
    const directory = freshDirectory();
    using store = new Cache(directory);
    store.set('a', 1);
    expect(() => new Queue(directory)).toThrow(/holds a cache, and an index or a queue needs a directory of its own/);
    expect(() => new Queue(freshDirectory(), { lease: 0 })).toThrow(expect.objectContaining({ code: 'BAD_OPTION' }));
    expect(() => new Queue(freshDirectory(), { sizeLimit: 5 } as never)).toThrow(
      expect.objectContaining({ code: 'BAD_OPTION' }),
    );
  });
});

describe('a worker', () => {
  it('that is stopped starts no more jobs and waits for running ones; a failure after the stop is not counted', async () => {
    const { queue, work } = openQueueFixture<string>();
    queue.enqueueMany(['ends', 'fails', 'never begun'].map((payload) => ({ payload })));
    const begun: JobContext<string>[] = [];
    const passage = createGate();
    const stop = work(
      async (job) => {
        begun.push(job);
        await passage.passed;
        if (job.payload === 'fails') job.signal.throwIfAborted();
      },
      { concurrency: 2 },
    );
    await waitUntil(() => begun.length === 2);
    const stopped = stop();
    expect(begun[1]!.signal.reason).toEqual(new Error('told to stop'));
    await sleep(80);
    expect(queue.counts()).toMatchObject({ running: 2, ready: 1, done: 0 });
    passage.open();
    await stopped;
    expect(queue.counts()).toMatchObject({ running: 0, ready: 2, done: 1 });
    expect(queue.get(2)).toMatchObject({ state: 'ready', attempts: 0 });
    expect(begun).toHaveLength(2);
  });

  it('returns its running jobs when the queue is closed', async () => {
    const { queue, work, directory } = openQueueFixture<string>();
    queue.enqueueMany([
      { payload: 'x', group: 1 },
      { payload: 'y', group: 1 },
    ]);
    const begun = createGate<JobContext<string>>();
    const stop = work((job) => {
      begun.open(job);
      return new Promise(() => {});
    });
    const job = await begun.passed;
    queue.close();
    expect(job.signal.reason).toMatchObject({ code: 'CLOSED' });
    expect(() => job.report(1)).toThrow(expect.objectContaining({ code: 'NOT_ALLOWED' }));
    await stop();
    expect(() => queue.enqueue('z')).toThrow(expect.objectContaining({ code: 'CLOSED' }));
    const again = openQueueFixture<string>({ directory });
    expect(again.queue.get(1)).toMatchObject({ state: 'ready', attempts: 0 });
    again.work(() => {});
    await again.done(2);
  });

  it('starts no jobs while the queue is paused, also after reopening, nor while it is offline', async () => {
    const first = openQueueFixture<string>();
    first.queue.pause();
    first.queue.close();
    const { queue, work, done } = openQueueFixture<string>({ directory: first.directory });
    expect(queue.paused).toBe(true);
    let online = false;
    let asked = 0;
    work(() => {}, {
      online: () => {
        asked++;
        return online;
      },
    });
    queue.enqueue('x');
    queue.resume();
    expect(queue.paused).toBe(false);
    await waitUntil(() => asked > 2);
    expect(queue.counts()).toMatchObject({ ready: 1, done: 0 });
    online = true;
    await done(1);
    queue.pause();
    queue.enqueue('y');
    await sleep(120);
    expect(queue.counts()).toMatchObject({ ready: 1, done: 1 });
    queue.resume();
    await done(2);
  });

  it('finishes its running jobs when the queue is paused, and starts no others', async () => {
    const { queue, work, done } = openQueueFixture<string>();
    queue.enqueueMany([{ payload: 'a' }, { payload: 'b' }, { payload: 'c' }]);
    const begun: string[] = [];
    const inHand = createGate();
    work(async ({ payload }) => {
      begun.push(payload);
      if (payload === 'a') await inHand.passed;
    });
    await waitUntil(() => begun.length === 1);
    queue.pause();
    inHand.open();
    await done(1);
    await sleep(50);
    expect([begun, queue.counts()]).toEqual([['a'], expect.objectContaining({ ready: 2, running: 0, done: 1 })]);
    queue.resume();
    await done(3);
    expect(begun).toEqual(['a', 'b', 'c']);
  });

  it('stores reported progress for observers and for the next attempt', async () => {
    const { queue, work, done } = openQueueFixture<string>();
    queue.enqueue('x');
    const seen: unknown[] = [];
    const looks: unknown[] = [];
    work(
      async ({ report, progress, attempt, id }) => {
        seen.push(progress);
        report({ bytes: attempt });
        looks.push(queue.get(id));
        expect(() => report(() => {})).toThrow(expect.objectContaining({ code: 'BAD_VALUE' }));
        if (attempt < 3) throw new Error('interrupted');
      },
      { retry: NO_BACKOFF },
    );
    await done(1);
    expect(seen).toEqual([undefined, { bytes: 1 }, { bytes: 2 }]);
    expect(looks[0]).toMatchObject({ state: 'running', attempts: 1, startedAt: 1_000_000, progress: { bytes: 1 } });
  });

  it('refuses invalid options', () => {
    const { queue } = openQueueFixture();
    const wrong = [{ concurrency: 0 }, { concurrency: 1.5 }, { signal: 1 }, { online: true }, { retries: 1 }];
    for (const options of wrong) {
      expect(() => queue.process(() => {}, options as never)).toThrow(expect.objectContaining({ code: 'BAD_OPTION' }));
    }
    expect(() => queue.process('x' as never)).toThrow(expect.objectContaining({ code: 'BAD_OPTION' }));
    expect(() => [...queue.jobs('done' as never)]).toThrow(expect.objectContaining({ code: 'BAD_OPTION' }));
  });
});
