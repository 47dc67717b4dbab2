import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { Client } from '../../client/client.ts';
import type { Settings } from '../../main/engine/index.ts';
import type { ErrorData } from '../../protocol/error.ts';
import { READY_KEY } from '../../protocol/handshake.ts';
import { defineStores, settings } from '../../protocol/stores.ts';
import { type BridgeFixture, openBridge } from '../bridge/bridge-fixture.ts';
import { errorMatching } from '../matchers.ts';

interface AppSettings {
  theme: 'light' | 'dark';
  editor: { fontSize: number };
}

const defaults: AppSettings = { theme: 'light', editor: { fontSize: 13 } };
const stores = defineStores({ app: settings<AppSettings>({ defaults }) });

const getInMain = (bridge: BridgeFixture) => bridge.registry.get('app') as unknown as Settings<AppSettings>;
const getApp = (bridge: BridgeFixture) => bridge.diskCache.settings<AppSettings>('app');

/** Stands for the function that the preload script of a window with `ready` exposes, and counts its calls. */
const preload = vi.fn<(store: string) => ReadonlyMap<string, unknown> | ErrorData>();

/** The main process answers with what is stored at that moment. */
const answerFromMain = (bridge: BridgeFixture) =>
  preload.mockImplementation((store) => new Map([[store, structuredClone(getInMain(bridge).all())]]));

beforeEach(() => {
  preload.mockReset();
  vi.stubGlobal(READY_KEY, preload);
});
afterEach(() => vi.unstubAllGlobals());

describe('settings that are ready', () => {
  it('are there in the first line, frozen, and follow the changes of other windows from then on', async () => {
    using bridge = openBridge({ stores });
    getInMain(bridge).set('theme', 'dark');
    answerFromMain(bridge);
    const app = getApp(bridge);
    expect(app.now.theme).toBe('dark');
    expect(() => {
      (app.now.editor as { fontSize: number }).fontSize = 1;
    }).toThrow(TypeError);
    await bridge.anotherPage().settings<AppSettings>('app').set('editor.fontSize', 20);
    await vi.waitFor(() => expect(app.now.editor.fontSize).toBe(20));
    expect(preload).toHaveBeenCalledExactlyOnceWith('app');
  });

  it('stay the same object while nothing has changed, also when they are loaded', async () => {
    using bridge = openBridge({ stores });
    answerFromMain(bridge);
    const app = getApp(bridge);
    const first = app.now;
    await app.load();
    expect(app.now).toBe(first);
  });

  it('report to listeners of the first lines what changed before the page could follow', async () => {
    using bridge = openBridge({ stores });
    answerFromMain(bridge);
    const app = getApp(bridge);
    const [early, late, other] = [vi.fn(), vi.fn(), vi.fn()];
    app.onChange('theme', early);
    expect(app.now.theme).toBe('light');
    app.onChange('theme', late);
    app.onChange('editor.fontSize', other);
    getInMain(bridge).set('theme', 'dark');
    await app.load();
    expect([early.mock.calls, late.mock.calls, other.mock.calls]).toEqual([
      [['dark', 'light']],
      [['dark', 'light']],
      [],
    ]);
    expect(app.now.theme).toBe('dark');
  });

  it('have a write of this page when it resolves, also one that was made in the first line', async () => {
    using bridge = openBridge({ stores });
    answerFromMain(bridge);
    const app = getApp(bridge);
    expect(app.now.theme).toBe('light');
    await app.set('theme', 'dark');
    expect(app.now.theme).toBe('dark');
    await app.reset('theme');
    expect(app.now.theme).toBe('light');
  });

  it('are not replaced by an older read that was on its way', async () => {
    using bridge = openBridge({ stores });
    answerFromMain(bridge);
    const app = getApp(bridge);
    const heard = vi.fn();
    let isRead = false;
    const callNow = vi.spyOn(Client.prototype, 'callNow').mockImplementation(async (...call) => {
      callNow.mockRestore();
      const all = await bridge.anotherClient().call(...call);
      // The read has been answered, and its answer has not arrived when this page asks the preload script.
      getInMain(bridge).set('theme', 'dark');
      expect(app.now.theme).toBe('dark');
      isRead = true;
      return all;
    });
    app.onChange('theme', heard);
    await app.load();
    expect([isRead, app.now.theme, heard.mock.calls]).toEqual([true, 'dark', []]);
  });

  it('throw the reason why the page gets no settings', () => {
    using bridge = openBridge({ stores });
    const app = getApp(bridge);
    preload.mockReturnValue({ code: 'TOO_LARGE', message: 'The settings "app" have 300000 bytes; await load()' });
    expect(() => app.now).toThrow(errorMatching('TOO_LARGE', /300000 bytes; await load/));
    vi.unstubAllGlobals();
    expect(() => app.now).toThrow(errorMatching('BAD_OPTION', /await load\(\) first/));
  });

  it('are asked for again when they could not be followed, and then followed', async () => {
    using bridge = openBridge({ stores });
    answerFromMain(bridge);
    const app = getApp(bridge);
    expect(app.now.theme).toBe('light');
    bridge.diskCache.disconnect();
    getInMain(bridge).set('theme', 'dark');
    await vi.waitFor(() => expect(app.now.theme).toBe('dark'));
    await app.load();
    getInMain(bridge).set('theme', 'light');
    await vi.waitFor(() => expect(app.now.theme).toBe('light'));
  });

  it('report an invalid path, and only that', async () => {
    using bridge = openBridge({ stores });
    answerFromMain(bridge);
    const app = getApp(bridge);
    expect(app.now.theme).toBe('light');
    const [onError, heard] = [vi.fn(), vi.fn()];
    app.onChange('' as never, heard, { onError });
    getInMain(bridge).set('theme', 'dark');
    await app.load();
    expect([heard.mock.calls.length, onError.mock.calls.length]).toEqual([0, 1]);
    expect(onError).toHaveBeenCalledWith(errorMatching('BAD_KEY', /path/));
  });

  it('call no listener that was removed before they could be followed', async () => {
    using bridge = openBridge({ stores });
    answerFromMain(bridge);
    const app = getApp(bridge);
    const heard = vi.fn();
    const stop = app.onChange('theme', heard);
    expect(app.now.theme).toBe('light');
    stop();
    getInMain(bridge).set('theme', 'dark');
    await app.load();
    expect([app.now.theme, heard.mock.calls]).toEqual(['dark', []]);
  });
});
