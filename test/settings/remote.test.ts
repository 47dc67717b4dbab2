import { describe, expect, expectTypeOf, it, vi } from 'vitest';
import type { Settings } from '../../main/engine/index.ts';
import { cache, defineStores, deque, settings } from '../../protocol/stores.ts';
import { type BridgeFixture, openBridge } from '../bridge/bridge-fixture.ts';
import { errorMatching } from '../matchers.ts';

interface AppSettings {
  theme: 'light' | 'dark';
  editor: { fontSize: number; font?: string };
  recent: string[];
}

const defaults: AppSettings = { theme: 'light', editor: { fontSize: 13 }, recent: [] };
const stores = defineStores({ app: settings<AppSettings>({ defaults }), api: cache(), outbox: deque<string>() });

const openPages = (grant?: Parameters<typeof openBridge>[0]) => openBridge({ stores, ...grant });
const getInMain = (bridge: BridgeFixture) => bridge.registry.get('app') as unknown as Settings<AppSettings>;
const getApp = (bridge: BridgeFixture) => bridge.diskCache.settings<AppSettings>('app');

describe('settings in a page', () => {
  it('are read and written by path, over the defaults', async () => {
    using bridge = openPages();
    const app = getApp(bridge);
    await app.set('editor.fontSize', 15);
    await app.set({ theme: 'dark', 'editor.font': 'Iosevka' });
    expect(await app.all()).toEqual({ theme: 'dark', editor: { fontSize: 15, font: 'Iosevka' }, recent: [] });
    expect([await app.get('editor.fontSize'), await app.get(['theme']), await app.has('recent')]).toEqual([
      15,
      'dark',
      false,
    ]);
    await app.reset('theme', 'editor.font');
    expect(await app.all()).toEqual({ theme: 'light', editor: { fontSize: 15 }, recent: [] });
    await app.reset();
    expect(await app.all()).toEqual(defaults);
    expect(await app.volume()).toBeGreaterThan(0);
    expect(await app.check()).toEqual([]);
  });

  it('refuse what can’t be sent in a patch as a value, and store nothing of it', async () => {
    using bridge = openPages();
    const app = getApp(bridge);
    const patch = { theme: 'dark', recent: [() => 1] } as never;
    await expect(app.set(patch)).rejects.toEqual(errorMatching('BAD_VALUE', /value\.recent\[0\] is a function/));
    await expect(app.set('recent.first' as never, 1 as never)).rejects.toEqual(errorMatching('BAD_KEY', /recent/));
    expect(await app.all()).toEqual(defaults);
  });

  it.each([[new Map([['theme', 'dark']])], [new Date(0)]])(
    'refuse a patch that is not a plain object: %s',
    async (patch) => {
      using bridge = openPages();
      await expect(getApp(bridge).set(patch as never)).rejects.toThrow(
        /can't be set as settings; give a path and a value/,
      );
    },
  );

  it('have their types and their listeners where the kind is only known to the compiler', async () => {
    using bridge = openPages();
    const { app } = bridge.diskCache.as<typeof stores>();
    await app.load();
    expectTypeOf(await app.get('editor.fontSize')).toEqualTypeOf<number>();
    expectTypeOf(app.now.theme).toEqualTypeOf<'light' | 'dark'>();
    await app.set({ theme: 'dark' });
    expect(app.now.theme).toBe('dark');
    // @ts-expect-error: 42 is not a theme
    const wrong = () => app.set('theme', 42);
    // @ts-expect-error: there is no such setting
    const unknown = () => app.onChange('colour', () => {});
    expect([wrong, unknown].length).toBe(2);
  });

  it('have `now` once they are loaded, frozen, and not before', async () => {
    using bridge = openPages();
    const app = getApp(bridge);
    expect(() => app.now).toThrow(errorMatching('BAD_OPTION', /load\(\)/));
    await app.load();
    expect(app.now).toEqual(defaults);
    expect(() => {
      (app.now.editor as { fontSize: number }).fontSize = 1;
    }).toThrow(TypeError);
  });

  it('have this page’s own writes in `now` when they resolve', async () => {
    using bridge = openPages();
    const app = getApp(bridge);
    await app.load();
    const before = app.now;
    await app.set('editor.fontSize', 20);
    expect([app.now.editor.fontSize, before.editor.fontSize]).toEqual([20, 13]);
    await app.reset('editor.fontSize');
    expect(app.now.editor.fontSize).toBe(13);
    const [refused] = await Promise.allSettled([app.set('theme.dark' as never, 1 as never), app.set('theme', 'dark')]);
    expect([refused.status, app.now.theme]).toEqual(['rejected', 'dark']);
  });

  it('have the write in `now` that was made while they were loading', async () => {
    using bridge = openPages();
    const app = getApp(bridge);
    const loading = app.load();
    await app.set('theme', 'dark');
    await loading;
    await app.load();
    expect(app.now.theme).toBe('dark');
  });

  it('call a listener once for each change of its path, from this page, another one and the main process', async () => {
    using bridge = openPages();
    const app = getApp(bridge);
    const other = bridge.anotherPage().settings<AppSettings>('app');
    const [onSize, onAny, onTheme] = [vi.fn(), vi.fn(), vi.fn()];
    app.onChange('editor.fontSize', onSize);
    app.onChange('theme', onTheme);
    app.onAnyChange(onAny);
    await app.set('editor.fontSize', 14);
    await app.load();
    await other.set('editor.fontSize', 15);
    await vi.waitFor(() => expect(app.now.editor.fontSize).toBe(15));
    getInMain(bridge).set('editor.fontSize', 16);
    await vi.waitFor(() => expect(app.now.editor.fontSize).toBe(16));
    await other.set('editor.fontSize', 16);
    await app.set('editor', { fontSize: 16 });
    await app.load();
    expect(onSize.mock.calls).toEqual([
      [14, 13],
      [15, 14],
      [16, 15],
    ]);
    expect(onAny.mock.calls.map(([now, before]) => [now.editor, before.editor])).toEqual([
      [{ fontSize: 14 }, { fontSize: 13 }],
      [{ fontSize: 15 }, { fontSize: 14 }],
      [{ fontSize: 16 }, { fontSize: 15 }],
    ]);
    expect(onTheme).not.toHaveBeenCalled();
  });

  it('do not call a listener after it has unsubscribed', async () => {
    using bridge = openPages();
    const app = getApp(bridge);
    const listener = vi.fn();
    const stop = app.onChange('theme', listener);
    const early = app.onChange('theme', listener);
    early();
    await app.load();
    stop();
    await app.set('theme', 'dark');
    expect(listener).not.toHaveBeenCalled();
  });

  it('report an invalid path to onError, and refuse an invalid listener', async () => {
    using bridge = openPages();
    const app = getApp(bridge);
    const onError = vi.fn();
    app.onChange('' as never, () => {}, { onError });
    await vi.waitFor(() => expect(onError).toHaveBeenCalledExactlyOnceWith(errorMatching('BAD_KEY', /path/)));
    expect(() => app.onAnyChange('listener' as never)).toThrow(errorMatching('BAD_OPTION', /function/));
  });

  it('report unknown options of a listener, which is then not called, and refuse an onError that can’t be called', async () => {
    using bridge = openPages();
    const app = getApp(bridge);
    const [listener, onError] = [vi.fn(), vi.fn()];
    const misspelt = errorMatching('BAD_OPTION', /unknown option "once"; valid options: onError/);
    app.onChange('theme', listener, { once: true, onError } as never);
    app.onAnyChange(listener, { once: true, onError } as never);
    await app.set('theme', 'dark');
    await vi.waitFor(() => expect(onError.mock.calls).toEqual([[misspelt], [misspelt]]));
    await app.set('theme', 'light');
    expect(listener).not.toHaveBeenCalled();
    const wrong = { onError: 'log' } as never;
    expect(() => app.onChange('theme', listener, { onEror() {} } as never)).toThrow(
      errorMatching('BAD_OPTION', /function/),
    );
    expect(() => app.onChange('theme', listener, wrong)).toThrow(errorMatching('BAD_OPTION', /function/));
    expect(() => bridge.diskCache.subscribe(listener, wrong)).toThrow(errorMatching('BAD_OPTION', /function/));
  });

  it('name no other method in the message about a listener that is not a function', () => {
    using bridge = openPages();
    for (const listener of [null, undefined, {}])
      expect(() => getApp(bridge).onAnyChange(listener as never)).toThrow(
        errorMatching('BAD_OPTION', /^A listener must be a function$/),
      );
  });

  it('throw a DiskCacheError for options of a listener that can’t be read', () => {
    using bridge = openPages();
    const app = getApp(bridge);
    const throwing = {
      get onError(): never {
        throw new Error('not now');
      },
    };
    for (const options of [null as never, throwing]) {
      expect(() => app.onChange('theme', () => {}, options)).toThrow(errorMatching('BAD_OPTION', /can't be read/));
      expect(() => app.onAnyChange(() => {}, options)).toThrow(errorMatching('BAD_OPTION', /can't be read/));
    }
  });

  it('are read again after the connection was lost', async () => {
    using bridge = openPages();
    const app = getApp(bridge);
    const listener = vi.fn();
    await app.load();
    app.onChange('theme', listener);
    await app.load();
    bridge.diskCache.disconnect();
    getInMain(bridge).set('theme', 'dark');
    expect(app.now.theme).toBe('light');
    expect(await app.get('theme')).toBe('dark');
    await vi.waitFor(() => expect(listener.mock.calls).toEqual([['dark', 'light']]));
    expect(app.now.theme).toBe('dark');
  });

  it('can be read and followed with a grant to read, and not be set', async () => {
    using bridge = openPages({ grant: { stores: { app: 'read' } } });
    const app = getApp(bridge);
    await app.load();
    await expect(app.set('theme', 'dark')).rejects.toEqual(errorMatching('NOT_ALLOWED', /app/));
    await expect(app.reset()).rejects.toEqual(errorMatching('NOT_ALLOWED', /app/));
    getInMain(bridge).set('theme', 'dark');
    await vi.waitFor(() => expect(app.now.theme).toBe('dark'));
  });

  it('take a limited number of paths in one patch, also from a page that makes its messages itself', async () => {
    using bridge = openPages();
    const bag = bridge.diskCache.settings<{ bag: Record<string, number> }>('app');
    const createPatch = (count: number) =>
      Object.fromEntries(Array.from({ length: count }, (_, nth) => [`bag.n${nth}`, nth])) as Record<string, never>;
    const tooMany = errorMatching('TOO_LARGE', /"set" takes at most 10000 paths in one call, not 10001/);
    await expect(bag.set(createPatch(10_001))).rejects.toEqual(tooMany);
    expect(await bag.has('bag')).toBe(false);
    await bag.set(createPatch(10_000));
    expect(Object.keys(await bag.get('bag'))).toHaveLength(10_000);
  });

  it('count a patch once for the bytes that a page may write', async () => {
    using bridge = openPages({ grant: { stores: { app: 'write' }, bytes: 10_000 } });
    const app = getApp(bridge);
    await app.set({ 'editor.font': 'x'.repeat(6000), 'editor.fontSize': 15 });
    await expect(app.set({ 'editor.font': 'y'.repeat(4000) })).rejects.toEqual(
      errorMatching('TOO_LARGE', /10000 bytes/),
    );
    expect(getInMain(bridge).get('editor.fontSize')).toBe(15);
  });

  it('that don’t exist fail to load, and each listener gets the reason', async () => {
    using bridge = openPages();
    const nothing = bridge.diskCache.settings('nothing');
    const onError = vi.fn();
    nothing.onAnyChange(() => {}, { onError });
    await expect(nothing.load()).rejects.toEqual(errorMatching('NO_SUCH_STORE', /nothing/));
    await vi.waitFor(() => expect(onError).toHaveBeenCalledWith(errorMatching('NO_SUCH_STORE', /nothing/)));
    expect(() => nothing.now).toThrow(errorMatching('BAD_OPTION', /load/));
  });

  it('compare values that refer to themselves, in a time that doesn’t explode', async () => {
    using bridge = openPages();
    const app = bridge.diskCache.settings('app');
    const listener = vi.fn();
    const create = () => {
      let tree: unknown = ['leaf'];
      for (let level = 0; level < 60; level++) tree = [tree, tree];
      const circle: Record<string, unknown> = { tree };
      circle['self'] = circle;
      return circle;
    };
    const inMain = getInMain(bridge);
    inMain.set(['recent'], create());
    await app.load();
    app.onChange('recent', listener);
    await app.load();
    inMain.set(['recent'], create());
    await app.set('theme', 'dark');
    expect(app.now['theme']).toBe('dark');
    expect(listener).not.toHaveBeenCalled();
  });

  it('send pages that subscribe only the fact of a change', async () => {
    using bridge = openPages();
    const changes: unknown[] = [];
    bridge.diskCache.as<{ app: ReturnType<typeof cache> }>().app.subscribe((change) => changes.push(change));
    await getApp(bridge).set('recent', ['a'.repeat(1000)]);
    await vi.waitFor(() => expect(changes).toEqual([{ kind: 'set', key: 'recent' }]));
  });
});

it('a deque of a kind that isn’t known at run time compares values that are no entries', async () => {
  using bridge = openPages();
  const { outbox } = bridge.diskCache.as<typeof stores>();
  await outbox.push('a', 'b');
  expect(await outbox.equals(['a', 'b'])).toBe(true);
});
