import { EventEmitter } from 'node:events';
import { existsSync } from 'node:fs';
import { describe, expect, it, vi } from 'vitest';
import { openDiskCache } from '../../main/index.ts';
import { cache, defineStores, deque, index } from '../../protocol/stores.ts';
import { freshDirectory } from '../engine/fresh-directory.ts';
import { openWindow } from './electron-double.ts';

const { app } = vi.hoisted(() => ({ app: {} as EventEmitter & { whenReady(): Promise<void>; isPackaged: boolean } }));
vi.mock('electron', () => ({ app }));
Object.assign(app, new EventEmitter(), { whenReady: async () => {}, isPackaged: true });
Object.setPrototypeOf(app, EventEmitter.prototype);

const failure = (code: string, message: RegExp) =>
  expect.objectContaining({ code, message: expect.stringMatching(message) });

/** As plain JavaScript calls it, which no compiler has seen. */
const open = openDiskCache as (options?: unknown) => ReturnType<typeof openDiskCache>;

describe('the arguments of a host', () => {
  it.each([
    [undefined, /openDiskCache takes an object of options; valid options: stores, placement/],
    [{}, /stores is missing; pass what defineStores/],
    [{ stores: {}, directry: '/tmp' }, /openDiskCache: unknown option "directry"; valid options: stores, .*directory/],
    [{ stores: {}, authorize: 'everybody' }, /openDiskCache: authorize is 'everybody'; give a function/],
    [{ stores: {}, directory: 5 }, /openDiskCache: directory is 5; give a string/],
    [{ stores: {}, directory: ':memory:' }, /No store can be in memory: give a path/],
    [{ stores: {}, windows: { sizeLimt: 1 } }, /openDiskCache, windows: unknown option "sizeLimt"/],
    [
      { stores: {}, windows: { sizeLimit: 'much' } },
      /openDiskCache, windows: sizeLimit is "much"; it has to be a number of/,
    ],
    [{ stores: {}, windows: { readOnly: 'no' } }, /openDiskCache, windows: readOnly is "no"/],
    [{ stores: {}, caches: { durability: 'forever' } }, /openDiskCache, caches: durability is "forever"; it has to be/],
    [{ stores: {}, caches: { schemes: 'app' } }, /openDiskCache, caches: schemes is 'app'; give an array of strings/],
    [
      { stores: {}, caches: { shemes: ['app'] } },
      /openDiskCache, caches: unknown option "shemes"; valid options: .*schemes/,
    ],
  ])('are refused by name if they are wrong: %j', async (options, message) => {
    const directory = freshDirectory();
    const given = options && { directory, ...options };
    await expect(open(given)).rejects.toEqual(failure('BAD_OPTION', message));
    expect(existsSync(`${directory}/default`)).toBe(false);
    expect(existsSync(':memory:')).toBe(false);
  });

  it.each([
    [{ api: {} }, /Store "api" has no declaration; give it one of cache\(\), fanout\(\), index\(\), deque\(\)/],
    [{ api: undefined }, /Store "api" has no declaration/],
    [{ api: cache({ ttll: 1 } as object) }, /Store "api" can't be opened: unknown option "ttll"; valid options: .*ttl/],
    [{ log: deque({ maxLenght: 1 } as object) }, /Store "log" .*"maxLenght"; valid options: maxLength/],
    [{ prefs: index({ ttl: 1 } as object) }, /Store "prefs" .*"ttl"; valid options: version, migrate, schema/],
  ])('are refused with the store’s name if its declaration is wrong: %j', async (stores, message) => {
    const refused = open({ directory: freshDirectory(), stores: defineStores(stores as never) });
    await expect(refused).rejects.toEqual(failure('BAD_OPTION', message));
  });

  it('are checked by each of its methods', async () => {
    const host = await openDiskCache({ stores: {}, directory: freshDirectory() });
    const electronsModule = { defaultSession: {}, fromPartition: () => {} };
    const refusals: readonly (readonly [() => unknown, RegExp])[] = [
      [() => host.install(electronsModule as never), /host.install takes a session, such as session.defaultSession/],
      [() => host.serveAssets(undefined as never), /host.serveAssets takes a session/],
      [() => host.offline(electronsModule as never, { store: 'http' }), /host.offline takes a session/],
      [
        () => host.install({} as never, { names: () => 'a' } as never),
        /host.install: unknown option "names"; valid options: name, lifetime/,
      ],
      [() => host.serveAssets({} as never, { store: 'a' } as never), /host.serveAssets: unknown option "store"/],
      [
        () => host.offline({} as never, { store: 'a', rotues: [] } as never),
        /host.offline: unknown option "rotues"; .* routes/,
      ],
      [
        () => host.serveAssets({} as never, { stores: 'api' } as never),
        /host.serveAssets: stores is 'api'; give an array/,
      ],
      [
        () => host.offline({} as never, { schemes: 'https' } as never),
        /host.offline: schemes is 'https'; give an array/,
      ],
      [() => host.offline({} as never, { origins: 'https://a.example' } as never), /host.offline: origins is/],
      [() => host.offline({} as never, null as never), /host.offline takes an object of options/],
      [() => host.install({} as never), /host.install takes a session, such as session.defaultSession/],
      [() => host.serveAssets({ webContents: {} } as never), /host.serveAssets takes a session/],
      [() => host.offline({} as never, { store: 'a' }), /host.offline takes a session/],
      [() => host.attach({} as never), /host.attach takes a window, such as new BrowserWindow/],
      [() => host.attach(undefined as never), /host.attach takes a window/],
      [() => host.attach({ getURL: () => '', mainFrame: {} } as never), /something with webContents/],
      [() => host.attach({ webContents: {} } as never, 'main' as never), /host.attach takes an object of options/],
      [
        () => host.attach({ webContents: {} } as never, { name: 7 } as never),
        /name is 7; give a string that is not empty/,
      ],
      [() => host.attach({ webContents: {} } as never, { name: '' }), /name is ""/],
    ];
    for (const [call, message] of refusals) expect(call).toThrow(failure('BAD_OPTION', message));
    await host.close();
  });

  it('may omit options of an attached window', async () => {
    const host = await openDiskCache({ stores: {}, directory: freshDirectory() });
    const { contents, listeners } = openWindow();
    host.attach({ webContents: contents } as never);
    expect(listeners()).toBeGreaterThan(0);
    await host.close();
    expect(listeners()).toBe(0);
  });

  it('warns if Electron does not become ready', async () => {
    const warned = vi.spyOn(process, 'emitWarning').mockReturnValue();
    const waiting = vi.spyOn(app, 'whenReady');
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] });
    try {
      let isReady = () => {};
      waiting.mockReturnValueOnce(new Promise((resolve) => (isReady = resolve)));
      const opening = openDiskCache({ stores: {}, directory: freshDirectory() });
      await vi.advanceTimersByTimeAsync(6000);
      expect(warned).toHaveBeenCalledExactlyOnceWith(expect.stringContaining('app.whenReady().then('));
      isReady();
      await (await opening).close();
      await (await openDiskCache({ stores: {}, directory: freshDirectory() })).close();
      await vi.advanceTimersByTimeAsync(6000);
      expect(warned).toHaveBeenCalledOnce();
    } finally {
      vi.useRealTimers();
      vi.restoreAllMocks();
    }
  });

  it('are refused after it was closed', async () => {
    const host = await openDiskCache({ stores: {}, directory: freshDirectory() });
    await host.close();
    const closed = failure('CLOSED', /was closed; open another with openDiskCache/);
    expect(() => host.install({} as never)).toThrow(closed);
    expect(() => host.attach({} as never, { name: 'main' })).toThrow(closed);
    expect(() => host.serveAssets({} as never)).toThrow(closed);
    expect(() => host.offline({} as never, { store: 'http' })).toThrow(closed);
  });
});
