import { describe, expect, it } from 'vitest';
import { testHost } from '../../main/testing/index.ts';
import { cache, defineStores, deque } from '../../protocol/stores.ts';
import { observeConnection, observeDeque, observeJobs } from '../../renderer-api/bindings/index.ts';
import { errorMatching } from '../matchers.ts';
import { openView } from './observe.ts';

const stores = defineStores({ api: cache(), outbox: deque<string>() });

describe('the observer of a deque', () => {
  it('has its values in order, after any change', async () => {
    using t = await testHost({ stores });
    const view = openView(observeDeque(t.page().as<typeof stores>().outbox));
    expect(view.now).toEqual({ value: [], error: undefined, isLoading: true });
    t.host.stores.outbox.push('a', 'b');
    await view.shows(['a', 'b']);
    await t.page().as<typeof stores>().outbox.unshift('first');
    await view.shows(['first', 'a', 'b']);
    t.host.stores.outbox.rotate();
    await view.shows(['b', 'first', 'a']);
    t.host.stores.outbox.clear();
    await view.shows([]);
  });

  it('has the error of a page without a grant', async () => {
    using t = await testHost({ stores });
    const observer = observeDeque(t.page({ stores: { api: 'read' } }).deque('outbox'));
    await observer.getSettled();
    expect(observer.getSnapshot().error).toEqual(errorMatching('NOT_ALLOWED', /outbox/));
  });
});

describe('the observer of jobs', () => {
  it('has the jobs with their states, and how many there are', async () => {
    using t = await testHost({ stores });
    const queue = t.host.queue<string>('letters');
    const page = t.page().queue<string>('letters');
    const view = openView(observeJobs(page));
    await expect.poll(() => view.now.isLoading).toBe(false);
    await page.enqueue('one');
    await page.enqueue('later', { delay: 60_000 });
    await expect
      .poll(() => view.value.jobs.map(({ payload, state }) => [payload, state]))
      .toEqual([
        ['one', 'ready'],
        ['later', 'delayed'],
      ]);
    expect(view.value.counts).toMatchObject({ ready: 1, delayed: 1, done: 0 });
    void queue.process(async ({ report }) => report({ percent: 50 }));
    await expect.poll(() => view.value.counts.done).toBe(1);
    expect(view.value.jobs.map(({ payload }) => payload)).toEqual(['later']);
    await page.pause();
    await expect.poll(() => view.value.isPaused).toBe(true);
  });

  it('reads only the states and as many jobs as asked', async () => {
    using t = await testHost({ stores });
    t.host.queue('letters');
    const page = t.page().queue('letters');
    await page.enqueueMany(Array.from({ length: 30 }, (_, n) => ({ payload: n, delay: n % 2 === 0 ? 0 : 60_000 })));
    const some = openView(observeJobs(page, { limit: 20 }));
    await expect.poll(() => some.value.jobs.length).toBe(20);
    expect(some.value.counts).toMatchObject({ ready: 15, delayed: 15 });
    const delayed = openView(observeJobs(page, { states: ['delayed'] }));
    await expect.poll(() => delayed.value.jobs.length).toBe(15);
    const none = openView(observeJobs(page, { limit: 0 }));
    await expect.poll(() => none.value.counts.ready).toBe(15);
    expect(none.value.jobs).toEqual([]);
  });
});

describe('the observer of the connection', () => {
  it('is what the main process says', async () => {
    const fetch = async () => new Response('');
    using t = await testHost({ stores, offline: { fetch } });
    const view = openView(observeConnection(t.page()));
    await expect.poll(() => view.now.isLoading).toBe(false);
    expect(view.value).toBe(true);
    t.network.offline();
    await view.shows(false);
    t.network.offline(false);
    await view.shows(true);
  });

  it('is what the browser says, with the reason, where the page may not know', async () => {
    using t = await testHost({ stores });
    const observer = observeConnection(t.page({ stores: { api: 'read' } }));
    await observer.getSettled();
    expect(observer.getSnapshot()).toEqual({ value: true, error: errorMatching('NOT_ALLOWED', /./), isLoading: false });
  });
});
