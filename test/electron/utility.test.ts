import { setTimeout } from 'node:timers/promises';
import fc from 'fast-check';
import { beforeEach, describe, expect, it, vi } from 'vitest';
import { Cache } from '../../main/engine/index.ts';
import { queuesIn } from '../../main/open-engine.ts';
import { DiskCacheError } from '../../protocol/error.ts';
import { cache, deque, fanout, index } from '../../protocol/stores.ts';
import type { RemoteIndex } from '../../renderer-api/client/remote.ts';
import { hostileMessage } from '../bridge/hostile-messages.ts';
import { freshDirectory } from '../engine/directory.ts';
import { failure } from '../suites/async-cache.ts';
import { stores as withFunctions } from './stores-with-functions.ts';
import { crash, started } from './utility-double.ts';
import { openUtilityHost } from './utility-host.ts';

vi.mock('electron', () => import('./utility-double.ts'));

const codeOf = (error: unknown): string => (error instanceof DiskCacheError ? error.code : String(error));
const said = (results: PromiseSettledResult<unknown>[]) =>
  results.map((it) => (it.status === 'fulfilled' ? it.value : codeOf(it.reason)));
/** A thread takes its time to start where others work. */
const PATIENCE = { timeout: 10_000 };
const MODULE = new URL('./stores-with-functions.ts', import.meta.url);

beforeEach(() => {
  started.length = 0;
});

describe('an engine in a utility process', () => {
  it('answers pages and the main process alike', async () => {
    await using host = await openUtilityHost();
    const page = host.open('main').page();
    await page.cache('api').set('k', { n: 1n, list: [new Date(0)] });
    expect(await host.api.get('k')).toEqual({ n: 1n, list: [new Date(0)] });
    await page.deque('outbox').push('a', 'b');
    expect(await page.deque('outbox').values()).toEqual(['a', 'b']);
    await page.set('of the default store', 1);
    expect(await page.keys()).toEqual(['of the default store']);
    await expect(page.cache('undeclared').get('k')).rejects.toMatchObject({ code: 'NO_SUCH_STORE' });
    expect(started.length).toBe(1);
    page.disconnect();
  });

  it('keeps what pages have near coherent with what the main process writes', async () => {
    await using host = await openUtilityHost();
    const page = host.open('main').page();
    page.keepNear('api');
    for (let n = 0; n < 20; n++) {
      await host.api.set('n', n);
      expect(await page.cache('api').get('n')).toBe(n);
    }
    page.disconnect();
  });

  it('carries streams to the main process and from it', async () => {
    await using host = await openUtilityHost();
    const bytes = Uint8Array.from({ length: 3_000_000 }, (_, n) => n % 251);
    await host.api.writeStream('film', new Blob([bytes]).stream());
    const stream = await host.api.openReadStream('film', { start: 1_000_000 });
    const read = new Uint8Array(await new Response(stream).arrayBuffer());
    expect(Buffer.compare(read, bytes.subarray(1_000_000))).toBe(0);
  });
});

describe('a utility process that dies', () => {
  it('leaves no call open: writes reject, reads are answered by the next, and what was promised is there', async () => {
    await using host = await openUtilityHost();
    const page = host.open('main').page();
    const api = page.cache('api');
    const heard: string[] = [];
    api.subscribe(({ kind }) => heard.push(kind));
    await Promise.all(Array.from({ length: 200 }, (_, n) => api.set(n, n)));
    const died = crash();
    const writes = Promise.allSettled(Array.from({ length: 500 }, (_, n) => api.set(`w${n}`, n)));
    await Promise.resolve();
    const reads = Promise.allSettled(Array.from({ length: 100 }, (_, n) => api.get(n)));
    const own = Promise.allSettled([host.api.get(7), host.api.set('own', 1)]);
    await died;
    const fates = said(await writes);
    expect(said(await reads)).toEqual(Array.from({ length: 100 }, (_, n) => n));
    expect(said(await own)[1]).toMatch(/^(DISCONNECTED|undefined)$/);
    expect([...new Set(fates)].filter((fate) => fate !== undefined)).toEqual(['DISCONNECTED']);
    const kept = await api.getMany(fates.map((_, n) => `w${n}`));
    for (const [n, fate] of fates.entries()) if (fate === undefined) expect(kept[n]).toBe(n);
    expect(await host.api.getMany([0, 199])).toEqual([0, 199]);
    await vi.waitFor(() => expect(heard).toContain('reset'), PATIENCE);
    heard.length = 0;
    await host.api.set('after', 1);
    await vi.waitFor(() => expect(heard).toEqual(['set']), PATIENCE);
    expect(started.length).toBe(2);
    page.disconnect();
  });

  it('leaves nothing old near', async () => {
    await using host = await openUtilityHost();
    const [page, other] = [host.open('one').page(), host.open('two').page()];
    page.keepNear('api');
    await host.api.set('n', 0);
    for (let n = 1; n <= 3; n++) {
      expect(await page.cache('api').get('n')).toBe(n - 1);
      await crash();
      await other.cache('api').set('n', n);
      expect(await page.cache('api').get('n')).toBe(n);
    }
    for (const each of [page, other]) each.disconnect();
  });

  it('is started again four times within a minute; then calls reject with CLOSED', { timeout: 30_000 }, async () => {
    await using host = await openUtilityHost();
    const window = host.open('main');
    const page = window.page();
    for (let times = 1; times <= 4; times++) {
      await crash();
      expect(await page.cache('api').get('k')).toBeUndefined();
      expect(started.length).toBe(times + 1);
    }
    await crash();
    const message = expect.stringContaining('code 15');
    await expect(page.cache('api').get('k')).rejects.toMatchObject({ code: 'CLOSED', message });
    await expect(host.api.get('k')).rejects.toMatchObject({ code: 'CLOSED', message });
    await expect(host.engine.ask({ call: 'windows.list' })).rejects.toMatchObject({ code: 'CLOSED' });
    await setTimeout(50);
    expect(started.length).toBe(5);
    page.disconnect();
  });

  it('is followed by one that has the queues open, too', async () => {
    await using host = await openUtilityHost();
    const page = host.open('main').page();
    await expect(page.queue('letters').enqueue('early')).rejects.toMatchObject({ code: 'NO_SUCH_STORE' });
    host.engine.openQueue('letters', { durability: 'process' });
    await page.queue('letters').enqueue('Dear Ada');
    await crash();
    expect(await page.queue('letters').counts()).toMatchObject({ ready: 1 });
    await page.queue('letters').enqueue('Dear Ada again');
    // In the main process, where it is worked on, it is the same.
    const letters = queuesIn(host.directory).find('letters');
    expect(letters.counts().ready).toBe(2);
    letters.close();
    page.disconnect();
  });

  it('is not missed by who connects while none runs', async () => {
    await using host = await openUtilityHost();
    await crash();
    await crash();
    // The next one comes in a quarter of a second.
    const page = host.open('main').page();
    expect(said(await Promise.allSettled([page.cache('api').set('k', 1), page.cache('api').get('k')]))).toEqual([
      undefined,
      1,
    ]);
    expect(await host.engine.ask({ call: 'windows.list' })).toEqual([]);
    page.disconnect();
  });

  it('leaves no thread, port or timer behind', { timeout: 30_000 }, async () => {
    const resources = () =>
      process.getActiveResourcesInfo().filter((it) => it === 'MessagePort' || it === 'Timeout' || it === 'Worker');
    await setTimeout(50);
    const before = resources().length;
    for (let round = 0; round < 3; round++) {
      await using host = await openUtilityHost();
      const pages = [host.open('one').page(), host.open('two').page()];
      for (let times = 0; times < 2; times++) {
        await Promise.all(pages.map((page) => page.window.incr('n')));
        await crash();
      }
      for (const page of pages) page.disconnect();
    }
    await vi.waitFor(() => expect(resources().length).toBeLessThanOrEqual(before + 1), PATIENCE);
  });
});

describe('what windows keep in a utility process', () => {
  it('is each window’s own, listed and cleared from the main process', async () => {
    await using host = await openUtilityHost();
    const [one, two] = [host.open('one'), host.open('two')];
    const [first, second] = [one.page(), two.page()];
    await first.window.set('scroll', 120);
    expect(await second.window.get('scroll')).toBeUndefined();
    expect(await host.engine.ask({ call: 'windows.list' })).toMatchObject([
      { name: 'one', keep: 'forever', isOpen: true },
      { name: 'two', keep: 'forever', isOpen: true },
    ]);
    await host.engine.ask({ call: 'windows.clear', name: 'one' });
    expect(await first.window.get('scroll')).toBeUndefined();
    for (const page of [first, second]) page.disconnect();
  });

  it('outlives a crash while the window is open, and goes with it', async () => {
    await using host = await openUtilityHost();
    const [panel, other] = [host.open('panel', 'while-open'), host.open('other', 'while-open')];
    const pages = [panel.page(), other.page()] as const;
    await Promise.all(pages.map((page) => page.window.set('tab', 2)));
    await crash();
    other.release();
    expect(await pages[0].window.get('tab')).toBe(2);
    expect(await host.engine.ask({ call: 'windows.list' })).toMatchObject([{ name: 'panel' }]);
    panel.release();
    expect(await host.engine.ask({ call: 'windows.list' })).toEqual([]);
    for (const page of pages) page.disconnect();
  });

  it('is refused for another keep before anything is sent', async () => {
    await using host = await openUtilityHost();
    expect(() => host.open('main', 'sometimes' as never)).toThrow(failure('BAD_OPTION') as never);
  });
});

describe('opening and closing a utility process', () => {
  it('rejects with what opening a store throws, and leaves no process', async () => {
    const directory = freshDirectory();
    const holder = new Cache(`${directory}/api`, { exclusive: true });
    await expect(openUtilityHost({ directory, stores: { api: cache({ timeout: 50 }) } })).rejects.toMatchObject({
      code: 'BUSY',
    });
    holder.close();
    await using host = await openUtilityHost({ directory });
    expect(await host.api.get('k')).toBeUndefined();
    expect(started.length).toBe(2);
  });

  it('settles what is under way when it is closed, and keeps what was promised', async () => {
    const host = await openUtilityHost();
    const page = host.open('main').page();
    const api = page.cache('api');
    await api.set('connected', 1);
    const writes = Promise.allSettled(Array.from({ length: 300 }, (_, n) => api.set(n, n)));
    const own = Promise.allSettled([host.api.set('own', 1)]);
    await Promise.resolve();
    host.own.close();
    await host.engine.close();
    const fates = said(await writes);
    expect(fates.every((fate) => fate === undefined || fate === 'CLOSED' || fate === 'DISCONNECTED')).toBe(true);
    expect(said(await own)).toEqual(['DISCONNECTED']);
    await expect(api.get('k')).rejects.toMatchObject({ code: 'CLOSED' });
    using again = new Cache(`${host.directory}/api`, { exclusive: true });
    for (const [n, fate] of fates.entries()) if (fate === undefined) expect(again.get(n)).toBe(n);
    page.disconnect();
  });

  it('can be closed twice at the same time, and before a process has come back', async () => {
    const host = await openUtilityHost();
    await Promise.all([host.engine.close(), host.engine.close()]);
    const another = await openUtilityHost();
    const page = another.open('main').page();
    await crash();
    const read = page.cache('api').get('k');
    await another.engine.close();
    await expect(read).rejects.toMatchObject({ code: 'CLOSED' });
    expect(started.length).toBe(2);
  });

  it('refuses a grant that can’t be sent there, and goes on', async () => {
    await using host = await openUtilityHost();
    expect(() => host.rawPort({ stores: { api: (() => 'read') as never } })).toThrow(failure('BAD_OPTION') as never);
    await crash();
    expect(await host.api.get('k')).toBeUndefined();
  });

  it('stands what a hostile page posts', async () => {
    await using host = await openUtilityHost();
    const port = host.rawPort({ stores: { api: 'write', settings: 'write', outbox: 'write' } });
    port.start();
    const inner = host.rawPort();
    const orders = [{ order: 'close' }, { order: 'open' }, { report: 'opened' }, { report: 'failed' }];
    for (const message of [...orders, ...fc.sample(hostileMessage, { numRuns: 5000, seed: 1 })]) {
      try {
        port.postMessage(message);
      } catch (error) {
        // What can't be cloned doesn't leave the page.
        expect(String(error)).toContain('could not be cloned');
      }
    }
    port.postMessage('with a port', [inner]);
    await host.api.set('k', 1);
    expect(await host.api.get('k')).toBe(1);
    expect(started.length).toBe(1);
    port.close();
  });
});

describe('declarations for a utility process', () => {
  it('are imported there from storesModule, with their functions', async () => {
    const directory = freshDirectory();
    {
      await using older = await openUtilityHost({ directory, stores: { counts: index(), api: cache() } });
      await (older.own.stores['counts'] as unknown as RemoteIndex<string, unknown>).set('a', 1);
    }
    await using host = await openUtilityHost({ directory, stores: withFunctions, storesModule: MODULE });
    const counts = host.own.stores['counts'] as unknown as RemoteIndex<string, unknown>;
    expect(await counts.get('migrated from')).toBe(1);
    await expect(counts.set('a', 'text')).rejects.toMatchObject({ code: 'BAD_VALUE' });
    await crash();
    await expect(counts.set('a', 'text')).rejects.toMatchObject({ code: expect.stringMatching(/BAD_VALUE|DISC/) });
    expect(await counts.get('a')).toBe(1);
  });

  it('with a function and no module are refused, by store and option', async () => {
    await expect(openUtilityHost({ stores: withFunctions })).rejects.toMatchObject({
      code: 'BAD_OPTION',
      message: expect.stringMatching(/"counts".*migrate is a function.*storesModule/),
    });
    await expect(openUtilityHost({ stores: { api: cache({ clock: () => 0 }) } })).rejects.toMatchObject({
      code: 'BAD_OPTION',
      message: expect.stringContaining('clock is a function'),
    });
    expect(started.length).toBe(0);
  });

  it.each<[string, Parameters<typeof openUtilityHost>[0], RegExp]>([
    [
      'another kind',
      { stores: { counts: deque(), api: cache() }, storesModule: MODULE },
      /"counts" as index.*as deque/,
    ],
    ['a store too few', { stores: { api: cache() }, storesModule: MODULE }, /"counts" as index.*no "counts"/],
    [
      'a store too many',
      { stores: { ...withFunctions, more: fanout() }, storesModule: MODULE },
      /no "more".*as fanout/,
    ],
    ['no module', { storesModule: new URL('./nothing-here.ts', import.meta.url) }, /can't be imported/],
    ['a module without stores', { storesModule: new URL('./double.ts', import.meta.url) }, /exports no stores/],
    ['a relative path', { storesModule: './stores.js' }, /absolute path/],
  ])('of a module with %s are refused', async (_, options, message) => {
    await expect(openUtilityHost(options)).rejects.toMatchObject({
      code: 'BAD_OPTION',
      message: expect.stringMatching(message),
    });
  });
});
