import type { WebFrameMain } from 'electron';
import { beforeEach, describe, expect, it, vi } from 'vitest';
import { FULL_GRANT } from '../../main/bridge/grant.ts';
import { Principal } from '../../main/bridge/principal.ts';
import { attach } from '../../main/electron/attachment.ts';
import type { SessionOpener, SessionRights } from '../../main/electron/engine-endpoint.ts';
import { channels, committed, createNonce, failed, openFrame, openWindow } from './electron-double.ts';

vi.mock('electron', () => import('./electron-double.ts'));

const opened: SessionRights[] = [];
const sessionOpener: SessionOpener = {
  openSession(port, rights, onEnd) {
    opened.push(rights);
    port.on('close', () => onEnd('closed'));
    return { close: () => port.close() };
  },
};

function attachWindow() {
  const window = openWindow();
  const attachment = attach(
    window.contents,
    'main',
    () => FULL_GRANT,
    { ...sessionOpener, release() {} },
    sessionOpener,
  );
  return { ...window, attachment };
}

let lastNonce = 0;
const next = () => createNonce(++lastNonce);
const openPorts = () => channels.filter(({ port1 }) => !port1.closed).length;

beforeEach(() => {
  channels.length = 0;
  opened.length = 0;
});

describe('a document that asks for ports while another one is on its way', () => {
  it.each<[string, (frame: WebFrameMain) => readonly [string, ...unknown[]]]>([
    ['a page', committed],
    ['an error page', (frame) => failed(frame, -105)],
  ])('keeps none of them when %s takes its place', (_what, commit) => {
    for (const parent of [null, openFrame().frame]) {
      const { ask, emit, attachment } = attachWindow();
      const { frame } = openFrame({ parent });
      ask(frame, next());
      emit('did-start-navigation', { isMainFrame: parent === null, isSameDocument: false, frame });
      ask(frame, next(), 'stores');
      ask(frame, next(), 'offline');
      expect(openPorts()).toBe(3);
      const [name, ...args] = commit(frame);
      emit(name, ...args);
      expect([openPorts(), attachment.sessions]).toEqual([0, 0]);
      channels.length = 0;
    }
  });

  it('keeps all of them when nothing takes its place', () => {
    const { ask, emit } = attachWindow();
    const { frame } = openFrame();
    ask(frame, next());
    emit('did-start-navigation', { isMainFrame: true, isSameDocument: false, frame });
    ask(frame, next());
    emit(...failed(frame, -3));
    emit('did-navigate-in-page', {}, frame.url, true, frame.processId, frame.routingId);
    expect(openPorts()).toBe(2);
  });

  it('gets nothing once it is being unloaded', () => {
    const { ask } = attachWindow();
    ask(openFrame({ detached: true }).frame, next());
    expect(openPorts()).toBe(0);
  });
});

describe('a document without an address of its own', () => {
  it.each(['about:blank', 'about:srcdoc', 'about:blank#x', ''])(
    'gets no port, whatever origin it inherits: %j',
    (url) => {
      const { ask } = attachWindow();
      for (const parent of [null, openFrame().frame]) {
        const { frame, answers } = openFrame({ url, parent });
        ask(frame, next());
        expect(answers[0]).toMatchObject({ message: { error: { code: 'NOT_ALLOWED' } }, ports: [] });
      }
      expect(openPorts()).toBe(0);
    },
  );
});

describe('a page that opens frame after frame', () => {
  const subframes = (many: number, origin: string) => {
    const parent = openFrame().frame;
    return Array.from({ length: many }, () => openFrame({ parent, origin, url: `${origin}/` }));
  };

  it('has 64 connections in all subframes of one origin, separate from its top document and other origins', () => {
    const { ask } = attachWindow();
    for (const { frame } of subframes(40, 'app://ads')) for (let n = 0; n < 4; n++) ask(frame, next());
    expect(openPorts()).toBe(64);
    ask(subframes(1, 'app://inner')[0]!.frame, next());
    ask(openFrame().frame, next());
    expect(openPorts()).toBe(66);
  });

  it('uses up only its own handshakes, refused ones included', () => {
    const { ask } = attachWindow();
    const ads = subframes(20, 'app://ads');
    for (const { frame } of ads) for (let n = 0; n < 100; n++) ask(frame, next());
    expect(ads.reduce((sum, { answers }) => sum + answers.length, 0)).toBe(1024);
    const [inner, top] = [subframes(1, 'app://inner')[0]!, openFrame()];
    ask(inner.frame, next());
    ask(top.frame, next());
    expect([inner.answers.length, top.answers.length]).toEqual([1, 1]);
  });

  it('can connect again in the next document of a frame that had used up its handshakes', () => {
    const { ask, emit } = attachWindow();
    const { frame, answers } = openFrame();
    for (let n = 0; n < 300; n++) ask(frame, next());
    expect(answers).toHaveLength(256);
    emit(...committed(frame));
    ask(frame, next());
    expect(answers).toHaveLength(257);
  });
});

describe('the limits of a connection', () => {
  it('are those of its window and origin, whichever frame and document connects', () => {
    const { ask, emit } = attachWindow();
    const top = openFrame().frame;
    ask(top, next());
    emit(...committed(top));
    ask(top, next());
    ask(openFrame({ parent: top }).frame, next());
    ask(openFrame({ parent: top, origin: 'app://inner', url: 'app://inner/' }).frame, next());
    const [first, ...others] = opened.map(({ principal }) => principal);
    expect(first).toBeInstanceOf(Principal);
    expect(others.map((principal) => principal === first)).toEqual([true, true, false]);
  });
});
