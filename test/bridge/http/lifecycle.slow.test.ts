import { setTimeout } from 'node:timers/promises';
import { describe, expect, it, vi } from 'vitest';
import { DiskCacheError } from '../../../protocol/error.ts';
import { collectGarbage } from '../../gc.ts';
import { openHttpPage } from './http-port-fixture.ts';

const disconnected = new DiskCacheError('DISCONNECTED', 'The page is being replaced by another');
const URL_A = 'https://a.example/a';

/** Bodies without an end, counted while they are open; `signal` breaks them off, as it does those of a network. */
function createEndlessResponse() {
  const counted = { open: 0 };
  const body = (signal?: AbortSignal) => {
    counted.open++;
    let isOpen = true;
    const end = () => {
      if (isOpen) counted.open--;
      isOpen = false;
    };
    return new ReadableStream({
      start(controller) {
        signal?.addEventListener('abort', () => {
          end();
          controller.error(signal.reason);
        });
      },
      async pull(controller) {
        await setTimeout(1);
        if (isOpen) controller.enqueue(new Uint8Array(50_000));
      },
      cancel: end,
    });
  };
  return { counted, body };
}

describe('pages that come and go', () => {
  it('leave no call, no body in either direction, no listener and nothing half', { timeout: 60_000 }, async () => {
    const upstream = createEndlessResponse();
    let waiting = 0;
    using page = openHttpPage({
      fetch: ({ url, signal }) => {
        if (!url.endsWith('never'))
          return new Response(upstream.body(), { headers: { 'cache-control': 'max-age=60' } });
        waiting++;
        return new Promise((_, reject) => {
          signal.addEventListener('abort', () => {
            waiting--;
            reject(signal.reason);
          });
        });
      },
    });
    let listening = 0;
    const subscribe = page.offline.connection.subscribe.bind(page.offline.connection);
    vi.spyOn(page.offline.connection, 'subscribe').mockImplementation((listener) => {
      const stop = subscribe(listener);
      listening++;
      return () => {
        listening--;
        stop();
      };
    });
    const uploads = createEndlessResponse();
    const codes = new Set<unknown>();
    const note = (error: unknown) => void codes.add((error as { code?: string }).code ?? String(error));
    for (let round = 0; round < 200; round++) {
      const visitor = page.anotherPage();
      visitor.connection.subscribe(() => {}, { onError: note });
      const cache = await visitor.caches.open('v1');
      const { body } = await visitor.fetch(`${URL_A}${round}`);
      const reader = body!.getReader();
      await reader.read();
      const underWay = [
        visitor.fetch('https://a.example/never'),
        cache.put(URL_A, new Response(uploads.body())),
        visitor.fetch(`${URL_A}unread${round}`),
        cache.add('https://a.example/never'),
      ].map((it) => it.catch(note));
      if (round % 3) await setTimeout(2);
      // Half of them are left, half are ended by the main process.
      if (round % 2) visitor.disconnect();
      page.sessions.at(-1)!.close(disconnected);
      visitor.disconnect();
      await Promise.all(underWay);
      await reader.closed.catch(note);
    }
    expect([...codes]).toEqual(['DISCONNECTED']);
    await vi.waitFor(() => {
      expect(page.sessions.reduce((sum, { open }) => sum + open, 0)).toBe(0);
      expect([listening, waiting, uploads.counted.open, upstream.counted.open]).toEqual([0, 0, 0, 0]);
    });
    expect([...page.stored.keys({ prefix: ['cached-body'] }), ...page.stored.keys({ prefix: ['cached'] })]).toEqual([]);
    expect([await page.caches.keys(), [...page.http.keys()]]).toEqual([['v1'], []]);
  });

  it('let go of the bodies that they forget to read', { timeout: 20_000 }, async () => {
    const upstream = createEndlessResponse();
    using page = openHttpPage({ fetch: ({ signal }) => new Response(upstream.body(signal)) });
    const forever = new AbortController();
    for (let n = 0; n < 20; n++) {
      const { status } = await page.diskCache.fetch(`${URL_A}${n}`, { signal: forever.signal });
      expect(status).toBe(200);
    }
    const kept = await page.diskCache.fetch(URL_A);
    await vi.waitFor(
      () => {
        collectGarbage();
        expect([page.sessions[0]!.open, upstream.counted.open]).toEqual([1, 1]);
      },
      { timeout: 15_000, interval: 100 },
    );
    await kept.body!.cancel();
  });

  it('reject when the host was closed, and work with the next one', async () => {
    using page = openHttpPage({ fetch: () => new Response('x'.repeat(100_000)) });
    const [first, second] = await Promise.all([page.diskCache.fetch(URL_A), page.diskCache.fetch(URL_A)]);
    const third = (await page.diskCache.fetch(URL_A)).body!.getReader();
    page.sessions[0]!.close(new DiskCacheError('DISCONNECTED', 'The host was closed'));
    await expect(third.closed).rejects.toThrow('The host was closed');
    await expect(first.text()).rejects.toThrow('The host was closed');
    expect(await (await page.diskCache.fetch(URL_A)).text()).toHaveLength(100_000);
    await expect(second.text()).rejects.toThrow('The host was closed');
    expect(page.sessions.map(({ open }) => open)).toEqual([0, 0]);
  });
});
