import type { WebFrameMain } from 'electron';
import { describe, expect, it, vi } from 'vitest';
import { FULL_GRANT } from '../../main/bridge/grant.ts';
import { attach } from '../../main/electron/attachment.ts';
import type { SessionOpener } from '../../main/electron/engine-endpoint.ts';
import { channels, createNonce, openFrame, openWindow, type Port } from './electron-double.ts';

vi.mock('electron', () => import('./electron-double.ts'));

const sessionOpener: SessionOpener = {
  openSession(port, _grant, onEnd) {
    port.on('close', () => onEnd('closed'));
    return { close: () => port.close() };
  },
};

/** What runs in a frame from one commit to the next. */
interface ModelDocument {
  readonly host: { readonly processId: number; readonly routingId: number };
  readonly ports: Port[];
}

interface ModelFrame {
  readonly frame: WebFrameMain;
  readonly parent: ModelFrame | null;
  doc: ModelDocument;
  /** Its process has crashed. The object comes to life again with the next document. */
  isDisposed: boolean;
}

/** The same sequence for the same seed (xorshift). */
function createRandomInt(seed: number): (below: number) => number {
  let state = seed * 2654435761 || 1;
  return (below) => {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    return (state >>> 0) % below;
  };
}

/**
 * A window by Electron's rules (electron_api_web_contents.cc, electron_api_web_frame_main.cc): a frame object survives navigations,
 * gets the ids of the new host before the commit event, and is removed with its parent's document.
 */
class ModelWindow {
  readonly #window = openWindow();
  readonly #attachment = attach(
    this.#window.contents,
    'main',
    () => FULL_GRANT,
    { ...sessionOpener, release() {} },
    sessionOpener,
  );
  readonly top: ModelFrame;
  readonly subframes: ModelFrame[] = [];
  readonly log: string[] = [];
  /** Ports of documents that are no more. */
  readonly #old: Port[] = [];
  #hosts = 0;
  #nonces = 0;

  constructor() {
    this.top = this.#open(null);
  }

  get frames(): ModelFrame[] {
    return [this.top, ...this.subframes];
  }

  requestPort({ frame, doc, isDisposed }: ModelFrame, purpose?: string): void {
    if (isDisposed) return;
    const before = channels.length;
    this.#window.ask(frame, createNonce(++this.#nonces), purpose);
    doc.ports.push(...channels.slice(before).map(({ port1 }) => port1));
  }

  /** A message of the document before, which runs its unload handlers: it has a frame object of its own, which is detached. */
  requestFromOldDocument({ processId, routingId }: ModelDocument['host']): void {
    const before = channels.length;
    this.#window.ask(openFrame({ processId, routingId, detached: true }).frame, createNonce(++this.#nonces));
    expect(channels.length, 'a document that is unloaded gets nothing').toBe(before);
  }

  commit(it: ModelFrame, isOtherHost: boolean, how: 'page' | 'error page'): ModelDocument {
    const before = it.doc;
    const host = isOtherHost || it.isDisposed ? this.#newHost() : before.host;
    for (const sub of this.subframes.filter((sub) => isWithin(sub, it))) this.remove(sub);
    this.#old.push(...before.ports);
    it.doc = { host, ports: [] };
    it.isDisposed = false;
    const place = [it === this.top, host.processId, host.routingId];
    if (how === 'page') this.#window.emit('did-frame-navigate', {}, 'app://atlas/', 200, 'OK', ...place);
    else this.#window.emit('did-fail-provisional-load', {}, -105, 'ERR_NAME_NOT_RESOLVED', 'app://x/', ...place);
    return before;
  }

  /** A prevented link, a download, a 204: nothing is committed. */
  cancelNavigation({ doc: { host }, ...it }: ModelFrame): void {
    const isMainFrame = it.frame === this.top.frame;
    this.#window.emit('did-start-navigation', { url: 'app://atlas/file.zip', isMainFrame, frame: it.frame });
    this.#window.emit('did-fail-provisional-load', {}, -3, '', '', isMainFrame, host.processId, host.routingId);
    this.#window.emit('did-navigate-in-page', {}, 'app://atlas/#x', isMainFrame, host.processId, host.routingId);
  }

  add(parent: ModelFrame): void {
    this.subframes.push(this.#open(parent));
  }

  remove(sub: ModelFrame): void {
    for (const inner of this.subframes.filter((it) => it.parent === sub)) this.remove(inner);
    this.subframes.splice(this.subframes.indexOf(sub), 1);
    sub.isDisposed = true;
    // Its port says so in time, and the next handshake or commit.
    this.#removed.push(...sub.doc.ports);
  }
  readonly #removed: Port[] = [];

  crash(): void {
    for (const it of this.frames) {
      it.isDisposed = true;
      this.#old.push(...it.doc.ports);
      it.doc = { ...it.doc, ports: [] };
    }
    this.subframes.length = 0;
    this.#window.emit('render-process-gone', {}, { reason: 'crashed' });
  }

  check(): void {
    const alive = this.frames.flatMap(({ doc }) => doc.ports);
    expect(alive.filter((port) => port.closed).length, 'living documents that were cut off').toBe(0);
    expect(this.#old.filter((port) => !port.closed).length, 'sessions that outlive their document').toBe(0);
    const connected = this.frames.filter(({ doc }) => doc.ports.length > 0).length;
    const removed = this.#removed.filter((port) => !port.closed).length;
    expect(this.#attachment.sessions).toBeGreaterThanOrEqual(connected);
    expect(this.#attachment.sessions).toBeLessThanOrEqual(connected + removed);
  }

  end(): void {
    const ports = [...this.frames.flatMap(({ doc }) => doc.ports), ...this.#removed, ...this.#old];
    this.#window.close();
    expect(ports.filter((port) => !port.closed).length, 'sessions that outlive their window').toBe(0);
  }

  #newHost(): ModelDocument['host'] {
    return { processId: 1 + (++this.#hosts % 3), routingId: this.#hosts };
  }

  #open(parent: ModelFrame | null): ModelFrame {
    const { frame } = openFrame({ parent: parent?.frame ?? null });
    const opened: ModelFrame = { frame, parent, doc: { host: this.#newHost(), ports: [] }, isDisposed: false };
    const live = <T>(read: () => T) => ({
      get: () => {
        if (opened.isDisposed) throw new Error('Render frame was disposed before WebFrameMain could be accessed');
        return read();
      },
    });
    Object.defineProperties(frame, {
      processId: live(() => opened.doc.host.processId),
      routingId: live(() => opened.doc.host.routingId),
      parent: live(() => parent?.frame ?? null),
      isDestroyed: { value: () => opened.isDisposed },
    });
    return opened;
  }
}

const isWithin = (sub: ModelFrame, it: ModelFrame): boolean =>
  sub.parent !== null && (sub.parent === it || isWithin(sub.parent, it));

function step(window: ModelWindow, random: (below: number) => number): void {
  const it = window.frames[random(window.frames.length)]!;
  const kind = random(12);
  window.log.push(`${kind} of frame ${window.frames.indexOf(it)}`);
  if (kind <= 3) window.requestPort(it, random(2) === 0 ? 'stores' : 'offline');
  else if (kind <= 5 && !(it.isDisposed && it !== window.top)) {
    const before = window.commit(it, random(2) === 0, random(4) === 0 ? 'error page' : 'page');
    if (it.doc.host !== before.host) window.requestFromOldDocument(before.host);
  } else if (kind <= 7) window.cancelNavigation(it);
  else if (kind === 8 && window.subframes.length < 4 && !it.isDisposed) window.add(it);
  else if (kind === 9 && it !== window.top) window.remove(it);
  else if (kind === 10 && random(3) === 0) window.crash();
  else if (kind === 11) it.doc.ports.pop()?.close();
}

describe('sessions of a window, in any order of events', () => {
  it('end with their document and not before', () => {
    for (let seed = 1; seed <= 400; seed++) {
      channels.length = 0;
      const window = new ModelWindow();
      const random = createRandomInt(seed);
      try {
        for (let n = 0; n < 60; n++) {
          step(window, random);
          window.check();
        }
        window.end();
      } catch (error) {
        throw new Error(`Seed ${seed}: ${window.log.join(', ')}`, { cause: error });
      }
    }
  });
});
