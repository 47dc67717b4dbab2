import { once } from 'node:events';
import { existsSync, mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { MessagePort } from 'node:worker_threads';
import { describe, expect, it } from 'vitest';
import { type Grant, testHost } from '../../main/testing/index.ts';
import { cache, defineStores, deque, index } from '../../protocol/stores.ts';

const stores = defineStores({
  api: cache<string, { n: number }>(),
  settings: index<string, string>(),
  outbox: deque(),
});

describe('a test host', () => {
  it('has the stores in main, synchronously, and in pages, as promises', async () => {
    using t = await testHost({ stores });
    t.host.stores.api.set('k', { n: 1 });
    const page = t.page().as<typeof stores>();
    expect(await page.api.get('k')).toEqual({ n: 1 });
    await page.settings.set('theme', 'dark');
    expect(t.host.stores.settings.get('theme')).toBe('dark');
    expect(t.host.sessions).toBe(1);
  });

  it('holds a page to its grant, given alone or among options', async () => {
    using t = await testHost({ stores });
    const grant: Grant = { stores: { api: 'read' }, bytes: 100 };
    for (const page of [t.page(grant), t.page({ grant })]) {
      expect(await page.cache('api').get('k')).toBeUndefined();
      await expect(page.cache('api').set('k', 1)).rejects.toMatchObject({ code: 'NOT_ALLOWED' });
      await expect(page.index('settings').get('k')).rejects.toMatchObject({ code: 'NOT_ALLOWED' });
    }
  });

  it('refuses what is not a grant where it is written', async () => {
    using t = await testHost({ stores });
    expect(() => t.page({ stores: { api: 'all' as never } })).toThrow(expect.objectContaining({ code: 'BAD_OPTION' }));
    expect(() => t.port({ grant: null as never })).toThrow(expect.objectContaining({ code: 'BAD_OPTION' }));
  });

  it('refuses an option that it does not have', async () => {
    await expect(testHost({ stores, directroy: '/nowhere' } as never)).rejects.toMatchObject({ code: 'BAD_OPTION' });
    for (const wrong of [
      { windows: { sizeLimit: 'much' } },
      { windows: { shards: 3 } },
      { offline: { fetch, rotues: [] } },
      { offline: { fetch, shared: true } },
      { offline: { fetch, strategy: 'fastest' } },
      { offline: {} },
    ]) {
      await expect(testHost({ stores, ...wrong } as never)).rejects.toMatchObject({ code: 'BAD_OPTION' });
    }
    using t = await testHost({ stores });
    expect(() => t.page({ grnat: {} } as never)).toThrow(/"grnat" is not an option/);
  });

  it('gives the raw port of a session', async () => {
    using t = await testHost({ stores });
    const port = t.port({ stores: { api: 'write' } });
    port.postMessage([
      1,
      [
        ['api', 'set', 'k', { n: 2 }],
        ['api', 'get', 'k'],
      ],
    ]);
    const [answer] = await once(port, 'message');
    expect(answer).toEqual([1, [undefined, { n: 2 }], []]);
    expect(t.host.stores.api.get('k')).toEqual({ n: 2 });
  });

  it('counts bytes for a window, over all of its ports', async () => {
    using t = await testHost({ stores });
    const grant: Grant = { stores: { api: 'write' }, bytes: 1000 };
    const write = async (port: MessagePort) => {
      port.postMessage([1, [['api', 'set', 'k', 'x'.repeat(700)]]]);
      const [answer] = (await once(port, 'message')) as [[number, unknown[], [number, { code: string }][]]];
      return answer[2].map(([, { code }]) => code);
    };
    expect(await write(t.port(grant))).toEqual([]);
    expect(await write(t.port(grant))).toEqual(['TOO_LARGE']);
    expect(await write(t.port({ grant, window: 'another' }))).toEqual([]);
  });

  it('keeps what a window keeps for itself by its name', async () => {
    using t = await testHost({ stores });
    await t.page({ window: 'main' }).window.set('scroll', 120);
    expect(await t.page({ window: 'main' }).window.get('scroll')).toBe(120);
    expect(await t.page().window.get('scroll')).toBeUndefined();
  });

  it('answers diskCache.fetch and CacheStorage from the network it was given', async () => {
    let asked = 0;
    const fetch = async () => new Response(`answer ${++asked}`, { headers: { 'cache-control': 'max-age=60' } });
    using t = await testHost({ stores, offline: { fetch } });
    const page = t.page();
    expect(await (await page.fetch('https://example.com/a')).text()).toBe('answer 1');
    expect(await (await page.fetch('https://example.com/a')).text()).toBe('answer 1');
    const pictures = await page.caches.open('pictures');
    await pictures.add('https://example.com/b');
    expect(await (await t.host.caches.match('https://example.com/b'))?.text()).toBe('answer 2');
  });

  it('without a network refuses to fetch, and says how to have one', async () => {
    using t = await testHost({ stores });
    await expect(t.page().fetch('https://example.com/a')).rejects.toMatchObject({
      code: 'NOT_ALLOWED',
      message: expect.stringContaining('offline: { fetch }'),
    });
  });

  it('deletes a directory of its own, and keeps one that was given for the next host', async () => {
    const own = await testHost({ stores });
    await own.close();
    await own.close();
    expect(existsSync(own.host.directory)).toBe(false);
    expect(() => own.page()).toThrow(expect.objectContaining({ code: 'CLOSED' }));

    const directory = mkdtempSync(join(tmpdir(), 'deskcache-given-'));
    try {
      {
        using t = await testHost({ stores, directory });
        await t.page().index('settings').set('theme', 'dark');
      }
      using again = await testHost({ stores, directory });
      expect(again.host.stores.settings.get('theme')).toBe('dark');
    } finally {
      rmSync(directory, { recursive: true, force: true });
    }
  });

  it('settles what pages have open when it is closed', async () => {
    const t = await testHost({ stores });
    const page = t.page();
    await page.get('k');
    const open = page.get('k');
    await t.close();
    await expect(open).rejects.toMatchObject({ code: 'DISCONNECTED' });
  });

  it('leaves nothing that keeps a process alive', async () => {
    const t = await testHost({ stores });
    await t.page().get('k');
    const port = t.port();
    port.start();
    const closed = once(port, 'close');
    await t.close();
    await closed;
    const countPorts = () => process.getActiveResourcesInfo().filter((it) => it === 'MessagePort').length;
    await expect.poll(countPorts).toBe(0);
  });

  it('leaves no directory when it can’t be opened', async () => {
    const wrong = [undefined, {}, { stores: { api: 5 } }, { stores, offline: { fetch: 5 } }];
    const before = process.env['TMPDIR'];
    const here = mkdtempSync(join(tmpdir(), 'deskcache-nothing-'));
    process.env['TMPDIR'] = here;
    try {
      for (const options of wrong) {
        await expect(testHost(options as never)).rejects.toMatchObject({ code: 'BAD_OPTION' });
      }
      expect(readdirSync(here)).toEqual([]);
    } finally {
      if (before === undefined) delete process.env['TMPDIR'];
      else process.env['TMPDIR'] = before;
      rmSync(here, { recursive: true, force: true });
    }
  });
});
