import type { EventEmitter } from 'node:events';
import type { Session, WebContents, WebFrameMain } from 'electron';
import { beforeEach, describe, expect, it, vi } from 'vitest';
import { FULL_GRANT, type Grant } from '../../main/bridge/grant.ts';
import { attach as attachTo } from '../../main/electron/attachment.ts';
import type { SessionOpener, WindowEndpoint } from '../../main/electron/engine-endpoint.ts';
import { LocalEngine } from '../../main/electron/engine-endpoint.ts';
import type { Authorize } from '../../main/electron/sender.ts';
import { DiskCacheError } from '../../protocol/error.ts';
import { channels, committed, createNonce, dispose, failed, openFrame, openWindow } from './electron-double.ts';

vi.mock('electron', () => import('./electron-double.ts'));

/** A window of an engine that finds stores and the window's shard by `find`. */
const createEngineWindow = (find: (name: string) => never): WindowEndpoint =>
  new LocalEngine({ attach: () => ({ open: () => find('@window'), release: () => {} }) }, find).attach(
    'main',
    'persistent',
  );

const engine = createEngineWindow(() => {
  throw new DiskCacheError('NO_SUCH_STORE', 'none here');
});

/** The grants of those who were answered about HTTP. */
const asked: Grant[] = [];
const offline: SessionOpener = {
  openSession(port, { grant }) {
    asked.push(grant);
    return { close: () => port.close() };
  },
};
const attach = (contents: WebContents, name: string, authorize: Authorize, own: WindowEndpoint) =>
  attachTo(contents, name, authorize, own, offline);

type Emit = EventEmitter['emit'];

describe('an attached window', () => {
  beforeEach(() => {
    channels.length = 0;
  });

  it('answers a granted frame with a port under its nonce', () => {
    const { contents, ask } = openWindow();
    const attachment = attach(contents, 'main', () => FULL_GRANT, engine);
    const { frame, answers } = openFrame();
    ask(frame, createNonce(1));
    expect(answers).toEqual([{ message: { deskcache: 'port', nonce: createNonce(1) }, ports: [channels[0]!.port2] }]);
    expect(attachment.sessions).toBe(1);
  });

  it('answers a nonce once, however often it is repeated', () => {
    const { contents, ask } = openWindow();
    const attachment = attach(contents, 'main', () => FULL_GRANT, engine);
    const { frame, answers } = openFrame();
    for (let n = 0; n < 5; n++) ask(frame, createNonce(1));
    expect(answers).toHaveLength(1);
    expect(attachment.sessions).toBe(1);
  });

  it('opens a port per purpose, counts the page once, and closes both ports with it', () => {
    const { contents, ask, emit } = openWindow();
    const grant: Grant = { stores: { '@fetch': 'read' } };
    const attachment = attach(contents, 'main', () => grant, engine);
    const { frame, answers } = openFrame();
    asked.length = 0;
    ask(frame, createNonce(1), 'stores');
    ask(frame, createNonce(2), 'offline');
    for (const [n, odd] of ['', 'Offline', null, 7, {}].entries()) ask(frame, createNonce(n + 3), odd);
    expect(asked).toEqual([grant]);
    expect([answers.length, channels.length, attachment.sessions]).toEqual([2, 2, 1]);
    emit(...committed(frame));
    expect(channels.map(({ port1 }) => port1.closed)).toEqual([true, true]);
  });

  it('refuses a frame without a grant, naming it', () => {
    const { contents, ask } = openWindow();
    attach(contents, 'main', () => null, engine);
    const { frame, answers } = openFrame();
    ask(frame, createNonce(1));
    expect(answers[0]).toMatchObject({ message: { error: { code: 'NOT_ALLOWED' } }, ports: [] });
    expect(answers[0]!.message.error).toMatchObject({ message: expect.stringContaining('app://atlas') });
  });

  it('does not call authorize for a frame of unknown origin', () => {
    const { contents, ask } = openWindow();
    const authorize = vi.fn(() => FULL_GRANT);
    attach(contents, 'main', authorize, engine);
    const { frame, answers } = openFrame({ origin: 'null' });
    ask(frame, createNonce(1));
    ask(null, createNonce(2));
    expect(authorize).not.toHaveBeenCalled();
    expect(answers[0]).toMatchObject({ message: { error: { code: 'NOT_ALLOWED' } } });
  });

  it('refuses when authorize throws, and warns the application', () => {
    const warn = vi.spyOn(process, 'emitWarning').mockImplementation(() => {});
    const { contents, ask } = openWindow();
    const attachment = attach(
      contents,
      'main',
      () => {
        throw new Error('the policy is broken');
      },
      engine,
    );
    const { frame, answers } = openFrame();
    ask(frame, createNonce(1));
    expect(answers[0]).toMatchObject({ message: { error: { code: 'NOT_ALLOWED' } }, ports: [] });
    expect(attachment.sessions).toBe(0);
    expect(warn).toHaveBeenCalledExactlyOnceWith(expect.objectContaining({ message: 'the policy is broken' }));
    warn.mockRestore();
  });

  it.each<[unknown, RegExp]>([
    [Promise.resolve(FULL_GRANT), /authorize\(frame\) returned a promise; it has to return synchronously/],
    [true, /returned something that is not a grant; return { stores/],
    [{ store: { api: 'read' } }, /returned something that is not a grant/],
    [{ stores: ['api'] }, /returned something that is not a grant/],
    [{ stores: { api: 'readwrite' } }, /granted 'readwrite' on "api"; valid levels: read, write, admin/],
    [{ stores: { api: 'write' }, byte: 10 }, /returned the unknown property "byte"/],
    [{ stores: { api: 'write' }, bytes: Number.NaN }, /granted NaN bytes; it has to be a number from 0/],
    [{ stores: { api: 'write' }, bytes: '10' }, /granted '10' bytes; it has to be a number/],
  ])('grants nothing for an invalid grant, and warns the application: %j', (answered, why) => {
    const warn = vi.spyOn(process, 'emitWarning').mockImplementation(() => {});
    const { contents, ask } = openWindow();
    const attachment = attach(contents, 'main', () => answered as Grant, engine);
    const { frame, answers } = openFrame();
    ask(frame, createNonce(1));
    expect(answers[0]).toMatchObject({ message: { error: { code: 'NOT_ALLOWED' } }, ports: [] });
    expect(attachment.sessions).toBe(0);
    expect(warn).toHaveBeenCalledExactlyOnceWith(expect.objectContaining({ message: expect.stringMatching(why) }));
    warn.mockRestore();
  });

  it('keeps the grant of the handshake when the object is changed later', () => {
    const { contents, ask } = openWindow();
    const grant = { stores: { '@fetch': 'read' } as Record<string, 'read' | 'admin'>, bytes: 10 };
    attach(contents, 'main', () => grant, engine);
    asked.length = 0;
    ask(openFrame().frame, createNonce(1), 'offline');
    grant.stores['*'] = 'admin';
    grant.bytes = 1000;
    expect(asked).toEqual([{ stores: { '@fetch': 'read' }, bytes: 10 }]);
  });

  it.each([undefined, 7, '', 'short', `${createNonce(1)}0`, createNonce(1).toUpperCase().replace('0', 'G'), {}])(
    'ignores %j, which is not a nonce',
    (odd) => {
      const { contents, ask } = openWindow();
      attach(contents, 'main', () => FULL_GRANT, engine);
      const { frame, answers } = openFrame();
      ask(frame, odd);
      expect(answers).toEqual([]);
    },
  );

  it('counts bytes written by an origin in a window over all its connections and documents', () => {
    const { contents, ask, emit } = openWindow();
    const principals: unknown[] = [];
    const counting: SessionOpener = {
      openSession(port, { principal }) {
        principals.push(principal);
        return { close: () => port.close() };
      },
    };
    attachTo(contents, 'main', () => FULL_GRANT, { ...counting, release: () => {} }, counting);
    const { frame } = openFrame();
    const { frame: other } = openFrame({ origin: 'https://other.example', url: 'https://other.example/' });
    ask(frame, createNonce(1));
    ask(frame, createNonce(2), 'offline');
    ask(other, createNonce(3));
    emit(...committed(frame));
    ask(frame, createNonce(4));
    expect(principals.map((principal) => principal === principals[0])).toEqual([true, true, false, true]);
  });

  it('limits the connections of a document', () => {
    const { contents, ask } = openWindow();
    const attachment = attach(contents, 'main', () => FULL_GRANT, engine);
    const { frame, answers } = openFrame();
    for (let n = 0; n < 1000; n++) ask(frame, createNonce(n));
    expect([attachment.sessions, channels.length]).toEqual([1, 16]);
    expect(answers.length).toBe(256);
  });

  it('limits them per document: a subframe at its limit doesn’t affect the page around it', () => {
    const { contents, ask } = openWindow();
    const top = openFrame();
    const [greedy, refused] = [1, 2].map(() => openFrame({ parent: top.frame }));
    const attachment = attach(contents, 'main', ({ url }) => (url === 'app://none/' ? null : FULL_GRANT), engine);
    Object.assign(refused!.frame, { url: 'app://none/' });
    for (let n = 0; n < 300; n++) ask(greedy!.frame, createNonce(n));
    for (let n = 300; n < 600; n++) ask(refused!.frame, createNonce(n));
    ask(top.frame, createNonce(600));
    expect(top.answers).toEqual([
      { message: { deskcache: 'port', nonce: createNonce(600) }, ports: [expect.anything()] },
    ]);
    expect(attachment.sessions).toBe(2);
  });

  it('ends the sessions with their document: by another one, an error page, a crash, or closing', () => {
    for (const leave of [
      (emit: Emit, frame: WebFrameMain) => emit(...committed(frame)),
      (emit: Emit, frame: WebFrameMain) => emit(...failed(frame, -105)),
      (emit: Emit) => emit('render-process-gone'),
      (emit: Emit) => emit('destroyed'),
    ]) {
      const { contents, ask, emit } = openWindow();
      const attachment = attach(contents, 'main', () => FULL_GRANT, engine);
      const { frame } = openFrame();
      ask(frame, createNonce(1));
      leave(emit as Emit, frame);
      expect(attachment.sessions).toBe(0);
      const { port1 } = channels.at(-1)!;
      expect(port1.closed).toBe(true);
      expect(port1.posted).toEqual([
        { deskcache: 'goodbye', reason: expect.objectContaining({ code: 'DISCONNECTED' }) },
      ]);
    }
  });

  it('keeps them through a navigation that doesn’t commit: a prevented link, a download, a 204', () => {
    const { contents, ask, emit } = openWindow();
    const attachment = attach(contents, 'main', () => FULL_GRANT, engine);
    const { frame, answers } = openFrame();
    ask(frame, createNonce(1));
    emit('did-start-navigation', { url: 'app://atlas/file.zip', isMainFrame: true, isSameDocument: false, frame });
    emit(...failed(frame, -3));
    expect([attachment.sessions, channels[0]!.port1.closed, channels[0]!.port1.posted]).toEqual([1, false, []]);
    // Nor is a nonce answered twice.
    ask(frame, createNonce(1));
    expect(answers).toHaveLength(1);
    emit(...committed(frame));
    ask(frame, createNonce(1));
    expect([attachment.sessions, answers.length]).toEqual([1, 2]);
  });

  it('keeps those of the top page whatever happens to a subframe', () => {
    const { contents, ask, emit } = openWindow();
    const attachment = attach(contents, 'main', () => FULL_GRANT, engine);
    const top = openFrame().frame;
    const [sub, other, removed] = [1, 2, 3].map(() => openFrame({ parent: top }).frame);
    for (const [n, frame] of [top, sub!, other!, removed!].entries()) ask(frame, createNonce(n));
    emit('did-navigate-in-page', {}, 'app://atlas/#part', true, top.processId, top.routingId);
    expect(attachment.sessions).toBe(4);
    emit(...committed(sub!));
    expect(attachment.sessions).toBe(3);
    expect(channels.map(({ port1 }) => port1.closed)).toEqual([false, true, false, false]);
    dispose(removed!);
    emit(...failed(other!, -20));
    expect([attachment.sessions, channels[0]!.port1.closed]).toEqual([1, false]);
    ask(sub!, createNonce(9));
    emit(...committed(top));
    expect([attachment.sessions, channels.map(({ port1 }) => port1.closed)]).toEqual([0, new Array(5).fill(true)]);
  });

  it('forgets a subframe that was removed as soon as another document connects', () => {
    const { contents, ask } = openWindow();
    const attachment = attach(contents, 'main', () => FULL_GRANT, engine);
    const top = openFrame().frame;
    for (let n = 0; n < 300; n++) {
      const { frame, answers } = openFrame({ parent: top });
      ask(frame, createNonce(n));
      expect(answers[0]).toMatchObject({ ports: [expect.anything()] });
      dispose(frame);
    }
    ask(top, createNonce(300));
    expect(attachment.sessions).toBe(1);
    expect(channels.filter(({ port1 }) => !port1.closed)).toHaveLength(1);
  });

  it('ends only those of the old document if the new one connects before its commit event', () => {
    const { contents, ask, emit } = openWindow();
    const attachment = attach(contents, 'main', () => FULL_GRANT, engine);
    const { frame, answers } = openFrame();
    ask(frame, createNonce(1));
    // The frame stays, its host is another.
    Object.assign(frame, { processId: 2, routingId: 77 });
    ask(frame, createNonce(2));
    emit(...committed(frame));
    expect(channels.map(({ port1 }) => port1.closed)).toEqual([true, false]);
    ask(frame, createNonce(2));
    expect([attachment.sessions, answers.length]).toEqual([1, 2]);
    // Within one host the commit event comes first: all sessions are then of the old document.
    emit(...committed(frame));
    expect([attachment.sessions, channels[1]!.port1.closed]).toEqual([0, true]);
  });

  it('gives its own shard to the top page, and to a subframe only if its grant names it', () => {
    const found: string[] = [];
    const find = (name: string): never => {
      found.push(name);
      throw new DiskCacheError('CLOSED', 'found');
    };
    const call = (parent: WebFrameMain | null, grant: Grant): unknown => {
      const { contents, ask } = openWindow();
      attach(contents, 'main', () => grant, createEngineWindow(find));
      ask(openFrame({ parent }).frame, createNonce(1));
      const { port1 } = channels.at(-1)!;
      port1.emit('message', { data: [1, [['@window', 'size']]] });
      return (port1.posted[0] as [number, unknown[], [number, { code: string }][]])[2][0]![1].code;
    };
    const top = openFrame().frame;
    expect(call(null, FULL_GRANT)).toBe('CLOSED');
    expect(call(top, FULL_GRANT)).toBe('NOT_ALLOWED');
    expect(call(top, { stores: { '@window': 'read' } })).toBe('CLOSED');
    expect(call(null, { stores: { api: 'admin' } })).toBe('NOT_ALLOWED');
    expect(found).toEqual(['@window', '@window']);
  });

  it('forgets a session whose port closed', () => {
    const { contents, ask } = openWindow();
    const attachment = attach(contents, 'main', () => FULL_GRANT, engine);
    ask(openFrame().frame, createNonce(1));
    channels[0]!.port1.close();
    expect(attachment.sessions).toBe(0);
  });

  it('tells a page that its engine has died, and forgets it', () => {
    const { contents, ask } = openWindow();
    let end: Parameters<WindowEndpoint['openSession']>[2] = () => {};
    const dying: WindowEndpoint = {
      openSession: (_port, _rights, onEnd) => {
        end = onEnd;
        return { close: () => {} };
      },
      release: () => {},
    };
    const attachment = attach(contents, 'main', () => FULL_GRANT, dying);
    const { frame, answers } = openFrame();
    ask(frame, createNonce(1));
    end('died');
    expect(answers.map(({ message }) => message)).toEqual([
      { deskcache: 'port', nonce: createNonce(1) },
      { deskcache: 'gone', nonce: createNonce(1) },
    ]);
    expect(attachment.sessions).toBe(0);
  });

  it('answers no request after it was detached, and leaves no listener behind', () => {
    const { contents, ask } = openWindow();
    const attachment = attach(contents, 'main', () => FULL_GRANT, engine);
    ask(openFrame().frame, createNonce(1));
    attachment.detach(new DiskCacheError('DISCONNECTED', 'The host was closed'));
    const { frame, answers } = openFrame();
    ask(frame, createNonce(2));
    expect(answers).toEqual([]);
    expect(attachment.sessions).toBe(0);
    const emitter = contents as unknown as EventEmitter & { ipc: EventEmitter };
    expect([...emitter.eventNames(), ...emitter.ipc.eventNames()]).toEqual([]);
  });
});

describe('the grants of an origin', () => {
  const session = {} as Session;
  const shown = (...frames: object[]) => {
    const { contents } = openWindow();
    const framesInSubtree = frames.map((fields) => openFrame(fields).frame);
    return Object.assign(contents, { session, mainFrame: openFrame({ framesInSubtree }).frame });
  };
  const READ: Grant = { stores: { assets: 'read' } };

  it('are those of all its documents in the window, and none in another session', () => {
    const contents = shown({}, { parent: {}, origin: 'app://inner', url: 'app://inner/' }, { parent: {} });
    const attachment = attach(
      contents,
      'main',
      ({ isTop, window }) => (isTop && window === 'main' ? FULL_GRANT : READ),
      engine,
    );
    expect(attachment.getGrants('app://atlas', session)).toEqual([FULL_GRANT, READ]);
    expect(attachment.getGrants('app://inner', session)).toEqual([READ]);
    expect(attachment.getGrants('app://else', session)).toEqual([]);
    expect(attachment.getGrants('app://atlas', {} as Session)).toEqual([]);
  });

  it('are none for documents of unknown origin, without a grant, or when the window is gone', () => {
    const opaque = { origin: 'null' };
    const contents = shown({ detached: true }, opaque, { isDestroyed: () => true });
    const attachment = attach(contents, 'main', () => FULL_GRANT, engine);
    expect([attachment.getGrants('app://atlas', session), attachment.getGrants('null', session)]).toEqual([[], []]);
    expect(attach(shown({}), 'main', () => null, engine).getGrants('app://atlas', session)).toEqual([]);
    const gone = Object.assign(shown({}), { isDestroyed: () => true });
    expect(attach(gone, 'main', () => FULL_GRANT, engine).getGrants('app://atlas', session)).toEqual([]);
  });

  it('are none after a crash, when Electron throws for its frames, and there again after a reload', () => {
    const contents = shown({});
    const attachment = attach(contents, 'main', () => FULL_GRANT, engine);
    dispose(contents.mainFrame);
    expect(attachment.getGrants('app://atlas', session)).toEqual([]);
    Object.assign(contents, { mainFrame: null });
    expect(attachment.getGrants('app://atlas', session)).toEqual([]);
    Object.assign(contents, { mainFrame: shown({}).mainFrame });
    expect(attachment.getGrants('app://atlas', session)).toEqual([FULL_GRANT]);
  });
});
