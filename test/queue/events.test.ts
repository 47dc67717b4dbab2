import { describe, expect, it } from 'vitest';
import type { QueueEvent } from '../../main/queue/index.ts';
import { createGate, openQueueFixture, waitUntil } from './queue-fixture.ts';

const NO_BACKOFF = { backoff: { initial: 0 } } as const;

describe('events', () => {
  it('report everything, in order', async () => {
    const { queue, work, done } = openQueueFixture<string>();
    const events: QueueEvent[] = [];
    const stop = queue.subscribe((event) => events.push(event));
    queue.enqueue('x');
    expect(events).toEqual([{ kind: 'enqueued', id: 1 }]);
    const told = (): QueueEvent[] => events.splice(0);
    told();
    const stopWork = work(
      ({ report, attempt }) => {
        report(attempt);
        if (attempt === 1) throw new Error('once more');
      },
      { retry: NO_BACKOFF },
    );
    await done(1);
    expect(told().map(({ kind }) => kind)).toEqual(['started', 'progress', 'failed', 'started', 'progress', 'done']);
    await stopWork();
    queue.enqueue('y', { delay: 5, group: 'g' });
    queue.enqueue('z', { group: 'g' });
    queue.remove(3);
    queue.pause();
    queue.resume();
    expect(told()).toEqual([
      { kind: 'enqueued', id: 2 },
      { kind: 'enqueued', id: 3 },
      { kind: 'removed', id: 3 },
      { kind: 'paused' },
      { kind: 'resumed' },
    ]);
    stop();
    queue.remove(2);
    expect(events).toEqual([]);
  });

  it('may stop the worker or close the queue from the listener', async () => {
    for (const closes of [false, true]) {
      const { queue, directory } = openQueueFixture<string>();
      queue.enqueueMany([{ payload: 'x' }, { payload: 'y' }]);
      const stopping = new AbortController();
      queue.subscribe(({ kind }) => {
        if (kind !== 'started') return;
        if (closes) queue.close();
        else stopping.abort();
      });
      const begun: string[] = [];
      await queue.process(({ payload }) => begun.push(payload), { concurrency: 2, signal: stopping.signal });
      expect(begun).toEqual([]);
      queue.close();
      const again = openQueueFixture<string>({ directory });
      again.work(({ payload }) => begun.push(payload));
      await again.done(2);
      expect(begun).toEqual(['x', 'y']);
    }
  });

  it('report dead, retried and returned jobs, and soon those of another queue object', async () => {
    const one = openQueueFixture<string>();
    const other = openQueueFixture<string>({ directory: one.directory });
    const kinds: string[] = [];
    other.queue.subscribe(({ kind }) => kinds.push(kind));
    const doomed = one.work(() => Promise.reject(new Error('no')), { retry: { attempts: 1 } });
    one.queue.enqueue('x');
    await waitUntil(() => kinds.length === 4);
    await doomed();
    one.queue.retry(1);
    const begun = createGate();
    one.work(() => {
      begun.open();
      return new Promise(() => {});
    });
    await begun.passed;
    one.queue.close();
    await waitUntil(() => kinds.length === 7);
    expect(kinds).toEqual(['enqueued', 'started', 'failed', 'dead', 'enqueued', 'started', 'returned']);
  });
});
