import { crc32 } from 'node:zlib';
import { describe, expect, it } from 'vitest';
import type { Job, JobState } from '../../main/queue/index.ts';
import { createGate, openQueueFixture, waitUntil } from './queue-fixture.ts';

const STATES = ['ready', 'delayed', 'held', 'running', 'dead'] as const satisfies readonly JobState[];

type Queue = ReturnType<typeof openQueueFixture>['queue'];

const listAll = (queue: Queue): Job<unknown>[] =>
  STATES.flatMap((state) => [...queue.jobs(state)]).sort((a, b) => a.id - b.id);

async function collect(queue: Queue): Promise<string[]> {
  const lines: string[] = [];
  for await (const line of queue.export()) lines.push(line);
  return lines;
}

/** A queue with jobs of every state: 1 dead, 2 delayed with a failure, 3 held, 4 done, 5 running, 6 delayed, 7 ready. */
async function openFull() {
  const fixture = openQueueFixture();
  const { queue, work } = fixture;
  queue.enqueue('dies');
  const stopDying = work(() => Promise.reject(new Error('no')), { retry: { attempts: 1 } });
  await waitUntil(() => queue.counts().dead === 1);
  await stopDying();
  queue.enqueue({ fails: new Map([[1, 2n]]) }, { group: ['g', 1] });
  queue.enqueue('after it', { group: ['g', 1], delay: 9000 });
  const stopFailing = work(() => Promise.reject(new Error('again')), {
    retry: { attempts: 5, backoff: { initial: 60_000 } },
  });
  await waitUntil(() => queue.counts().delayed === 1);
  await stopFailing();
  queue.enqueue('is done');
  const stop = work(() => Promise.resolve());
  await waitUntil(() => queue.counts().done === 1);
  await stop();
  queue.enqueue('runs');
  const gate = createGate();
  work(() => gate.passed);
  await waitUntil(() => queue.counts().running === 1);
  queue.pause();
  queue.enqueue('later', { delay: 5000, priority: 2, dedupeKey: 'k' });
  queue.enqueue('now', { priority: 3 });
  return { ...fixture, gate };
}

describe('export and import of a queue', () => {
  it('keep jobs of every state, their ids, attempts and schedule; a running job waits again', async () => {
    const { queue, gate, time } = await openFull();
    const expected = listAll(queue).map((job) => {
      if (job.state !== 'running') return job;
      const { startedAt: _, ...rest } = job;
      return { ...rest, state: 'ready', attempts: 0 };
    });
    const lines = await collect(queue);
    const copy = openQueueFixture();
    copy.time.now = time.now;
    expect(await copy.queue.import(lines)).toEqual({ imported: 6, existing: 0, expired: 0, skipped: [] });
    expect(listAll(copy.queue)).toEqual(expected);
    expect(copy.queue.counts()).toEqual({ ready: 2, delayed: 2, held: 1, running: 0, dead: 1, done: 0 });
    expect(copy.queue.check()).toEqual([]);
    const before = listAll(copy.queue);
    copy.queue.check({ repair: true });
    expect(listAll(copy.queue)).toEqual(before);
    expect(copy.queue.enqueue('new').id).toBe(8);
    expect(copy.queue.enqueue('other', { dedupeKey: 'k' })).toEqual({ id: 6, duplicate: true });
    expect(copy.queue.retry(1)).toBe(true);
    const order: unknown[] = [];
    copy.work(async ({ payload }) => void order.push(payload));
    copy.time.now += 100_000;
    await copy.done(7);
    expect(order.slice(0, 2)).toEqual(['now', 'later']);
    expect(order.indexOf('after it')).toBeGreaterThan(order.findIndex((it) => typeof it === 'object'));
    gate.open();
  });

  it('can be repeated after an interruption, and no job that was done comes back', async () => {
    const { queue } = openQueueFixture();
    queue.enqueueMany(Array.from({ length: 700 }, (_, payload) => ({ payload })));
    const lines = await collect(queue);
    const copy = openQueueFixture();
    const stopped = new AbortController();
    const first = copy.queue.import(lines, {
      signal: stopped.signal,
      onProgress: ({ done }) => done > 0 && stopped.abort(new Error('told to stop')),
    });
    await expect(first).rejects.toThrow('told to stop');
    const there = copy.queue.counts().ready;
    expect(there).toBeGreaterThan(0);
    copy.queue.enqueue('meanwhile');
    const stop = copy.work(() => Promise.resolve(), { concurrency: 1 });
    await waitUntil(() => copy.queue.counts().done > 0);
    await stop();
    expect(await copy.queue.import(lines)).toMatchObject({ imported: 700 - there, existing: there });
    const { ready, done } = copy.queue.counts();
    expect(ready + done).toBe(701);
    expect(await copy.queue.import(lines)).toMatchObject({ imported: 0, existing: 700 });
  });

  it('refuses a queue that has other jobs, and the export of another store', async () => {
    const { queue } = openQueueFixture();
    queue.enqueue(1);
    const lines = await collect(queue);
    await expect(queue.import(lines)).rejects.toMatchObject({ code: 'BAD_OPTION' });
    const cache = lines.map((line) => line.replace('"kind":"queue"', '"kind":"index"'));
    await expect(openQueueFixture().queue.import(cache)).rejects.toMatchObject({ code: 'BAD_OPTION' });
    await expect(openQueueFixture().queue.import(lines.slice(0, -1))).rejects.toMatchObject({ code: 'CORRUPT' });
  });

  it.each([
    ['a priority that isn’t a number', '"priority":0', '"priority":"a"'],
    ['a state that is unknown', '"state":"ready"', '"state":"gone"'],
    ['an id of no queue', '"key":1', '"key":7'],
    ['a failure without its time', '"priority":0', '"priority":0,"failure":{"attempts":1,"error":"no"}'],
  ])('leaves out a job with %s', async (_, text, instead) => {
    const { queue } = openQueueFixture();
    queue.enqueue(1);
    const [header, job] = await collect(queue);
    expect(job).toContain(text);
    const body = [header!, job!.replace(text, instead)];
    const check = crc32(body.map((line) => `${line}\n`).join(''))
      .toString(16)
      .padStart(8, '0');
    const copy = openQueueFixture();
    const result = await copy.queue.import([...body, JSON.stringify({ end: true, items: 1, crc32: check })]);
    expect(result).toMatchObject({ imported: 0, skipped: [{ reason: expect.any(String) }] });
    expect(listAll(copy.queue)).toEqual([]);
    expect(copy.queue.counts()).toEqual({ ready: 0, delayed: 0, held: 0, running: 0, dead: 0, done: 0 });
  });
});
