import { setTimeout as sleep } from 'node:timers/promises';
import { describe, expect, it, vi } from 'vitest';
import { createGate, openQueueFixture, waitUntil } from './queue-fixture.ts';

describe('jobs are started', () => {
  it('in the order in which they were enqueued', async () => {
    const { queue, work, done } = openQueueFixture<number>();
    queue.enqueueMany(Array.from({ length: 50 }, (_, payload) => ({ payload })));
    const begun: number[] = [];
    work(({ payload }) => begun.push(payload));
    await done(50);
    expect(begun).toEqual(Array.from({ length: 50 }, (_, n) => n));
    expect(queue.counts()).toEqual({ ready: 0, delayed: 0, held: 0, running: 0, dead: 0, done: 50 });
  });

  it('by priority first', async () => {
    const { queue, work, done } = openQueueFixture<string>();
    for (const priority of [0, 5, -1.5, 5, -0]) queue.enqueue(`${priority}`, { priority });
    const begun: string[] = [];
    work(({ payload, priority }) => begun.push(`${payload} ${priority}`));
    await done(5);
    expect(begun).toEqual(['5 5', '5 5', '0 0', '0 0', '-1.5 -1.5']);
  });

  it('after their delay, and then by priority', async () => {
    const { queue, work, done, time } = openQueueFixture<string>();
    queue.enqueue('late', { delay: 1000 });
    queue.enqueue('later, but urgent', { delay: 2000, priority: 1 });
    queue.enqueue('latest', { delay: 2001 });
    queue.enqueue('now');
    expect(queue.counts()).toMatchObject({ ready: 1, delayed: 3 });
    expect(queue.get(1)).toMatchObject({ state: 'delayed', dueAt: 1_001_000 });
    const begun: string[] = [];
    work(({ payload }) => begun.push(payload));
    await done(1);
    time.now += 999;
    await sleep(120);
    expect(begun).toEqual(['now']);
    time.now += 1001;
    await done(3);
    expect(begun).toEqual(['now', 'later, but urgent', 'late']);
    expect(queue.counts()).toMatchObject({ delayed: 1, ready: 0 });
  });

  it('up to the concurrency at the same time', async () => {
    const { queue, work, done } = openQueueFixture<number>();
    queue.enqueueMany(Array.from({ length: 20 }, (_, payload) => ({ payload })));
    let most = 0;
    let now = 0;
    work(
      async () => {
        most = Math.max(most, ++now);
        await sleep(5);
        now--;
      },
      { concurrency: 4 },
    );
    await done(20);
    expect(most).toBe(4);
  });

  it('at once when they are enqueued in this process', async () => {
    const { queue, work } = openQueueFixture<number>();
    const begun = createGate();
    // Time does not pass, so the worker's sleep can end only because it is woken.
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] });
    try {
      work(() => begun.open());
      await sleep(5);
      expect(vi.getTimerCount()).toBe(1);
      queue.enqueue(1);
      await begun.passed;
    } finally {
      vi.useRealTimers();
    }
  });
});

describe('a group', () => {
  it('runs one job at a time, in order, in parallel with other groups', async () => {
    const { queue, work, done } = openQueueFixture<number>();
    queue.enqueueMany(
      Array.from({ length: 40 }, (_, payload) => ({ payload, group: ['user', payload % 4], priority: payload % 3 })),
    );
    expect(queue.counts()).toMatchObject({ ready: 4, held: 36 });
    const inside = new Set<number>();
    const begun: number[][] = [[], [], [], []];
    work(
      async ({ payload, group }) => {
        const [, n] = group as [string, number];
        expect(inside.has(n)).toBe(false);
        inside.add(n);
        begun[n]!.push(payload);
        await sleep(Math.random() * 4);
        inside.delete(n);
      },
      { concurrency: 10 },
    );
    await done(40);
    for (const [n, payloads] of begun.entries()) {
      expect(payloads).toEqual(Array.from({ length: 10 }, (_, turn) => turn * 4 + n));
    }
  });

  it('waits for a head that is delayed or waits for its retry', async () => {
    const { queue, work, done, time } = openQueueFixture<string>();
    queue.enqueue('first', { group: 'g', delay: 1000 });
    queue.enqueue('second', { group: 'g', priority: 9 });
    queue.enqueue('other');
    const begun: string[] = [];
    work(
      ({ payload, attempt }) => {
        begun.push(`${payload} ${attempt}`);
        if (payload === 'first' && attempt === 1) throw new Error('not yet');
      },
      { concurrency: 5, retry: { backoff: { initial: 500, jitter: 'none' } } },
    );
    await done(1);
    time.now += 1000;
    await waitUntil(() => begun.length === 2);
    await sleep(100);
    expect(begun).toEqual(['other 1', 'first 1']);
    expect(queue.get(2)).toMatchObject({ state: 'held' });
    time.now += 500;
    await done(3);
    expect(begun).toEqual(['other 1', 'first 1', 'first 2', 'second 1']);
  });

  it('continues after a head that is dead or removed', async () => {
    const { queue, work, done } = openQueueFixture<string>();
    for (const payload of ['bad', 'removed', 'good']) queue.enqueue(payload, { group: 7 });
    expect(queue.remove(2)).toBe(true);
    work(
      ({ payload }) => {
        if (payload === 'bad') throw new Error('never');
      },
      { retry: { attempts: 1 } },
    );
    await done(1);
    expect(queue.counts()).toMatchObject({ held: 0, ready: 0, dead: 1 });
    queue.enqueue('waits', { group: 7, delay: 1 });
    queue.enqueue('goes on', { group: 7 });
    expect(queue.remove(4)).toBe(true);
    await done(2);
  });

  it('runs a retried dead job before those enqueued after it', async () => {
    const { queue, work, done } = openQueueFixture<number>();
    queue.enqueueMany([1, 2, 3, 4].map((payload) => ({ payload, group: 'g' })));
    const order: number[] = [];
    let heals = false;
    const second = createGate();
    const began = createGate();
    work(
      async ({ payload }) => {
        if (payload === 1 && !heals) throw new Error('not yet');
        if (payload === 2) {
          began.open();
          await second.passed;
        }
        order.push(payload);
      },
      { retry: { attempts: 1 }, concurrency: 3 },
    );
    await began.passed;
    heals = true;
    expect(queue.retry(1)).toBe(true);
    second.open();
    await done(4);
    expect(order).toEqual([2, 1, 3, 4]);
  });
});

describe('a dedupe key', () => {
  it('returns the job that waits or runs, and is free when that job is done, dead or removed', async () => {
    const { queue, work, done } = openQueueFixture<string>();
    const key = { dedupeKey: ['sync', 1] };
    expect(queue.enqueue('a', key)).toEqual({ id: 1, duplicate: false });
    expect(queue.enqueue('b', key)).toEqual({ id: 1, duplicate: true });
    expect(queue.enqueue('c', { dedupeKey: ['sync', 2], delay: 5 })).toEqual({ id: 2, duplicate: false });
    expect(
      queue.enqueueMany([
        { payload: 'd', dedupeKey: 3 },
        { payload: 'e', dedupeKey: 3 },
      ]),
    ).toEqual([
      { id: 3, duplicate: false },
      { id: 3, duplicate: true },
    ]);
    expect(queue.remove(2)).toBe(true);
    expect(queue.enqueue('f', { dedupeKey: ['sync', 2] })).toEqual({ id: 4, duplicate: false });
    const running = createGate();
    const began = createGate();
    work(
      async ({ payload }) => {
        if (payload === 'd') throw new Error('dies');
        if (payload !== 'a') return;
        began.open();
        await running.passed;
      },
      { retry: { attempts: 1 } },
    );
    await began.passed;
    expect(queue.enqueue('g', key)).toEqual({ id: 1, duplicate: true });
    running.open();
    await done(2);
    expect(queue.enqueue('h', key)).toEqual({ id: 5, duplicate: false });
    expect(queue.enqueue('i', { dedupeKey: 3, delay: 1 })).toEqual({ id: 6, duplicate: false });
    expect(() => queue.retry(3)).toThrow(expect.objectContaining({ code: 'NOT_ALLOWED' }));
    queue.remove(6);
    expect(queue.retry(3)).toBe(true);
    expect(queue.enqueue('j', { dedupeKey: 3 })).toEqual({ id: 3, duplicate: true });
  });
});
