import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import Database from 'better-sqlite3';
import { describe, expect, it } from 'vitest';
import { Queue } from '../../main/queue/index.ts';
import { freshDirectory } from '../engine/fresh-directory.ts';
import { type PoolWorker, runOnAll, startWorkers, WORKER_KINDS } from './worker-pool.ts';

const JOBS = 600;

describe.each(WORKER_KINDS)('a durable queue shared by %s', (kind) => {
  it('gives each job to one of them, and runs jobs of a group one after the other', async () => {
    const directory = freshDirectory();
    using queue = new Queue<number>(directory, { durability: 'process' });
    const members = startWorkers(kind, 3);
    await runOnAll(members, 'pid');
    const inGroups = (payload: number) => (payload % 2 === 0 ? { group: payload % 10 } : {});
    queue.enqueueMany(Array.from({ length: JOBS }, (_, payload) => ({ payload, ...inGroups(payload) })));
    const seen = await Promise.all(members.map((member) => member.run('workOff', directory, JOBS, 5)));
    expect(seen.flat().toSorted((a, b) => a - b)).toEqual(Array.from({ length: JOBS }, (_, payload) => payload));
    for (const mine of seen) {
      const ofOneGroup = mine.filter((payload) => payload % 10 === 4);
      expect(ofOneGroup).toEqual(ofOneGroup.toSorted((a, b) => a - b));
    }
    expect(queue.counts()).toEqual({ ready: 0, delayed: 0, held: 0, running: 0, dead: 0, done: JOBS });
  });

  it('is repaired while others enqueue, without overwriting a waiting job', async () => {
    const directory = freshDirectory();
    const first = new Queue<number>(directory, { durability: 'process' });
    first.enqueueMany(Array.from({ length: JOBS }, (_, payload) => ({ payload })));
    first.close();
    const database = new Database(join(directory, 'cache.db'));
    database.exec(`UPDATE entry SET checksum = checksum + 1 WHERE value LIKE '%"ready":%'`);
    database.close();
    const members = startWorkers(kind, 2);
    await runOnAll(members, 'pid');
    const enqueued = Promise.all(members.map((member) => member.run('enqueueDespiteDamage', directory, 20)));
    using queue = new Queue<number>(directory, { durability: 'process', timeout: 30_000 });
    await sleep(100);
    queue.check({ repair: true });
    const ids = (await enqueued).flat();
    expect(new Set(ids).size).toBe(40);
    expect(Math.min(...ids)).toBe(JOBS + 1);
    expect(Array.from({ length: JOBS }, (_, nth) => queue.get(nth + 1)?.payload)).toEqual(
      Array.from({ length: JOBS }, (_, payload) => payload),
    );
    expect(queue.counts().ready).toBe(JOBS + 40);
  });

  it('accepts one of many jobs enqueued at the same time with one key', async () => {
    const directory = freshDirectory();
    using queue = new Queue<number>(directory, { durability: 'process' });
    const members = startWorkers(kind, 3);
    await runOnAll(members, 'pid');
    const ids = await Promise.all(members.map((member, nth) => member.run('enqueueEach', directory, nth * 1000, 40)));
    expect(ids[1]).toEqual(ids[0]);
    expect(ids[2]).toEqual(ids[0]);
    expect(queue.counts().ready).toBe(40);
  });

  it('gives a stopped worker no job, and an ended worker’s job to the next one', async () => {
    const directory = freshDirectory();
    using queue = new Queue<number>(directory, { durability: 'process' });
    const [first, second] = startWorkers(kind, 2) as [PoolWorker, PoolWorker];
    queue.pause();
    queue.enqueue(1);
    // A process that has ended is noticed, whatever its lease; a thread is missed when its lease is over.
    const lease = kind === 'threads' ? 400 : 3_600_000;
    const begun = first.run('beginForever', directory, lease);
    await sleep(300);
    expect(queue.counts()).toMatchObject({ ready: 1, running: 0 });
    queue.resume();
    expect(await begun).toBe(1);
    const again = second.run('beginForever', directory, 3_600_000);
    await sleep(kind === 'threads' ? 1000 : 700);
    expect(queue.get(1)).toMatchObject({ state: 'running', attempts: 1 });
    await first.kill();
    expect(await again).toBe(2);
    expect(queue.get(1)?.error).toContain('Its worker was lost: process');
  });
});
