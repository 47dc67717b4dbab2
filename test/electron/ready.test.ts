import type { Session } from 'electron';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { FULL_GRANT } from '../../main/bridge/grant.ts';
import { AttachedWindows, type AttachOptions, installInSession } from '../../main/electron/attached-windows.ts';
import { type EngineEndpoint, LocalEngine, type SettingsSnapshot } from '../../main/electron/engine-endpoint.ts';
import { ReadyWindows } from '../../main/electron/ready-windows.ts';
import type { Authorize } from '../../main/electron/sender.ts';
import { assertReadyStores, MAX_READY_BYTES } from '../../main/electron/settings-snapshot.ts';
import { WindowShards } from '../../main/electron/window-stores.ts';
import { Registry } from '../../main/engine/registry.ts';
import { cache, defineStores, settings } from '../../protocol/stores.ts';
import { freshDirectory } from '../engine/fresh-directory.ts';
import { errorMatching } from '../matchers.ts';
import { committed, failed, openFrame, openSession, openWindow, withoutHttp } from './electron-double.ts';

vi.mock('electron', () => import('./electron-double.ts'));

const PRELOAD = '/deskcache/preload.cjs';
const READY = '/deskcache/preload-ready.cjs';
const READY_SCRIPT = { type: 'frame', filePath: READY, id: 'deskcache-ready' };

const stores = defineStores({
  app: settings({ defaults: { theme: 'light', text: '' } }),
  other: settings({ defaults: { zoom: 1, text: '' } }),
  api: cache(),
});

let registry: Registry;
let windows: WindowShards;
let authorize: Authorize;
let engine: EngineEndpoint;
let attached: AttachedWindows;

/** A host on the engine. */
function openHost(placed: EngineEndpoint = engine): AttachedWindows {
  const policy: Authorize = (frame) => authorize(frame);
  return new AttachedWindows(policy, placed, withoutHttp, new ReadyWindows(READY, policy, placed));
}

beforeEach(() => {
  registry = new Registry(freshDirectory(), stores);
  windows = new WindowShards(freshDirectory());
  engine = new LocalEngine(windows, (name) => registry.get(name));
  authorize = () => FULL_GRANT;
  attached = openHost();
});
afterEach(() => {
  attached.close('The test is over');
  windows.close();
  registry.close();
});

const put = (store: string, values: object) =>
  (registry.get(store) as unknown as { set(patch: object): void }).set(values);

/** A window of a session, with a document in it. */
function openPage(options?: AttachOptions, { session } = openSession(), frame = openFrame().frame) {
  const window = openWindow({ session });
  if (options !== undefined) attached.attach(window.contents, options);
  const ask = (store: unknown = 'app') => window.askReady(frame, store);
  return { ...window, frame, ask };
}

const refusal = (code: string, message: RegExp) => [
  { error: expect.objectContaining({ code, message: expect.stringMatching(message) }) },
];

describe('settings that are ready', () => {
  it('are answered at once with what is stored at that moment', () => {
    const page = openPage({ ready: ['app', 'other'] });
    expect(page.ask()).toEqual([{ value: { theme: 'light', text: '' } }]);
    put('app', { theme: 'dark' });
    expect(page.ask()).toEqual([{ value: { theme: 'dark', text: '' } }]);
    expect(page.ask('other')).toEqual([{ value: { zoom: 1, text: '' } }]);
  });

  it('are only those that the application has named, for this window or its session', async () => {
    const { session } = openSession();
    using _ = { [Symbol.dispose]: installInSession(session, { ready: ['app'] }, PRELOAD, attached) };
    const installed = openPage(undefined, { session } as never);
    await Promise.resolve();
    const byName = openPage({ name: 'main' }, { session } as never);
    const own = openPage({ name: 'own', ready: ['other'] }, { session } as never);
    const none = openPage({ name: 'none', ready: [] }, { session } as never);
    for (const page of [installed, byName]) {
      expect(page.ask()).toEqual([{ value: { theme: 'light', text: '' } }]);
      expect(page.ask('other')).toEqual(refusal('BAD_OPTION', /"other" is not in `ready`.*await load\(\)/));
    }
    expect(own.ask('other')).toMatchObject([{ value: { zoom: 1 } }]);
    for (const page of [own, none]) expect(page.ask()).toEqual(refusal('BAD_OPTION', /"app" is not in `ready`/));
  });

  it('stay those of a window that gets a new name', () => {
    const page = openPage({ name: 'one', ready: ['app'] });
    attached.attach(page.contents, { name: 'two' });
    expect(page.ask()).toMatchObject([{ value: { theme: 'light' } }]);
    attached.attach(page.contents, { ready: [] });
    expect(page.ask()).toEqual(refusal('BAD_OPTION', /not in `ready`/));
  });

  it('go to no subframe, no document without a certain origin and no frame that is gone', () => {
    const page = openPage({ ready: ['app'] });
    const subframe = openFrame({ parent: page.frame }).frame;
    const opaque = openFrame({ origin: 'null' }).frame;
    const gone = openFrame({ isDestroyed: () => true }).frame;
    for (const frame of [subframe, opaque, gone, null])
      expect(page.askReady(frame, 'app')).toEqual(refusal('NOT_ALLOWED', /Only the top page/));
    for (const name of [undefined, 5, ['app'], { toString: () => 'app' }])
      expect(page.askReady(page.frame, name)).toEqual(refusal('NOT_ALLOWED', /Only the top page/));
  });

  it('go to no document that has no grant for the store, such as that of another origin in the same frame', () => {
    authorize = ({ origin }) => (origin === 'app://atlas' ? { stores: { other: 'read' } } : null);
    const page = openPage({ ready: ['app', 'other'] });
    expect(page.ask()).toEqual(refusal('NOT_ALLOWED', /"read" on store "app"/));
    expect(page.ask('other')).toMatchObject([{ value: { zoom: 1 } }]);
    Object.assign(page.frame, { origin: 'https://evil.example', url: 'https://evil.example/' });
    page.emit(...committed(page.frame));
    expect(page.ask('other')).toEqual(refusal('NOT_ALLOWED', /https:\/\/evil\.example was granted nothing/));
  });

  it('are left out, with one warning, when a document has 256 KiB of them already', () => {
    const warn = vi.spyOn(process, 'emitWarning').mockImplementation(() => {});
    const page = openPage({ ready: ['app', 'other'] });
    put('app', { text: 'x'.repeat(200 * 1024) });
    put('other', { text: 'y'.repeat(100 * 1024) });
    expect(page.ask()).toMatchObject([{ value: { theme: 'light' } }]);
    for (let times = 0; times < 2; times++)
      expect(page.ask('other')).toEqual(
        refusal('TOO_LARGE', /"other" have 102\d\d\d bytes, and others of this page 204\d\d\d; .* 262144; await load/),
      );
    // The same store counts once.
    expect(page.ask()).toMatchObject([{ value: { theme: 'light' } }]);
    expect(warn).toHaveBeenCalledExactlyOnceWith(
      expect.objectContaining({ code: 'TOO_LARGE', message: expect.stringMatching(/"other" have 102\d\d\d bytes/) }),
    );
    // The limits are reset for the next document of the window.
    page.emit(...committed(page.frame));
    expect(page.ask('other')).toMatchObject([{ value: { zoom: 1 } }]);
    page.emit(...failed(page.frame, -6));
    expect(page.ask()).toMatchObject([{ value: { theme: 'light' } }]);
    warn.mockRestore();
  });

  it('are not read again at once when they alone are too large', () => {
    const warn = vi.spyOn(process, 'emitWarning').mockImplementation(() => {});
    const page = openPage({ ready: ['app'] });
    put('app', { text: 'x'.repeat(MAX_READY_BYTES) });
    let now = 0;
    vi.spyOn(performance, 'now').mockImplementation(() => now);
    const store = registry.get('app') as unknown as { all(): unknown };
    const readAll = store.all.bind(store);
    const all = vi.spyOn(store, 'all').mockImplementation(() => {
      now += 20;
      return readAll();
    });
    expect(page.ask()).toEqual(refusal('TOO_LARGE', /262\d\d\d bytes/));
    now = 219;
    expect(page.ask()).toEqual(refusal('TOO_LARGE', /262\d\d\d bytes/));
    expect(all).toHaveBeenCalledOnce();
    put('app', { text: 'short' });
    now = 220;
    expect(page.ask()).toEqual([{ value: { theme: 'light', text: 'short' } }]);
    vi.restoreAllMocks();
    warn.mockRestore();
  });

  it('are given 16 times to one document', () => {
    const page = openPage({ ready: ['app'] });
    for (let times = 0; times < 16; times++) expect(page.ask()).toMatchObject([{ value: { theme: 'light' } }]);
    expect(page.ask()).toEqual(refusal('NOT_ALLOWED', /16 times; await load/));
    page.emit(...committed(page.frame, true));
    expect(page.ask()).toMatchObject([{ value: { theme: 'light' } }]);
  });

  it('are refused, and never left unanswered, in a window that is not attached, also when its host was closed', () => {
    const page = openPage({ ready: ['app'] });
    const stranger = openPage();
    expect(stranger.ask()).toEqual(refusal('DISCONNECTED', /not attached to an open host/));
    attached.close('The host was closed');
    expect(page.ask()).toEqual(refusal('DISCONNECTED', /not attached to an open host/));
    attached = openHost();
    attached.attach(page.contents, { ready: ['app'] });
    expect(page.ask()).toMatchObject([{ value: { theme: 'light' } }]);
  });

  it('name the error that reading them has thrown', () => {
    const page = openPage({ ready: ['app'] });
    registry.close();
    expect(page.ask()).toEqual(refusal('CLOSED', /closed/));
  });
});

describe('the preload script of settings that are ready', () => {
  const getIds = (session: Session) => session.getPreloadScripts().map(({ id }) => id);

  it('is only in a session that needs it', () => {
    const { session, scripts } = openSession();
    const undo = installInSession(session, {}, PRELOAD, attached);
    expect(getIds(session)).toEqual(['deskcache']);
    undo();
    const end = installInSession(session, { ready: ['app'] }, PRELOAD, attached);
    expect(scripts.get('deskcache-ready')).toEqual(READY_SCRIPT);
    end();
    expect(getIds(session)).toEqual([]);
  });

  it('is in the session of an attached window that needs it, until its last one is closed', () => {
    const opened = openSession();
    const [first, second] = [openPage({ ready: ['app'] }, opened), openPage({ ready: ['other'] }, opened)];
    openPage({}, opened);
    expect(getIds(opened.session)).toEqual(['deskcache-ready']);
    first.close();
    expect(getIds(opened.session)).toEqual(['deskcache-ready']);
    second.close();
    expect(getIds(opened.session)).toEqual([]);
  });
});

describe('settings that are ready in a utility process', () => {
  interface PendingRead {
    resolve(snapshot: SettingsSnapshot): void;
    reject(error: Error): void;
  }
  const reads: PendingRead[] = [];
  function openUtilityPage() {
    const placed: EngineEndpoint = {
      attach: (...args) => engine.attach(...args),
      readSettings: () => new Promise((resolve, reject) => void reads.push({ resolve, reject })),
    };
    attached = openHost(placed);
    return openPage({ ready: ['app'] });
  }
  beforeEach(() => {
    reads.length = 0;
    vi.useFakeTimers();
  });
  afterEach(() => void vi.useRealTimers());

  it('are answered when the process has answered', async () => {
    const page = openUtilityPage();
    const answers = page.ask();
    await vi.advanceTimersByTimeAsync(999);
    expect(answers).toEqual([]);
    reads[0]!.resolve({ bytes: 10, value: { theme: 'dark' } });
    await vi.advanceTimersByTimeAsync(0);
    expect(answers).toEqual([{ value: { theme: 'dark' } }]);
    expect(vi.getTimerCount()).toBe(0);
  });

  it('are left out after a second, and at once while the process still has not answered', async () => {
    const page = openUtilityPage();
    const answers = page.ask();
    await vi.advanceTimersByTimeAsync(1000);
    expect(answers).toEqual(refusal('TIMEOUT', /not read "app" within 1000 ms; await load/));
    expect(page.ask()).toEqual(refusal('TIMEOUT', /not read "app"/));
    expect(reads.length).toBe(1);
    reads[0]!.resolve({ bytes: 10, value: { theme: 'dark' } });
    await vi.advanceTimersByTimeAsync(0);
    const again = page.ask();
    reads[1]!.reject(new Error('unforeseen'));
    await vi.advanceTimersByTimeAsync(0);
    expect(again).toEqual(refusal('BAD_OPTION', /unforeseen/));
  });
});

describe('the stores of `ready`', () => {
  const check =
    (...ready: string[]) =>
    () =>
      assertReadyStores('host.install', ready, stores);

  it('are declared settings, and anything else is refused with the reason', () => {
    expect(check('app', 'other')).not.toThrow();
    expect(check('api')).toThrow(
      errorMatching('BAD_OPTION', /host\.install: ready names "api", .*kind cache.*only settings/),
    );
    expect(check('default')).toThrow(errorMatching('BAD_OPTION', /"default", .*kind cache/));
    for (const name of ['nope', 'toString'])
      expect(check('app', name)).toThrow(
        errorMatching('NO_SUCH_STORE', new RegExp(`"${name}", which was not declared`)),
      );
  });
});
