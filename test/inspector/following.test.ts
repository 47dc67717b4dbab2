import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { Cache, Deque, Settings } from '../../main/engine/index.ts';
import type { Inspection } from '../../main/inspector/inspection.ts';
import { createHttpCache } from '../../main/offline/index.ts';
import { Queue } from '../../main/queue/index.ts';
import { freshDirectory } from '../engine/fresh-directory.ts';
import { inspect } from './inspect.ts';

let cache: Cache;
let inspection: Inspection;
beforeEach(() => {
  cache = new Cache(freshDirectory(), { statistics: true });
  inspection = inspect({ cache }, { write: true });
});
afterEach(() => {
  inspection.close();
  cache.close();
});

describe('changes', () => {
  it('has those since the last call, of every kind of store, in their order', async () => {
    using deque = new Deque(freshDirectory());
    using settings = new Settings<object>(freshDirectory(), { defaults: { theme: 'dark' } });
    using queue = new Queue(freshDirectory());
    const all = inspect({ cache, deque, settings, queue });
    const { next } = await all.call('changes', { since: 0 });
    cache.set('k', 1);
    cache.delete('k');
    deque.push(1);
    settings.set(['theme'], 'light');
    const { id } = queue.enqueue('a letter');
    const { changes, next: later, missed } = await all.call('changes', { since: next });
    expect(changes.map(({ store, kind, key }) => [store, kind, key])).toEqual([
      ['cache', 'set', 'k'],
      ['cache', 'delete', 'k'],
      ['deque', expect.any(String), undefined],
      ['settings', 'set', ['theme']],
      ['queue', 'enqueued', id],
    ]);
    expect(missed).toBe(0);
    expect((await all.call('changes', { since: later })).changes).toEqual([]);
    all.close();
  });

  it('keeps a bounded number, and tells how many were missed', async () => {
    const { next } = await inspection.call('changes', { since: 0 });
    for (let i = 0; i < 5000; i++) cache.set('k', i);
    const { changes, missed } = await inspection.call('changes', { since: next });
    expect(changes.length).toBeLessThanOrEqual(2000);
    expect(changes.length + missed).toBe(5000);
  });

  it('tells which stores can’t be followed: listening writes', async () => {
    const { directory } = cache;
    cache.close();
    cache = new Cache(directory, { readOnly: true });
    expect(await inspect({ cache }).call('changes', { since: 0 })).toMatchObject({
      unfollowed: [{ store: 'cache', error: { code: 'READ_ONLY' } }],
    });
  });
});

describe('metrics', () => {
  it('begin with a sample of each store', async () => {
    cache.set('k', 1);
    cache.get('k');
    const { samples } = await inspection.call('metrics', { since: 0 });
    expect(samples).toMatchObject([{ sequence: 0, evictions: 0, stores: { cache: { hits: 1, misses: 0 } } }]);
    expect((await inspection.call('metrics', { since: 1 })).samples).toEqual([]);
  });
});

describe('responses', () => {
  const URL_A = 'https://api.example/a';

  async function store(headers: Readonly<Record<string, string>>, partition = ''): Promise<void> {
    const fetch = () => Promise.resolve(new Response('the body', { headers }));
    await (await createHttpCache({ cache, partition, fetch }).fetch(URL_A)).text();
  }

  it('tell status, age, and why they are fresh', async () => {
    await store({ 'cache-control': 'max-age=60', date: new Date().toUTCString(), vary: 'Accept' });
    const { responses } = await inspection.call('responses', { store: 'cache' });
    expect(responses).toMatchObject([
      {
        url: URL_A,
        partition: '',
        status: 200,
        lifetime: 60,
        reuse: 'fresh',
        reason: 'Cache-Control: max-age=60',
        vary: ['Accept'],
        hasBody: true,
      },
    ]);
    expect((await inspection.call('overview', {})).stores[0]?.hasResponses).toBe(true);
  });

  it('are forgotten with their bodies, in one partition', async () => {
    await store({ 'cache-control': 'max-age=60' }, 'one');
    await store({ 'cache-control': 'no-cache' }, 'two');
    const params = { store: 'cache', partition: 'one', url: URL_A };
    expect(await inspection.call('forget', params)).toEqual({ isDone: true });
    expect(await inspection.call('forget', params)).toEqual({ isDone: false });
    const { responses } = await inspection.call('responses', { store: 'cache' });
    expect(responses).toMatchObject([{ partition: 'two', reuse: 'after-validation' }]);
    expect([...cache.keys({ order: 'key', prefix: ['http-body', 'one'] })]).toEqual([]);
  });

  it('leaves out what is stored at such keys and isn’t a response', async () => {
    cache.set(['http', '', URL_A], 'not a response');
    cache.set(['http', 'x'], 1);
    cache.set(['http', '', 'not a URL'], [{ status: 'x' }]);
    expect(await inspection.call('responses', { store: 'cache' })).toEqual({ responses: [] });
  });
});
