import { setTimeout } from 'node:timers/promises';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import type { MessagePortLike } from '../../client/port-connection.ts';
import { FULL_GRANT } from '../../main/bridge/grant.ts';
import { AttachedWindows, installInSession } from '../../main/electron/attached-windows.ts';
import { LocalEngine } from '../../main/electron/engine-endpoint.ts';
import { HttpService } from '../../main/electron/http-service.ts';
import { WindowShards } from '../../main/electron/window-stores.ts';
import { Registry } from '../../main/engine/registry.ts';
import { type ErrorData, fromErrorData } from '../../protocol/error.ts';
import type { PortPurpose } from '../../protocol/handshake.ts';
import { cache, index } from '../../protocol/stores.ts';
import { DiskCache } from '../../renderer-api/disk-cache.ts';
import type { RemoteWebCache } from '../../renderer-api/http/remote-caches.ts';
import { freshDirectory } from '../engine/fresh-directory.ts';
import { app, committed, createNonce, openFrame, openSession, openWindow } from './electron-double.ts';
import { openPorts } from './real-ports.ts';

vi.mock('electron', () => import('./real-ports.ts'));

type Window = ReturnType<typeof openWindow>;
const stores = { api: cache(), settings: index() };
let registry: Registry;
let windows: WindowShards;
let offline: HttpService;
let attached: AttachedWindows;
let listening = 0;
let asked = 0;

function openHost(directory: string): void {
  registry = new Registry(directory, stores);
  windows = new WindowShards(`${directory}/_windows`);
  for (const store of [registry.get('api'), registry.get('settings')]) countListeners(store as never);
  offline = new HttpService(directory);
  const engine = new LocalEngine(windows, (name) => registry.get(name));
  attached = new AttachedWindows(
    () => FULL_GRANT,
    engine,
    (session) => offline.createSessionOpener(session),
  );
}

function closeHost(): void {
  attached.close('The host was closed');
  offline.close();
  windows.close();
  registry.close();
}

function countListeners(store: { subscribe(...args: unknown[]): () => void }): void {
  const subscribe = store.subscribe.bind(store);
  vi.spyOn(store, 'subscribe').mockImplementation((...args) => {
    const stop = subscribe(...args);
    listening++;
    return () => {
      listening--;
      stop();
    };
  });
}

/** A document of a window: its client, which asks until it is answered, or `left`. */
function openPage(window: Window) {
  let lives = true;
  const connect = async (_: AbortSignal, to: PortPurpose) => {
    while (lives) {
      const { frame, answers } = openFrame();
      window.ask(frame, createNonce(++asked), to);
      const [answer] = answers;
      if (answer?.message.error) throw fromErrorData(answer.message.error as ErrorData);
      if (answer) return answer.ports[0] as MessagePortLike;
      await setTimeout(5);
    }
    return new Promise<MessagePortLike>(() => {});
  };
  return {
    page: new DiskCache(connect),
    left: () => {
      lives = false;
    },
  };
}

/** The typical calls of a page, some of which are under way when it goes. */
async function exerciseStores(
  page: DiskCache,
  kept: RemoteWebCache,
  round: number,
): Promise<PromiseSettledResult<unknown>[]> {
  const url = `https://a.example/${round}`;
  const caching = Promise.allSettled([kept.keys(), kept.match(url), kept.put(url, new Response('x'))]);
  page.nearCache('api');
  page.cache('api').subscribe(() => {}, { onError: () => {} });
  page.index('settings').subscribe(() => {}, { prefix: 'a', onError: () => {} });
  await Promise.all([page.cache('api').set(round % 10, round), page.window.set('round', round)]);
  await page.cache('api').get(round % 10);
  const last = [page.cache('api').get(0), page.index('settings').set('a', round), page.window.size];
  return [...(await caching), ...(await Promise.allSettled(last))];
}

beforeEach(() => {
  listening = 0;
  openHost(freshDirectory());
});
afterEach(() => closeHost());

const WAYS_TO_LEAVE: Readonly<Record<string, (window: Window) => void>> = {
  reload: ({ emit }) => emit(...committed(openFrame().frame)),
  crash: ({ emit }) => emit('render-process-gone'),
  close: ({ close }) => close(),
};

describe('windows that come and go', () => {
  it('leave no port, listener or subscription behind, however their pages end', { timeout: 60_000 }, async () => {
    const { session } = openSession();
    const undo = installInSession(session, { lifetime: 'session' }, '/preload.cjs', attached);
    const before = openPorts();
    const codes = new Set<string>();
    for (let round = 0; round < 20; round++) {
      // Two windows of one name, one that has a number, and one that is never shown.
      const open = [0, 1, 2, 3].map(() => openWindow({ session }));
      for (const { contents } of open.slice(0, 2)) attached.attach(contents, { name: 'twin', lifetime: 'session' });
      await Promise.resolve();
      for (const way of ['reload', 'crash', 'reload', 'close']) {
        await Promise.all(
          open.slice(0, 3).map(async (window) => {
            const { page, left } = openPage(window);
            const [api] = [page.cache('api')];
            const [kept] = await Promise.all([page.caches.open('v1'), api.get('connected')]);
            const underWay = exerciseStores(page, kept, round);
            if (round % 2) await Promise.resolve();
            else await api.get('once more');
            left();
            WAYS_TO_LEAVE[way]!(window);
            for (const outcome of await underWay.catch((error: unknown) => [{ status: 'rejected', reason: error }])) {
              if (outcome.status === 'rejected') codes.add((outcome as PromiseRejectedResult).reason.code);
            }
          }),
        );
        expect(attached.sessions).toBe(0);
      }
      open[3]!.close();
      expect(attached.getFreeName()).toBe('window-1');
    }
    expect([...codes]).toEqual(['DISCONNECTED']);
    await vi.waitFor(() => expect([listening, openPorts()]).toEqual([0, before]));
    expect(windows.list()).toEqual([]);
    undo();
    expect(app.listenerCount('web-contents-created')).toBe(0);
  });

  it('share the data of one name until the last of them is closed', async () => {
    const [one, two] = [openWindow(), openWindow()];
    for (const { contents } of [one, two]) attached.attach(contents, { name: 'twin', lifetime: 'session' });
    await openPage(one).page.window.set('k', 'of both');
    one.close();
    expect(await openPage(two).page.window.get('k')).toBe('of both');
    two.close();
    expect(windows.list()).toEqual([]);
  });

  it('get the end of the host for calls in flight, and continue with the next host', async () => {
    const directory = freshDirectory();
    closeHost();
    openHost(directory);
    const before = openPorts();
    const window = openWindow();
    attached.attach(window.contents, { name: 'main' });
    const { page, left } = openPage(window);
    const api = page.cache('api');
    const heard: string[] = [];
    api.subscribe(({ kind }) => heard.push(kind));
    await api.set('k', 1);
    await vi.waitFor(() => expect(heard).toEqual(['set']));
    const underWay = Promise.allSettled(Array.from({ length: 200 }, (_, n) => api.set(n, n)));
    await Promise.resolve();
    closeHost();
    const codes = (await underWay).map((it) => it.status === 'rejected' && it.reason.code);
    expect(codes).toEqual(new Array(200).fill('DISCONNECTED'));
    expect(window.listeners()).toBe(0);
    openHost(directory);
    attached.attach(window.contents, { name: 'main' });
    await vi.waitFor(() => expect(heard).toEqual(['set', 'reset']));
    expect(await api.get('k')).toBe(1);
    await api.set('k', 2);
    await vi.waitFor(() => expect(heard).toEqual(['set', 'reset', 'set']));
    left();
    window.close();
    await vi.waitFor(() => expect([listening, openPorts()]).toEqual([0, before]));
  });
});
