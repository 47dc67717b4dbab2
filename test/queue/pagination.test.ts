import { describe, expect, it } from 'vitest';
import type { JobState } from '../../protocol/job.ts';
import { errorMatching } from '../matchers.ts';
import { openQueueFixture } from './queue-fixture.ts';

/** Reads page by page; `between` may change the queue. */
function walkPages(
  queue: ReturnType<typeof openQueueFixture<unknown>>['queue'],
  state: JobState,
  between = () => {},
): number[] {
  const ids: number[] = [];
  for (let page = queue.page(state); ; page = queue.page(state, page.next)) {
    ids.push(...page.items.map(({ id }) => id));
    if (page.next === undefined) return ids;
    between();
  }
}

describe('a queue, page by page', () => {
  it('returns the jobs of every state in the order of jobs()', () => {
    const { queue } = openQueueFixture();
    queue.enqueueMany(Array.from({ length: 1300 }, (_, n) => ({ payload: n, priority: n % 3 })));
    queue.enqueueMany(Array.from({ length: 600 }, (_, n) => ({ payload: n, group: n % 2, delay: (n % 5) * 1000 })));
    for (const state of ['ready', 'delayed', 'held', 'running', 'dead'] as const) {
      expect(walkPages(queue, state)).toEqual(Array.from(queue.jobs(state), ({ id }) => id));
    }
    expect(queue.page('ready').items).toHaveLength(128);
    expect(walkPages(queue, 'ready')).toHaveLength(1301);
    expect(walkPages(queue, 'held')).toHaveLength(598);
  });

  it('ends a page at half a megabyte', () => {
    const { queue } = openQueueFixture();
    queue.enqueueMany(Array.from({ length: 8 }, () => ({ payload: 'x'.repeat(200_000) })));
    expect(queue.page('ready').items).toHaveLength(3);
    expect(walkPages(queue, 'ready')).toEqual([1, 2, 3, 4, 5, 6, 7, 8]);
  });

  it('continues while jobs change: removed jobs are left out, others are returned once', () => {
    const { queue } = openQueueFixture();
    queue.enqueueMany(Array.from({ length: 300 }, (_, n) => ({ payload: n })));
    const met = walkPages(queue, 'ready', () => {
      // Without the change, the second page would start with 129.
      for (let id = 120; id <= 140; id++) queue.remove(id);
      queue.enqueue('urgent', { priority: 9 });
    });
    expect(met.slice(0, 128)).toEqual(Array.from({ length: 128 }, (_, n) => n + 1));
    expect(met.slice(128)).toEqual(Array.from({ length: 160 }, (_, n) => n + 141));
  });

  it.each([
    ['a state', 'done', undefined, 'BAD_OPTION'],
    ['a state', '__proto__', undefined, 'BAD_OPTION'],
    ['a cursor', 'ready', { at: 1 }, 'BAD_OPTION'],
    ['a cursor', 'ready', [() => 1], 'BAD_KEY'],
  ] as const)('refuses what is not %s: %s', (_, state, after, code) => {
    const { queue } = openQueueFixture();
    expect(() => queue.page(state as JobState, after)).toThrow(errorMatching(code));
  });

  it('never returns jobs of another state, whatever the cursor', () => {
    const { queue } = openQueueFixture();
    queue.enqueueMany([{ payload: 'a' }, { payload: 'b', delay: 9 }, { payload: 'c', dedupeKey: 'k' }]);
    for (const after of [[], [''], [null], [-1e9, 0], ['\u{10ffff}']]) {
      for (const { state } of queue.page('ready', after).items) expect(state).toBe('ready');
    }
    expect(queue.page('ready', []).items.map(({ id }) => id)).toEqual([1, 3]);
  });
});

describe('calls in one transaction', () => {
  it('take effect together or not at all', () => {
    const { queue } = openQueueFixture();
    const undone = () =>
      queue.transact(() => {
        queue.enqueue('a', { group: 'g', dedupeKey: 'k' });
        queue.pause();
        throw new Error('no');
      });
    expect(undone).toThrow('no');
    expect([queue.counts().ready, queue.paused]).toEqual([0, false]);
    expect(queue.transact(() => [queue.enqueue('a').id, queue.enqueue('b').id])).toEqual([1, 2]);
  });

  it('share the counters, and see them change', () => {
    const { queue } = openQueueFixture();
    queue.transact(() => {
      queue.enqueue('a');
      queue.transact(() => queue.enqueueMany([{ payload: 'b' }, { payload: 'c', delay: 9 }]));
      expect(queue.counts()).toMatchObject({ ready: 2, delayed: 1 });
      queue.remove(1);
      expect(queue.counts()).toMatchObject({ ready: 1, delayed: 1 });
    });
    expect(queue.counts()).toMatchObject({ ready: 1, delayed: 1 });
    expect(queue.enqueue('d').id).toBe(4);
    const counts = queue.counts();
    queue.check({ repair: true });
    expect(queue.counts()).toEqual(counts);
  });

  it('are rolled back alone when their error is caught', () => {
    const { queue } = openQueueFixture();
    queue.transact(() => {
      queue.enqueue('a', { group: 'g' });
      const refused = () => queue.enqueue((() => 1) as never, { group: 'g', dedupeKey: 'k' });
      expect(refused).toThrow(errorMatching('BAD_VALUE'));
      queue.enqueue('b', { group: 'g', dedupeKey: 'k' });
    });
    expect(queue.counts()).toMatchObject({ ready: 1, held: 1 });
    expect(queue.enqueue('c').id).toBe(3);
    expect(queue.check()).toEqual([]);
  });

  it('wake workers after the commit', async () => {
    const { queue, work, done } = openQueueFixture<string>();
    const seen: string[] = [];
    work(({ payload }) => void seen.push(payload));
    queue.transact(() => {
      queue.enqueue('a');
      queue.enqueue('b');
    });
    await done(2);
    expect(seen).toEqual(['a', 'b']);
  });
});
