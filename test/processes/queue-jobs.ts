import { setTimeout as sleep } from 'node:timers/promises';
import { Queue } from '../../main/queue/index.ts';

/* What a member of a crew can be told to do with a durable queue. */

export const QUEUE_JOBS = {
  /** Works on a queue until all workers together have done this many jobs; returns the jobs run here, in order. */
  async workOff(directory: string, total: number, concurrency: number): Promise<number[]> {
    const queue = new Queue<number>(directory, { durability: 'process', timeout: 30_000 });
    const stopping = new AbortController();
    const seen: number[] = [];
    const working = queue.process(
      async ({ payload }) => {
        seen.push(payload);
        await sleep(Math.random() * 3);
      },
      { concurrency, signal: stopping.signal },
    );
    while (queue.counts().done < total) await sleep(5);
    stopping.abort();
    await working;
    queue.close();
    return seen;
  },

  /** Begins a job, says how often it was begun, and never comes to its end. */
  beginForever(directory: string, lease: number): Promise<number> {
    const queue = new Queue<number>(directory, { durability: 'process', lease });
    return new Promise((resolve) => {
      void queue.process(({ attempt }) => {
        resolve(attempt);
        return new Promise(() => {});
      });
    });
  },

  /** Enqueues this many jobs while the counts are damaged and repaired; returns the ids. */
  async enqueueDespiteDamage(directory: string, count: number): Promise<number[]> {
    const queue = new Queue<number>(directory, { durability: 'process', timeout: 30_000 });
    const ids: number[] = [];
    while (ids.length < count) {
      try {
        ids.push(queue.enqueue(-1).id);
      } catch (error) {
        if ((error as { code?: string }).code !== 'CORRUPT') throw error;
      }
      await sleep(1);
    }
    queue.close();
    return ids;
  },

  enqueueEach(directory: string, from: number, count: number): number[] {
    const queue = new Queue<number>(directory, { durability: 'process', timeout: 30_000 });
    const ids = Array.from({ length: count }, (_, nth) => queue.enqueue(from + nth, { dedupeKey: nth }).id);
    queue.close();
    return ids;
  },
};
