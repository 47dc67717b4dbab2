import type { Session, WebContents } from 'electron';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { FULL_GRANT } from '../../main/bridge/grant.ts';
import {
  AttachedWindows,
  type InstallOptions,
  installInSession,
  warnIfPreloadMissing,
} from '../../main/electron/attached-windows.ts';
import { LocalEngine } from '../../main/electron/engine-endpoint.ts';
import type { FrameInfo } from '../../main/electron/sender.ts';
import { WindowShards } from '../../main/electron/window-stores.ts';
import { Cache } from '../../main/engine/index.ts';
import { freshDirectory } from '../engine/fresh-directory.ts';
import { errorMatching } from '../matchers.ts';
import { app, channels, createNonce, openFrame, openSession, openWindow, withoutHttp } from './electron-double.ts';

vi.mock('electron', () => import('./electron-double.ts'));

const PRELOAD = '/deskcache/preload.cjs';
let windows: WindowShards;
let attached: AttachedWindows;
let askedFrames: FrameInfo[];

beforeEach(() => {
  channels.length = 0;
  askedFrames = [];
  windows = new WindowShards(freshDirectory());
  const authorize = (frame: FrameInfo) => {
    askedFrames.push(frame);
    return FULL_GRANT;
  };
  attached = new AttachedWindows(authorize, new LocalEngine(windows, () => new Cache(freshDirectory())), withoutHttp);
});
afterEach(() => {
  attached.close('The test is over');
  windows.close();
  expect(app.listenerCount('web-contents-created')).toBe(0);
});

let asked = 0;

/** Opens a window of a session and has its page ask for a port; by which name it is known, if it is. */
async function open(session: Session, fields: object = {}) {
  const window = openWindow({ session, ...fields });
  await Promise.resolve();
  const nameNow = (): string | undefined => {
    const { frame, answers } = openFrame();
    window.ask(frame, createNonce(++asked));
    return answers.length === 0 ? undefined : askedFrames.at(-1)!.window;
  };
  return { ...window, nameNow };
}

function installOnSession(options: InstallOptions = {}) {
  const { session, scripts } = openSession();
  const undo = installInSession(session, options, PRELOAD, attached);
  return { session, scripts, undo, [Symbol.dispose]: undo };
}

describe('a session with deskcache installed', () => {
  it('gives its pages the preload script, and refuses a second time', () => {
    using installed = installOnSession();
    expect([...installed.scripts.values()]).toEqual([{ type: 'frame', filePath: PRELOAD, id: 'deskcache' }]);
    const again = () => installInSession(installed.session, {}, PRELOAD, attached);
    expect(again).toThrow(errorMatching('BAD_OPTION'));
    expect(again).toThrow(/Call the function that the first host\.install returned/);
    using other = installOnSession();
    expect(other.scripts.size).toBe(1);
  });

  it('attaches windows by the lowest number that is free', async () => {
    using installed = installOnSession();
    const [first, second] = [await open(installed.session), await open(installed.session)];
    expect([first.nameNow(), second.nameNow()]).toEqual(['window-1', 'window-2']);
    first.close();
    const third = await open(installed.session);
    expect(third.nameNow()).toBe('window-1');
    attached.attach(openWindow().contents, { name: 'window-3' });
    expect((await open(installed.session)).nameNow()).toBe('window-4');
  });

  it('attaches no window of another session, no developer tools and no guest', async () => {
    using installed = installOnSession();
    expect((await open(openSession().session)).nameNow()).toBeUndefined();
    for (const type of ['remote', 'webview', 'backgroundPage']) {
      expect((await open(installed.session, { getType: () => type })).nameNow()).toBeUndefined();
    }
    const gone = openWindow({ session: installed.session });
    gone.close();
    await Promise.resolve();
    expect([gone.listeners(), (await open(installed.session)).nameNow()]).toEqual([0, 'window-1']);
  });

  it('names windows by the application’s function', async () => {
    const name = vi.fn((contents: WebContents) => `page ${contents.id}`);
    using installed = installOnSession({ name, lifetime: 'session' });
    const contents = openWindow({ session: installed.session, id: 7 });
    expect(name).not.toHaveBeenCalled();
    await Promise.resolve();
    contents.ask(openFrame().frame, createNonce(++asked));
    channels.at(-1)!.port1.emit('message', { data: [1, [['@window', 'set', 'k', 1]]] });
    expect(windows.list()).toMatchObject([{ name: 'page 7', lifetime: 'session', isOpen: true }]);
    contents.close();
    expect(windows.list()).toEqual([]);
  });

  it('numbers windows together with those that are attached without a name', async () => {
    const { contents, ask, close } = openWindow();
    attached.attach(contents);
    using installed = installOnSession();
    const second = await open(installed.session);
    attached.attach(contents, { lifetime: 'session' });
    ask(openFrame().frame, createNonce(++asked));
    expect([askedFrames.at(-1)!.window, second.nameNow()]).toEqual(['window-1', 'window-2']);
    close();
    expect((await open(installed.session)).nameNow()).toBe('window-1');
  });

  it('leaves a window alone if its name function fails, and warns', async () => {
    const warn = vi.spyOn(process, 'emitWarning').mockImplementation(() => {});
    using installed = installOnSession({
      name: () => {
        throw new Error('no name today');
      },
    });
    expect((await open(installed.session)).nameNow()).toBeUndefined();
    expect(warn).toHaveBeenCalledExactlyOnceWith(expect.objectContaining({ message: 'no name today' }));
    warn.mockRestore();
  });

  it('keeps the name of a window that is attached, at once or later', async () => {
    using installed = installOnSession();
    const window = openWindow({ session: installed.session });
    attached.attach(window.contents, { name: 'main' });
    const later = await open(installed.session);
    expect(later.nameNow()).toBe('window-1');
    const { port1 } = channels.at(-1)!;
    attached.attach(later.contents, { name: 'panel' });
    expect(port1.posted.at(-1)).toMatchObject({ deskcache: 'goodbye', reason: { code: 'DISCONNECTED' } });
    expect([later.nameNow(), attached.sessions]).toEqual(['panel', 1]);
    window.ask(openFrame().frame, createNonce(++asked));
    expect(askedFrames.at(-1)!.window).toBe('main');
    expect((await open(installed.session)).nameNow()).toBe('window-1');
  });

  it('can be undone; windows attached by name stay', async () => {
    const installed = installOnSession();
    const [named, numbered] = [await open(installed.session), await open(installed.session)];
    attached.attach(named.contents, { name: 'main' });
    expect([named.nameNow(), numbered.nameNow()]).toEqual(['main', 'window-2']);
    installed.undo();
    installed.undo();
    expect(installed.scripts.size).toBe(0);
    expect([named.nameNow(), numbered.nameNow(), attached.sessions]).toEqual(['main', undefined, 2]);
    numbered.close();
    expect(numbered.listeners()).toBe(0);
    installInSession(installed.session, {}, PRELOAD, attached)();
  });
});

it('warns if a window fails to load deskcache’s preload script, not for another one', () => {
  const { contents, emit } = openWindow();
  const warned = vi.spyOn(process, 'emitWarning').mockImplementation(() => {});
  warnIfPreloadMissing(contents, PRELOAD, 'the preload script is missing');
  emit('preload-error', {}, '/app/preload.cjs', new Error('ENOENT'));
  expect(warned).not.toHaveBeenCalled();
  emit('preload-error', {}, PRELOAD, new Error('ENOENT'));
  expect(warned.mock.calls).toEqual([['the preload script is missing']]);
  warned.mockRestore();
});
