import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { testHost } from '../../main/testing/index.ts';
import { cache, defineStores, index, settings } from '../../protocol/stores.ts';
import { DiskCache } from '../../renderer-api/disk-cache.ts';
import { diskCache } from '../../renderer-api/index.ts';

const stores = defineStores({
  api: cache<string, number>(),
  notes: index<string, string>(),
  settings: settings({ defaults: { theme: 'light' } }),
});

/** Has the part of jsdom's window that a host uses. */
class TestWindow extends EventTarget {
  readonly Event = Event;
  readonly posted: unknown[] = [];
  postMessage(message: unknown): void {
    this.posted.push(message);
  }
}

let window: TestWindow;
beforeEach(() => {
  window = new TestWindow();
  vi.stubGlobal('window', window);
});
afterEach(() => vi.unstubAllGlobals());

describe('a window that is attached to a test host', () => {
  it('connects the diskCache that components import, with the grant of the window', async () => {
    using t = await testHost({ stores });
    t.attach(window, { grant: { stores: { api: 'write', notes: 'read' } } });
    const app = diskCache.as<typeof stores>();
    await app.api.set('k', 1);
    expect(t.host.stores.api.get('k')).toBe(1);
    await expect(app.notes.set('k', 'text')).rejects.toMatchObject({ code: 'NOT_ALLOWED' });
    expect(t.host.sessions).toBe(1);
  });

  it('is a page of the next host at once, when the first was closed', async () => {
    for (const value of [1, 2]) {
      using t = await testHost({ stores });
      t.attach(window);
      await diskCache.cache('api').set('k', value);
      expect(t.host.stores.api.get('k')).toBe(value);
    }
  });

  it('belongs to the host that it was attached to last', async () => {
    using first = await testHost({ stores });
    using second = await testHost({ stores });
    first.attach(window);
    await diskCache.cache('api').set('k', 1);
    second.attach(window);
    await diskCache.cache('api').set('k', 2);
    expect([first.host.stores.api.get('k'), second.host.stores.api.get('k')]).toEqual([1, 2]);
  });

  it('has its open calls rejected when it is detached, and later ones at once, and its own messages all the time', async () => {
    using t = await testHost({ stores });
    const detach = t.attach(window);
    await diskCache.get('k');
    window.postMessage('hello');
    expect(window.posted).toEqual(['hello']);
    const open = diskCache.get('k');
    detach();
    detach();
    await expect(open).rejects.toMatchObject({ code: 'DISCONNECTED' });
    await expect(diskCache.get('k')).rejects.toThrow(/attach it to another one/);
    window.postMessage('again');
    expect(window.posted).toEqual(['hello', 'again']);
    await vi.waitFor(() => expect(t.host.sessions).toBe(0));
  });

  it('takes fake timers', async () => {
    vi.useFakeTimers();
    try {
      using t = await testHost({ stores });
      t.attach(window);
      const heard = vi.fn();
      const unsubscribe = diskCache.index('notes').subscribe(heard);
      await diskCache.index('notes').set('a', 'text');
      await vi.waitFor(() => expect(heard).toHaveBeenCalledOnce());
      unsubscribe();
    } finally {
      vi.useRealTimers();
    }
  });

  it('has the settings named by ready in its first line, under its grant', async () => {
    using t = await testHost({ stores });
    t.host.stores.settings.set('theme', 'dark');
    t.attach(window, { ready: ['settings'] });
    vi.stubGlobal('deskcache:ready', Reflect.get(window, 'deskcache:ready'));
    const page = new DiskCache(() => new Promise(() => {})).as<typeof stores>();
    expect(page.settings.now).toEqual({ theme: 'dark' });
    t.attach(window, { ready: ['settings'], grant: { stores: { api: 'read' } } });
    vi.stubGlobal('deskcache:ready', Reflect.get(window, 'deskcache:ready'));
    const guest = new DiskCache(() => new Promise(() => {})).as<typeof stores>();
    expect(() => guest.settings.now).toThrow(expect.objectContaining({ code: 'NOT_ALLOWED' }));
  });

  it.each([
    ['no window', (t: Awaited<ReturnType<typeof testHost>>) => t.attach({} as never), /t\.attach takes a window/],
    ['undefined', (t: Awaited<ReturnType<typeof testHost>>) => t.attach(undefined as never), /t\.page\(\)/],
    [
      'a misspelt option',
      (t: Awaited<ReturnType<typeof testHost>>) => t.attach(window, { grnat: {} } as never),
      /grnat/,
    ],
    ['an unknown store', (t: Awaited<ReturnType<typeof testHost>>) => t.attach(window, { ready: ['them'] }), /them/],
  ])('is refused: %s', async (_, attach, message) => {
    using t = await testHost({ stores: {} });
    expect(() => attach(t)).toThrow(message);
  });

  it('is refused by a closed host', async () => {
    const t = await testHost({ stores });
    await t.close();
    expect(() => t.attach(window)).toThrow(expect.objectContaining({ code: 'CLOSED' }));
  });
});

it('a page without a host is told of t.attach', async () => {
  vi.useFakeTimers();
  try {
    const call = diskCache.get('k').catch((error: unknown) => error);
    await vi.advanceTimersByTimeAsync(2000);
    expect(await call).toMatchObject({
      code: 'DISCONNECTED',
      message: expect.stringMatching(/t\.attach.*deskcache\/testing/),
    });
  } finally {
    vi.useRealTimers();
  }
});
