import { once } from 'node:events';
import { existsSync, mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { MessagePort } from 'node:worker_threads';
import { describe, expect, it } from 'vitest';
import { Cache } from '../../main/engine/index.ts';
import { type Grant, testHost } from '../../main/testing/index.ts';
import { cache, defineStores, deque, index } from '../../protocol/stores.ts';
import { errorMatching } from '../matchers.ts';

const stores = defineStores({
  api: cache<string, { n: number }>(),
  settings: index<string, string>(),
  outbox: deque(),
});

const NAMES = ['default', 'api', 'settings', 'outbox'];

describe('a test host', () => {
  it('offers the stores synchronously in main and as promises in pages', async () => {
    using t = await testHost({ stores });
    t.host.stores.api.set('k', { n: 1 });
    const page = t.page().as<typeof stores>();
    expect(await page.api.get('k')).toEqual({ n: 1 });
    await page.settings.set('theme', 'dark');
    expect(t.host.stores.settings.get('theme')).toBe('dark');
    expect(t.host.sessions).toBe(1);
  });

  it('enforces a page’s grant, passed alone or as an option', async () => {
    using t = await testHost({ stores });
    const grant: Grant = { stores: { api: 'read' }, bytes: 100 };
    for (const page of [t.page(grant), t.page({ grant })]) {
      expect(await page.cache('api').get('k')).toBeUndefined();
      await expect(page.cache('api').set('k', 1)).rejects.toMatchObject({ code: 'NOT_ALLOWED' });
      await expect(page.index('settings').get('k')).rejects.toMatchObject({ code: 'NOT_ALLOWED' });
    }
  });

  it('opens its stores with exclusive if the test asks for it, as an application that runs only once does', async () => {
    using t = await testHost({ stores, exclusive: true });
    const { api } = t.host.stores;
    api.set('k', { n: 1 });
    api.set('k', { n: 2 });
    expect(await t.page().as<typeof stores>().api.get('k')).toEqual({ n: 2 });
    await t.page().caches.open('pages');
    for (const store of [api, t.host.stores.settings, t.host.stores.outbox])
      expect(store.describe().options).toMatchObject({ exclusive: true });
    expect(() => new Cache(api.directory, { timeout: 0 })).toThrow(errorMatching('BUSY', 'exclusive'));
    using shared = await testHost({ stores });
    expect(shared.host.stores.api.describe().options).toMatchObject({ exclusive: false });
    await expect(testHost({ stores, exclusive: 'yes' as never })).rejects.toThrow(errorMatching('BAD_OPTION'));
  });

  it('refuses an invalid grant at the call', async () => {
    using t = await testHost({ stores });
    expect(() => t.page({ stores: { api: 'all' as never } })).toThrow(expect.objectContaining({ code: 'BAD_OPTION' }));
    expect(() => t.port({ grant: null as never })).toThrow(expect.objectContaining({ code: 'BAD_OPTION' }));
    const document = { postMessage: () => {}, dispatchEvent: () => true, Event };
    for (const grant of [null, 'read', 5] as never[])
      for (const open of [() => t.page(grant), () => t.port(grant), () => t.attach(document, grant)])
        expect(open).toThrow(expect.objectContaining({ code: 'BAD_OPTION' }));
  });

  it.each(['apii', 'API', 'toString', '@queues/letters', '@queue/', '@cache', ''])(
    'refuses a grant that names "%s", which was not declared',
    async (name) => {
      using t = await testHost({ stores });
      const grant: Grant = { stores: { api: 'read', [name]: 'write' } };
      const document = { postMessage: () => {}, dispatchEvent: () => true, Event };
      for (const open of [
        () => t.page(grant),
        () => t.page({ grant }),
        () => t.port({ grant }),
        () => t.attach(document, { grant }),
      ])
        expect(open).toThrow(
          expect.objectContaining({
            code: 'BAD_OPTION',
            message: expect.stringContaining(
              `The grant names "${name}", which was not declared; declared stores: ${NAMES.join(', ')};`,
            ),
          }),
        );
      expect(t.host.sessions).toBe(0);
    },
  );

  it('takes a grant of everything that can be granted', async () => {
    using t = await testHost({ stores });
    const names = [...NAMES, '*', '@window', '@caches', '@fetch', '@queue/letters', '@queue/LETTERS'];
    const page = t.page({ stores: Object.fromEntries(names.map((name) => [name, 'read'])) });
    t.host.queue('letters');
    expect(await page.queue('letters').counts()).toMatchObject({ ready: 0 });
  });

  it('refuses an unknown option', async () => {
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
    expect(() => t.page({ grnat: {} } as never)).toThrow(/unknown option "grnat"/);
  });

  it('returns the raw port of a session', async () => {
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

  it('counts bytes of a window over all its ports', async () => {
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

  it('keeps a window’s own data by its name', async () => {
    using t = await testHost({ stores });
    await t.page({ window: 'main' }).window.set('scroll', 120);
    expect(await t.page({ window: 'main' }).window.get('scroll')).toBe(120);
    expect(await t.page().window.get('scroll')).toBeUndefined();
  });

  it('serves diskCache.fetch and CacheStorage from the given network', async () => {
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

  it('refuses to fetch without a network, and says how to pass one', async () => {
    using t = await testHost({ stores });
    await expect(t.page().fetch('https://example.com/a')).rejects.toMatchObject({
      code: 'NOT_ALLOWED',
      message: expect.stringContaining('offline: { fetch }'),
    });
  });

  it('deletes its temporary directory, and keeps one that was passed', async () => {
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

  it('can be disposed asynchronously, and twice', async () => {
    let directory: string;
    {
      await using t = await testHost({ stores });
      directory = t.host.directory;
      await t.page().get('k');
      t[Symbol.dispose]();
      await t[Symbol.asyncDispose]();
      expect(() => t.host.caches).toThrow(expect.objectContaining({ code: 'CLOSED' }));
    }
    expect(existsSync(directory)).toBe(false);
  });

  it('is independent of others at the same time', async () => {
    const values = await Promise.all(
      Array.from({ length: 8 }, async (_, n) => {
        using t = await testHost({ stores });
        await t.page().as<typeof stores>().api.set('k', { n });
        return t.host.stores.api.get('k')?.n;
      }),
    );
    expect(values).toEqual([0, 1, 2, 3, 4, 5, 6, 7]);
  });

  it('settles the pages’ open calls when it is closed', async () => {
    const t = await testHost({ stores });
    const page = t.page();
    await page.get('k');
    const open = page.get('k');
    await t.close();
    await expect(open).rejects.toMatchObject({ code: 'DISCONNECTED' });
  });

  it('leaves nothing running that keeps the process alive', async () => {
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

  it('leaves no directory behind if opening fails', async () => {
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

it.each([
  [{ stores: {}, directory: 5 }, /directory must be a path/],
  [{ stores: {}, directory: '' }, /directory must be a path/],
  [{ stores: {}, directory: ':memory:' }, /No store can be in memory: .*temporaryDirectory\(\)/],
  [{ stores: [] }, /testHost needs stores/],
])('is refused with a reason: testHost(%j)', async (options, message) => {
  await expect(testHost(options as never)).rejects.toThrow(message);
  expect(existsSync(':memory:')).toBe(false);
});
