import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { openFrame, openWindow } from './electron-double.ts';
import { describeResponse, setElectronVersion, simulatePage, startHttpSession } from './http-session-fixture.ts';

vi.mock('electron', () => import('./electron-double.ts'));
vi.mock('../../main/electron/network-fetch.ts', async () => (await import('./http-session-fixture.ts')).mockNetwork());

const API = 'https://api.example';
const EVIL = 'https://evil.example';

beforeEach(() => {
  setElectronVersion('45.4.1');
  vi.spyOn(process, 'emitWarning').mockImplementation(() => {});
});
afterEach(() => {
  Reflect.deleteProperty(process.versions, 'electron');
  vi.restoreAllMocks();
});

describe('in an Electron without initiatorOrigin', () => {
  beforeEach(() => setElectronVersion('42.11.18'));

  /** A response that allows no origin. */
  const secret = async (made: ReturnType<typeof startHttpSession>) => describeResponse(await made.ask(`${API}/secret`));
  const SECRET = () => new Response('secret');

  it.each([
    ['a foreign page', 'https://evil.example/x'],
    ['a page of text', 'data:text/html,<script>steal()</script>'],
    ['a blob of a foreign page', 'blob:https://evil.example/7c1d'],
    ['a blob of an opaque origin', 'blob:null/7c1d'],
    ['a frame that may be sandboxed', 'about:srcdoc'],
    ['a stored asset', 'deskcache://files/page.html'],
    ['an extension', 'chrome-extension://abc/page.html'],
  ])('the initiator is unknown after a navigation to %s', async (_, url) => {
    using made = startHttpSession(SECRET);
    const { emit } = openWindow({ session: made.session, mainFrame: { framesInSubtree: [] } });
    expect(await secret(made)).toBe('secret');
    emit('did-start-navigation', { url });
    expect(await secret(made)).toBe('network error');
    emit('did-start-navigation', { url: 'app://atlas/' });
    expect(await secret(made), 'for the session’s life').toBe('network error');
    expect(process.emitWarning).toHaveBeenCalledExactlyOnceWith(
      expect.stringMatching(/42\.11\.18.*session of their own/),
    );
  });

  it('own pages stay own pages', async () => {
    using made = startHttpSession(SECRET, { origins: ['https://app.example'] });
    const frames = [openFrame({ url: '', origin: '' }), openFrame({ url: 'about:blank', origin: 'null' }), openFrame()];
    const framesInSubtree = [
      ...frames.map(({ frame }) => frame),
      openFrame({ url: 'chrome-error://x/', origin: 'null' }).frame,
    ];
    const { emit } = openWindow({ session: made.session, mainFrame: { framesInSubtree } });
    const other = openWindow({ session: {}, mainFrame: { framesInSubtree: [] } });
    other.emit('did-start-navigation', { url: 'https://evil.example/' });
    for (const url of [
      'app://atlas/x',
      'file:///x',
      'blob:app://atlas/7',
      'about:blank',
      'https://app.example/',
      'devtools://devtools/x',
    ])
      emit('did-start-navigation', { url });
    const crashed = {
      get framesInSubtree(): never {
        throw new Error('Render frame was disposed');
      },
    };
    openWindow({ session: made.session, mainFrame: crashed });
    expect(await secret(made)).toBe('secret');
    expect(process.emitWarning).not.toHaveBeenCalled();
  });

  it.each([
    ['opened earlier', (session: object) => openWindow({ session, mainFrame: framed('https://evil.example') })],
    ['with an opaque origin at an own URL', (session: object) => openWindow({ session, mainFrame: framed('null') })],
    [
      'reached by a redirect of an own page',
      (session: object) => {
        openWindow({ session, mainFrame: framed('app://atlas') }).emit('did-redirect-navigation', { url: `${EVIL}/` });
      },
    ],
  ])('a foreign document %s is noticed', async (_, show) => {
    using made = startHttpSession(SECRET);
    show(made.session);
    expect(await secret(made)).toBe('network error');
  });

  it('the first initiatorOrigin proves that a version has it', async () => {
    setElectronVersion('45.0.0-nightly.20260901');
    using made = startHttpSession(SECRET);
    simulatePage(made.session, EVIL);
    expect(await secret(made)).toBe('network error');
    expect(await describeResponse(await made.ask(`${API}/secret`, 'app://atlas'))).toBe('secret');
    expect(await secret(made), 'the browser itself').toBe('secret');
  });

  const framed = (origin: string) => ({ framesInSubtree: [openFrame({ url: 'app://atlas/x', origin }).frame] });
});
