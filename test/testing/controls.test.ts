import { existsSync } from 'node:fs';
import { describe, expect, it, vi } from 'vitest';
import { Cache, Deque, FanoutCache, Index, Settings, temporaryDirectory } from '../../main/engine/index.ts';
import { testHost } from '../../main/testing/index.ts';
import { cache, defineStores, deque, index, settings } from '../../protocol/stores.ts';

const stores = defineStores({
  api: cache<string, number>(),
  notes: index<string, string>(),
  outbox: deque<string>(),
  settings: settings({ defaults: { theme: 'light' } }),
});

describe('the clock of a test host', () => {
  it('expires items when it is advanced, and calls subscribers', async () => {
    using t = await testHost({ stores });
    const changes = vi.fn();
    t.host.stores.api.set('k', 1, { ttl: 60_000 });
    t.host.stores.api.subscribe(changes);
    t.clock.advance(59_000);
    expect(t.host.stores.api.get('k')).toBe(1);
    t.clock.advance(1_001);
    expect(t.host.stores.api.get('k')).toBeUndefined();
    await vi.waitFor(() => expect(changes).toHaveBeenCalledWith({ kind: 'expire', key: 'k' }));
  });

  it('is the one of the windows too, and of queues: a delayed job begins', async () => {
    using t = await testHost({ stores });
    await t.page({ window: 'main' }).window.set('scroll', 1, { ttl: 1000 });
    const queue = t.host.queue<string>('letters');
    const handler = vi.fn();
    queue.enqueue('dear', { delay: 3_600_000 });
    queue.process(handler);
    t.clock.advance(3_600_001);
    await vi.waitFor(() => expect(handler).toHaveBeenCalledOnce());
    expect(await t.page({ window: 'main' }).window.get('scroll')).toBeUndefined();
  });

  it('brings the next attempt of a job that has failed', async () => {
    using t = await testHost({ stores });
    const queue = t.host.queue<string>('letters');
    const handler = vi.fn().mockRejectedValueOnce(new Error('The server is away')).mockResolvedValue(undefined);
    queue.enqueue('dear');
    queue.process(handler, { retry: { backoff: { initial: 3_600_000 } } });
    await vi.waitFor(() => expect(queue.counts().delayed).toBe(1));
    expect(handler).toHaveBeenCalledOnce();
    // The delay is chosen at random, up to twice the initial one.
    t.clock.advance(2 * 3_600_000);
    await vi.waitFor(() => expect(handler).toHaveBeenCalledTimes(2));
  });

  it('follows a fake Date', async () => {
    using t = await testHost({ stores });
    t.host.stores.api.set('k', 1, { ttl: 60_000 });
    vi.useFakeTimers({ toFake: ['Date'], now: Date.now() + 60_001 });
    try {
      expect(t.host.stores.api.get('k')).toBeUndefined();
    } finally {
      vi.useRealTimers();
    }
  });

  it('makes stored responses stale', async () => {
    const fetch = vi.fn(async () => new Response('hello', { headers: { 'cache-control': 'max-age=60' } }));
    using t = await testHost({ stores, offline: { fetch } });
    const get = async () => (await t.page().fetch('https://api.example.com/')).text();
    await get();
    await get();
    expect(fetch).toHaveBeenCalledTimes(1);
    t.clock.advance(61_000);
    await get();
    expect(fetch).toHaveBeenCalledTimes(2);
  });

  it('leaves a store its own clock', async () => {
    using t = await testHost({ stores: defineStores({ api: cache<string, number>({ clock: () => 1000 }) }) });
    t.host.stores.api.set('k', 1, { ttl: 10 });
    t.clock.advance(60_000);
    expect(t.host.stores.api.get('k')).toBe(1);
  });

  it.each([[-1], ['1'], [Number.NaN]])('refuses to be advanced by %j', async (ms) => {
    using t = await testHost({ stores });
    expect(() => t.clock.advance(ms as never)).toThrow(expect.objectContaining({ code: 'BAD_OPTION' }));
  });
});

describe('the network of a test host', () => {
  it('can be taken away and brought back', async () => {
    const fetch = vi.fn(async () => new Response('hello', { headers: { 'cache-control': 'no-store' } }));
    using t = await testHost({ stores, offline: { fetch } });
    t.network.offline(true);
    await expect(t.page().fetch('https://api.example.com/')).rejects.toThrow(TypeError);
    expect(fetch).not.toHaveBeenCalled();
    t.network.offline(false);
    expect(await (await t.page().fetch('https://api.example.com/')).text()).toBe('hello');
  });

  it.each([['no'], [0], [null]])('is neither taken away nor brought back by %j', async (isOffline) => {
    using t = await testHost({ stores });
    const { connection } = t.page();
    expect(() => t.network.offline(isOffline as never)).toThrow(
      expect.objectContaining({ code: 'BAD_OPTION', message: expect.stringMatching(/isOffline is .*true or false/) }),
    );
    expect(await connection.online.catch(() => 'unknown')).not.toBe(false);
  });
});

describe('failures on demand', () => {
  it('hit the next write, in main or from a page, and only that one', async () => {
    using t = await testHost({ stores });
    const page = t.page().as<typeof stores>();
    t.fail('DISK_FULL', { times: 2 });
    expect(await page.api.get('k')).toBeUndefined();
    expect(() => t.host.stores.api.set('k', 1)).toThrow(expect.objectContaining({ code: 'DISK_FULL' }));
    await expect(page.outbox.push('a')).rejects.toMatchObject({ code: 'DISK_FULL' });
    await page.outbox.push('a');
    expect(await page.outbox.length).toBe(1);
  });

  it('can be limited to a store and a method, and ended', async () => {
    using t = await testHost({ stores });
    const stop = t.fail('CORRUPT', { store: 'notes', method: 'get', times: Number.POSITIVE_INFINITY });
    expect(t.host.stores.api.get('k')).toBeUndefined();
    expect(t.host.stores.notes.has('k')).toBe(false);
    for (let time = 0; time < 3; time++)
      expect(() => t.host.stores.notes.get('k')).toThrow(
        /get of store "notes" failed because the test asked for CORRUPT/,
      );
    stop();
    expect(t.host.stores.notes.get('k')).toBeUndefined();
  });

  it('meet settings, in main and from a page, and leave them as they were', async () => {
    using t = await testHost({ stores });
    const page = t.page().as<typeof stores>();
    await page.settings.load();
    t.fail('DISK_FULL', { store: 'settings', times: 2 });
    expect(() => t.host.stores.settings.set('theme', 'dark')).toThrow(expect.objectContaining({ code: 'DISK_FULL' }));
    await expect(page.settings.set('theme', 'dark')).rejects.toMatchObject({ code: 'DISK_FULL' });
    expect([page.settings.now.theme, t.host.stores.settings.get('theme')]).toEqual(['light', 'light']);
    await page.settings.set('theme', 'dark');
    expect(page.settings.now.theme).toBe('dark');
  });

  it('undo a transaction as a true one does', async () => {
    using t = await testHost({ stores });
    const { notes } = t.host.stores;
    t.fail('DISK_FULL', { store: 'notes', method: 'delete' });
    expect(() =>
      notes.transact(() => {
        notes.set('a', '1');
        notes.delete('a');
      }),
    ).toThrow(expect.objectContaining({ code: 'DISK_FULL' }));
    expect(notes.size).toBe(0);
  });

  it.each([
    ['BORED', {}],
    ['BUSY', { store: 'nowhere' }],
    ['BUSY', { method: 'fly' }],
    ['BUSY', { times: 0 }],
    ['BUSY', { times: 1.5 }],
    ['BUSY', { time: 1 }],
    ['BUSY', null],
  ])('refuse what can not happen: %s %j', async (code, options) => {
    using t = await testHost({ stores });
    expect(() => t.fail(code as never, options as never)).toThrow(expect.objectContaining({ code: 'BAD_OPTION' }));
  });
});

describe('a temporary directory', () => {
  it('holds a store and is deleted when it is disposed', () => {
    let path: string;
    {
      using directory = temporaryDirectory();
      path = directory.path;
      using store = new Cache(path);
      store.set('k', 1);
      expect(store.get('k')).toBe(1);
    }
    expect(existsSync(path)).toBe(false);
  });

  it.each([
    ['Cache', () => new Cache(':memory:')],
    ['FanoutCache', () => new FanoutCache(':memory:')],
    ['Index', () => new Index(':memory:')],
    ['Deque', () => new Deque(':memory:')],
    ['Settings', () => new Settings(':memory:', { defaults: {} })],
  ])('is what a %s in memory is told to use', (_, open) => {
    expect(open).toThrow(/temporaryDirectory\(\)/);
    expect(existsSync(':memory:')).toBe(false);
  });
});
