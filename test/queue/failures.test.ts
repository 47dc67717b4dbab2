import { setTimeout as sleep } from 'node:timers/promises';
import { describe, expect, it } from 'vitest';
import type { JobContext } from '../../main/queue/index.ts';
import { getRetryDelayMs, parseRetry } from '../../main/queue/worker-options.ts';
import { createGate, openQueueFixture, waitUntil } from './queue-fixture.ts';

const NO_BACKOFF = { backoff: { initial: 0 } } as const;

describe('a job that fails', () => {
  it('is retried after its backoff, with its attempts and error, until it is dead', async () => {
    const { queue, work, time } = openQueueFixture<string>();
    queue.enqueue('x');
    const retry = { attempts: 3, backoff: { initial: 100, factor: 3, jitter: 'none' } } as const;
    let tries = 0;
    work(() => Promise.reject(new TypeError(`no. ${++tries}`)), { retry });
    await waitUntil(() => queue.counts().delayed === 1);
    expect(queue.get(1)).toMatchObject({ state: 'delayed', attempts: 1, dueAt: 1_000_100, error: 'TypeError: no. 1' });
    time.now += 100;
    await waitUntil(() => queue.get(1)?.attempts === 2 && queue.get(1)?.state === 'delayed');
    expect(queue.get(1)?.dueAt).toBe(1_000_400);
    time.now += 300;
    await waitUntil(() => queue.counts().dead === 1);
    expect([...queue.jobs('dead')]).toEqual([
      {
        id: 1,
        payload: 'x',
        state: 'dead',
        priority: 0,
        enqueuedAt: 1_000_000,
        attempts: 3,
        error: 'TypeError: no. 3',
        failedAt: 1_000_400,
      },
    ]);
    expect(tries).toBe(3);
  });

  it('permanently becomes dead at once', async () => {
    const { queue, work } = openQueueFixture<string>();
    queue.enqueue('x');
    let tries = 0;
    work(async ({ bury }) => {
      tries++;
      bury('refused by the server');
    });
    await waitUntil(() => queue.counts().dead === 1);
    expect(queue.get(1)).toMatchObject({ attempts: 1, error: 'Buried: refused by the server' });
    expect(tries).toBe(1);
  });

  it('and is dead can be retried with all attempts, or removed', async () => {
    const { queue, work, done } = openQueueFixture<string>();
    queue.enqueueMany([{ payload: 'healed' }, { payload: 'removed' }]);
    let healthy = false;
    work(() => healthy || Promise.reject('a reason that is no error'), { retry: { attempts: 2, ...NO_BACKOFF } });
    await waitUntil(() => queue.counts().dead === 2);
    expect(queue.get(1)).toMatchObject({ attempts: 2, error: "'a reason that is no error'" });
    expect(queue.remove(2)).toBe(true);
    expect(queue.remove(2)).toBe(false);
    healthy = true;
    expect(queue.retry(1)).toBe(true);
    expect(queue.retry(1)).toBe(false);
    await done(1);
    expect(queue.counts()).toEqual({ ready: 0, delayed: 0, held: 0, running: 0, dead: 0, done: 1 });
  });
});

describe('the backoff after a failure', () => {
  it('grows exponentially up to its maximum, without jitter', () => {
    const schedule = parseRetry({ attempts: 6, backoff: { initial: 10, factor: 4, max: 1000, jitter: 'none' } });
    expect([1, 2, 3, 4, 5, 6].map((attempt) => getRetryDelayMs(schedule, attempt))).toEqual([
      10,
      40,
      160,
      640,
      1000,
      undefined,
    ]);
    expect(getRetryDelayMs(parseRetry({ attempts: Infinity, backoff: { jitter: 'none' } }), 100_000)).toBe(300_000);
    expect(getRetryDelayMs(parseRetry({ attempts: Infinity, backoff: { initial: 0 } }), 100_000)).toBe(0);
  });

  it('is spread from 0 to its maximum by full jitter', () => {
    const schedule = parseRetry({ backoff: { initial: 1000 } });
    const rests = Array.from({ length: 1000 }, () => getRetryDelayMs(schedule, 3)!);
    expect(Math.max(...rests)).toBeLessThan(4000);
    for (const quarter of [0, 1, 2, 3]) {
      const within = rests.filter((rest) => rest >= quarter * 1000 && rest < (quarter + 1) * 1000);
      expect(within.length).toBeGreaterThan(150);
    }
  });

  it('refuses invalid numbers', () => {
    const wrong = [{ attempts: 0 }, { attempts: 1.5 }, { backoff: { factor: 0.5 } }, { backoff: { initial: -1 } }];
    for (const retry of [...wrong, { backoff: { max: Infinity } }, { backoff: { jitter: 'some' } }, { tries: 1 }]) {
      expect(() => parseRetry(retry as never)).toThrow(expect.objectContaining({ code: 'BAD_OPTION' }));
    }
  });

  it('reports which option is a number instead of an object', () => {
    expect(() => parseRetry(5 as never)).toThrow('retry must be an object; valid options: attempts, backoff');
    expect(() => parseRetry({ backoff: 5 } as never)).toThrow('retry.backoff must be an object');
  });
});

describe('a lease', () => {
  /** Two queues in one directory, like two processes, each with its own clock. */
  function two() {
    const one = openQueueFixture<string>({ lease: 1000 });
    return { one, other: openQueueFixture<string>({ lease: 1000, directory: one.directory }) };
  }

  it('that is over passes the job to another worker; the previous one is notified and can not complete it', async () => {
    const { one, other } = two();
    one.queue.enqueue('x', { group: 'g' });
    one.queue.enqueue('y', { group: 'g' });
    const begun: JobContext<string>[] = [];
    const [first, second] = [createGate(), createGate()];
    one.work((job) => {
      begun.push(job);
      return first.passed;
    });
    await waitUntil(() => begun.length === 1);
    other.time.now += 1000;
    other.work(async (job) => {
      begun.push(job);
      if (job.payload === 'x') await second.passed;
    });
    await waitUntil(() => begun.length === 2);
    expect(begun[1]).toMatchObject({ payload: 'x', attempt: 2 });
    first.open();
    await waitUntil(() => begun[0]!.signal.aborted);
    expect(begun[0]!.signal.reason).toMatchObject({ code: 'NOT_ALLOWED' });
    expect(() => begun[0]!.report(1)).toThrow(expect.objectContaining({ code: 'NOT_ALLOWED' }));
    expect(one.queue.counts()).toMatchObject({ done: 0, running: 1, held: 1 });
    second.open();
    await one.done(2);
    expect(begun.map(({ payload }) => payload)).toEqual(['x', 'x', 'y']);
    expect(begun[1]!.signal.aborted).toBe(false);
  });

  it('is renewed as long as a handler runs, and its loss is reported before the handler ends', async () => {
    const { one, other } = two();
    one.queue.enqueue('x');
    const begun: JobContext<string>[] = [];
    const forever = (job: JobContext<string>) => {
      begun.push(job);
      return new Promise(() => {});
    };
    one.work(forever);
    await waitUntil(() => begun.length === 1);
    other.work(forever, { retry: { attempts: 1 } });
    for (let turn = 0; turn < 6; turn++) {
      one.time.now += 500;
      other.time.now += 500;
      await sleep(120);
    }
    expect(begun).toHaveLength(1);
    other.time.now += 1000;
    await waitUntil(() => one.queue.counts().dead === 1);
    expect(begun[0]!.signal.aborted).toBe(false);
    one.time.now += 500;
    await waitUntil(() => begun[0]!.signal.aborted);
    expect(one.queue.get(1)?.error).toMatch(/worker was lost: process \d+/);
    one.queue.close();
    other.queue.close();
  });

  it('ends when a running job is removed', async () => {
    const { queue, work } = openQueueFixture<string>();
    queue.enqueue('x', { group: 'g', dedupeKey: 'k' });
    queue.enqueue('y', { group: 'g' });
    const passage = createGate();
    const begun: JobContext<string>[] = [];
    work((job) => {
      begun.push(job);
      return job.payload === 'x' ? passage.passed : undefined;
    });
    await waitUntil(() => begun.length === 1);
    expect(queue.remove(1)).toBe(true);
    expect(queue.counts()).toMatchObject({ running: 0, ready: 1, held: 0 });
    passage.open();
    await waitUntil(() => queue.counts().done === 1);
    expect(begun[0]!.signal.aborted).toBe(true);
    expect(begun.map(({ payload }) => payload)).toEqual(['x', 'y']);
  });
});
