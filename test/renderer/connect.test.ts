import type { EventEmitter } from 'node:events';
import { MessageChannel, type MessagePort } from 'node:worker_threads';
import { beforeAll, describe, expect, it, vi } from 'vitest';
import { CONNECT_CHANNEL, PORT_CHANNEL } from '../../protocol/handshake.ts';

/** A page's window, as far as the handshake goes. */
class FakePage extends EventTarget {
  /** What was posted, in order. */
  readonly posted: unknown[] = [];
  readonly listeners = new Set<unknown>();

  postMessage(data: unknown, _origin: string, ports: readonly MessagePort[] = []): void {
    this.posted.push(data);
    queueMicrotask(() => this.dispatchEvent(Object.assign(new Event('message'), { source: this, data, ports })));
  }

  override addEventListener(...args: Parameters<EventTarget['addEventListener']>): void {
    this.listeners.add(args[1]);
    super.addEventListener(...args);
  }

  override removeEventListener(...args: Parameters<EventTarget['removeEventListener']>): void {
    this.listeners.delete(args[1]);
    super.removeEventListener(...args);
  }
}

/** The preload's end of Electron's ipc; `sent` is what the main process hears. */
const ipcRenderer = vi.hoisted(() => ({
  sent: [] as string[],
  to: [] as unknown[],
  emitter: undefined as EventEmitter | undefined,
}));
vi.mock('electron', async () => {
  const { EventEmitter: Emitter } = await import('node:events');
  const emitter = new Emitter();
  ipcRenderer.emitter = emitter;
  const send = (channel: string, nonce: string, to: unknown) => {
    if (channel !== CONNECT_CHANNEL) return;
    ipcRenderer.sent.push(nonce);
    ipcRenderer.to.push(to);
  };
  return { ipcRenderer: Object.assign(emitter, { send }) };
});

const page = new FakePage();
const deliver = (message: object, ...ports: MessagePort[]) =>
  ipcRenderer.emitter!.emit(PORT_CHANNEL, { ports }, message);

describe('a page and its preload script', () => {
  let connect: typeof import('../../renderer-api/connect.ts').connect;

  beforeAll(async () => {
    vi.stubGlobal('window', page);
    await import('../../preload/index.ts');
    ({ connect } = await import('../../renderer-api/connect.ts'));
  });

  it('names the purpose of the port, and accepts only known purposes', async () => {
    const given = new AbortController();
    const asking = (['stores', 'offline'] as const).map((to) => connect(given.signal, to));
    const nonce = 'f'.repeat(32);
    for (const to of [undefined, 'files', null, {}]) page.postMessage({ deskcache: 'connect', nonce, to }, '*');
    await vi.waitFor(() => expect(ipcRenderer.to).toEqual(['stores', 'offline', 'stores']));
    given.abort();
    expect((await Promise.allSettled(asking)).map(({ status }) => status)).toEqual(['rejected', 'rejected']);
  });

  it('fails after a second without a preload script, and says what to do', async () => {
    vi.stubGlobal('window', new FakePage());
    vi.useFakeTimers({ toFake: ['setInterval', 'clearInterval'] });
    try {
      const refused = expect(connect(new AbortController().signal, 'stores')).rejects.toMatchObject({
        code: 'DISCONNECTED',
        message: expect.stringMatching(/No preload script .* host\.install\(session\)/),
      });
      await vi.advanceTimersByTimeAsync(1000);
      await refused;
    } finally {
      vi.useRealTimers();
      vi.stubGlobal('window', page);
    }
  });

  it('fails at once without a window: in Node, a worker, the main process', async () => {
    vi.stubGlobal('window', undefined);
    try {
      await expect(connect(new AbortController().signal, 'stores')).rejects.toMatchObject({
        name: 'DiskCacheError',
        code: 'DISCONNECTED',
        message: expect.stringMatching(/needs a page.*host\.stores.*deskcache\/engine/),
      });
    } finally {
      vi.stubGlobal('window', page);
    }
  });

  it('waits for a main process that is late, as long as the preload script has heard', async () => {
    vi.useFakeTimers({ toFake: ['setInterval', 'clearInterval'] });
    const given = new AbortController();
    const sent = ipcRenderer.sent.length;
    const connecting = connect(given.signal, 'stores');
    await vi.advanceTimersByTimeAsync(20_000);
    vi.useRealTimers();
    expect(ipcRenderer.sent.length - sent).toBeGreaterThan(50);
    given.abort();
    await expect(connecting).rejects.toMatchObject({
      code: 'DISCONNECTED',
      message: expect.stringMatching(/main process did not answer/),
    });
  });

  async function connected() {
    const listening = page.listeners.size;
    const { port1, port2 } = new MessageChannel();
    const sent = ipcRenderer.sent.length;
    const connecting = connect(AbortSignal.timeout(5000), 'stores');
    await vi.waitFor(() => expect(ipcRenderer.sent.length).toBe(sent + 1));
    const nonce = ipcRenderer.sent.at(-1)!;
    deliver({ deskcache: 'port', nonce }, port1);
    const near = await connecting;
    const closed = vi.fn();
    near.addEventListener('close', closed);
    return { near, far: port2, nonce, closed, listening };
  }

  it('treats the main process’s report that the engine died as the end of the port', async () => {
    const { far, nonce, closed, listening } = await connected();
    deliver({ deskcache: 'gone', nonce });
    await vi.waitFor(() => expect(closed).toHaveBeenCalledOnce());
    expect(page.listeners.size).toBe(listening);
    far.close();
  });

  it('closes once, and no other port does', async () => {
    const { far, nonce, closed } = await connected();
    const posted = page.posted.length;
    deliver({ deskcache: 'gone', nonce: nonce.replace(/^./, (first) => (first === '0' ? '1' : '0')) });
    deliver({ deskcache: 'gone', nonce: 'not a nonce' });
    expect(page.posted.length).toBe(posted);
    for (let times = 0; times < 3; times++) deliver({ deskcache: 'gone', nonce });
    await vi.waitFor(() => expect(closed).toHaveBeenCalledOnce());
    expect(page.posted.slice(posted)).toEqual([{ deskcache: 'gone', nonce }]);
    far.close();
  });

  it('listens no longer than the port is open', async () => {
    const { far, closed, listening } = await connected();
    expect(page.listeners.size).toBeGreaterThan(listening);
    far.close();
    await vi.waitFor(() => expect(closed).toHaveBeenCalledOnce());
    expect(page.listeners.size).toBe(listening);
  });

  it('listens no longer to a port that it has closed itself, which tells a browser’s page nothing', async () => {
    const { near, listening } = await connected();
    near.close();
    expect(page.listeners.size).toBe(listening);
  });
});
