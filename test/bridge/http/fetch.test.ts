import { setImmediate } from 'node:timers/promises';
import { describe, expect, it, vi } from 'vitest';
import { getCacheStatus } from '../../../protocol/cache-status.ts';
import { errorMatching } from '../../matchers.ts';
import { openHttpPage } from './http-port-fixture.ts';

const URL_A = 'https://a.example/a';

const sleepBriefly = () => new Promise((resolve) => setTimeout(resolve, 20));

/** A body that never ends by itself, and says when nobody wants it any more. */
function createEndlessBody(bytes = 1000) {
  let cancelled: unknown;
  let pulls = 0;
  const body = new ReadableStream({
    pull(controller) {
      pulls++;
      controller.enqueue(new Uint8Array(bytes));
    },
    cancel(reason) {
      cancelled = reason ?? 'without a reason';
    },
  });
  return { body, cancelled: () => cancelled, pulls: () => pulls };
}

describe('fetch from a page', () => {
  it('is answered by the strategies of the main process, which say where the answer came from', async () => {
    let asked = 0;
    const fetch = () => new Response(String(++asked), { headers: { 'cache-control': 'max-age=60' } });
    using page = openHttpPage({ fetch });
    const ask = async (init?: Parameters<typeof page.diskCache.fetch>[1]) => {
      const response = await page.diskCache.fetch(`${URL_A}#there`, init);
      return [await response.text(), getCacheStatus(response), response.url];
    };
    expect(await ask()).toEqual(['1', 'miss', URL_A]);
    expect(await ask()).toEqual(['1', 'hit', URL_A]);
    expect(await ask({ strategy: 'network-only' })).toEqual(['2', 'miss', URL_A]);
    expect(await ask({ strategy: 'network-first', timeout: 5000 })).toEqual(['3', 'miss', URL_A]);
    expect(await ask({ cache: 'reload' })).toEqual(['4', 'miss', URL_A]);
    expect(await ask({ cache: 'only-if-cached', mode: 'same-origin' })).toEqual(['4', 'hit', URL_A]);
    page.offline.connection.set(false);
    expect(await ask({ strategy: 'network-first' })).toEqual(['4', 'hit', URL_A]);
    expect((await page.diskCache.fetch('https://a.example/b', { strategy: 'cache-only' })).status).toBe(504);
    await expect(page.diskCache.fetch('https://a.example/b')).rejects.toThrow(TypeError);
    await expect(page.diskCache.fetch(URL_A, { strategy: 'fastest' as 'http' })).rejects.toThrow(
      errorMatching('BAD_OPTION'),
    );
    await expect(page.diskCache.fetch(URL_A, { strategy: 'http', timeout: -1 })).rejects.toThrow(
      errorMatching('BAD_OPTION'),
    );
  });

  it('gives a Response as fetch does: status, fields, address, body, clones', async () => {
    const fetch = () =>
      Object.defineProperties(
        new Response('{"a":1}', {
          status: 404,
          statusText: 'Nowhere',
          headers: [
            ['x-a', '1'],
            ['set-cookie', 'secret=1'],
          ],
        }),
        { url: { value: `${URL_A}#moved` }, redirected: { value: true } },
      );
    using page = openHttpPage({ fetch });
    const response = await page.diskCache.fetch(URL_A);
    expect(response).toBeInstanceOf(Response);
    const clone = response.clone();
    for (const it of [response, clone]) {
      expect([it.ok, it.status, it.statusText, it.url, it.redirected]).toEqual([
        false,
        404,
        'Nowhere',
        `${URL_A}#moved`,
        true,
      ]);
      expect([it.headers.get('x-a'), it.headers.get('set-cookie'), it.bodyUsed]).toEqual(['1', null, false]);
      expect(await it.json()).toEqual({ a: 1 });
      expect(it.bodyUsed).toBe(true);
    }
    await expect(response.text()).rejects.toThrow(TypeError);
    const head = await page.diskCache.fetch(URL_A, { method: 'HEAD' });
    expect(head.status).toBe(404);
  });

  it('fails if the body gives something else than bytes, and cancels its stream', async () => {
    const cancelled = vi.fn();
    const odd = () =>
      new ReadableStream({
        start: (controller) => controller.enqueue('text'),
        cancel: cancelled,
      });
    using page = openHttpPage({ fetch: () => new Response(odd(), { headers: { 'cache-control': 'no-store' } }) });
    const response = await page.diskCache.fetch(URL_A);
    await expect(response.text()).rejects.toThrow('must give bytes');
    await vi.waitFor(() => expect(cancelled).toHaveBeenCalledOnce());
    expect(page.sessions[0]!.open).toBe(0);
  });

  it('cancels the source of a body that it no longer wants, also a silent one', async () => {
    using page = openHttpPage({ fetch: () => new Response('unreached') });
    for (const leave of [
      (leaving: AbortController) => leaving.abort(new Error('enough')),
      () => page.diskCache.disconnect('enough'),
    ]) {
      const cancelled = vi.fn();
      const leaving = new AbortController();
      const init = { method: 'POST', body: new ReadableStream({ cancel: cancelled }), signal: leaving.signal };
      const answer = page.diskCache.fetch(URL_A, init);
      await setImmediate();
      leave(leaving);
      await expect(answer).rejects.toThrow('enough');
      await vi.waitFor(() => expect(cancelled).toHaveBeenCalledOnce());
    }
  });

  it('sends method, fields and body, but for the fields that a page may not set', async () => {
    const heard: unknown[] = [];
    const fetch = async (request: Request) => {
      heard.push([request.method, Object.fromEntries(request.headers), await request.text(), request.credentials]);
      return new Response(null, { status: 204 });
    };
    using page = openHttpPage({ fetch });
    const headers = { 'x-a': '1', cookie: 'a=b', origin: 'https://evil.example', 'sec-fetch-site': 'none' };
    const answer = await page.diskCache.fetch(URL_A, { method: 'POST', headers, body: 'hello', credentials: 'omit' });
    expect([answer.status, answer.body]).toEqual([204, null]);
    expect(heard).toEqual([['POST', { 'content-type': 'text/plain;charset=UTF-8', 'x-a': '1' }, 'hello', 'omit']]);
  });

  it('streams a request body as it is read, with backpressure on the page', async () => {
    const big = new Uint8Array(3_000_000).map((_, n) => n % 251);
    let received: Uint8Array | undefined;
    using page = openHttpPage({
      fetch: async (request) => {
        if (request.url === URL_A) received = new Uint8Array(await request.arrayBuffer());
        return new Response('done');
      },
    });
    await page.diskCache.fetch(URL_A, { method: 'PUT', body: new Blob([big]) });
    expect(Buffer.compare(received!, big)).toBe(0);
    const source = createEndlessBody(100_000);
    const answer = await page.diskCache.fetch('https://a.example/unread', { method: 'POST', body: source.body });
    expect(await answer.text()).toBe('done');
    await sleepBriefly();
    const pulls = source.pulls();
    expect(pulls).toBeLessThan(50);
    await sleepBriefly();
    expect(source.pulls()).toBe(pulls);
    page.diskCache.disconnect();
    await vi.waitFor(() => expect(source.cancelled()).toBeDefined());
  });

  it('rejects with what broke a request body off', async () => {
    using page = openHttpPage({
      fetch: async (request) => new Response(String((await request.arrayBuffer()).byteLength)),
    });
    const broken = new Error('The file was removed');
    let chunks = 0;
    const body = new ReadableStream({
      pull(controller) {
        if (++chunks < 20) controller.enqueue(new Uint8Array(100_000));
        else controller.error(broken);
      },
    });
    await expect(page.diskCache.fetch(URL_A, { method: 'POST', body })).rejects.toBe(broken);
    let cancelled = 0;
    const texts = new ReadableStream({ start: (it) => it.enqueue('text'), cancel: () => void cancelled++ });
    await expect(page.diskCache.fetch(URL_A, { method: 'POST', body: texts })).rejects.toThrow(TypeError);
    expect(cancelled).toBe(1);
    await vi.waitFor(() => expect(page.sessions[0]!.open).toBe(0));
  });

  it('holds back the origin while the page does not read, and cancels it when the page wants no more', async () => {
    const source = createEndlessBody(100_000);
    using page = openHttpPage({
      fetch: () => new Response(source.body, { headers: { 'cache-control': 'no-store' } }),
    });
    const response = await page.diskCache.fetch(URL_A);
    const reader = response.body!.getReader();
    await reader.read();
    await sleepBriefly();
    expect(source.pulls()).toBeLessThan(50);
    await reader.cancel('enough');
    await vi.waitFor(() => expect([source.cancelled() === undefined, page.sessions[0]!.open]).toEqual([false, 0]));
  });

  it('reads a body to its end into the page’s own buffers (BYOB)', async () => {
    const bytes = new Uint8Array(700_000).map((_, n) => n % 199);
    using page = openHttpPage({ fetch: () => new Response(bytes) });
    const { body } = await page.diskCache.fetch(URL_A);
    const reader = body!.getReader({ mode: 'byob' });
    const read: number[] = [];
    for (let buffer = new ArrayBuffer(50_000); ; ) {
      const { done, value } = await reader.read(new Uint8Array(buffer));
      if (done) break;
      read.push(...value);
      buffer = value.buffer;
    }
    expect(Buffer.compare(Buffer.from(read), bytes)).toBe(0);
  });
});

describe('a signal', () => {
  it('rejects with its reason at once and aborts the request upstream', async () => {
    let aborted = 0;
    using page = openHttpPage({
      fetch: ({ signal }) =>
        new Promise((_, reject) => {
          signal.addEventListener('abort', () => {
            aborted++;
            reject(signal.reason);
          });
        }),
    });
    const controller = new AbortController();
    const answer = page.diskCache.fetch(URL_A, { signal: controller.signal });
    await vi.waitFor(() => expect(page.sessions[0]?.open).toBe(1));
    controller.abort();
    await expect(answer).rejects.toMatchObject({ name: 'AbortError' });
    await vi.waitFor(() => expect([aborted, page.sessions[0]!.open]).toEqual([1, 0]));
    const before = page.diskCache.fetch(URL_A, { signal: AbortSignal.abort(new Error('before it began')) });
    await expect(before).rejects.toThrow('before it began');
    await expect(page.diskCache.fetch(URL_A, { signal: AbortSignal.timeout(5) })).rejects.toMatchObject({
      name: 'TimeoutError',
    });
  });

  it('breaks off a body that is being read', async () => {
    const source = createEndlessBody(100_000);
    using page = openHttpPage({
      fetch: () => new Response(source.body, { headers: { 'cache-control': 'no-store' } }),
    });
    const controller = new AbortController();
    const { body } = await page.diskCache.fetch(URL_A, { signal: controller.signal });
    const reader = body!.getReader();
    await reader.read();
    const why = new Error('The window shows something else');
    controller.abort(why);
    await expect(reader.read().then(() => reader.closed)).rejects.toBe(why);
    await vi.waitFor(() => expect([source.cancelled() === undefined, page.sessions[0]!.open]).toEqual([false, 0]));
  });
});

describe('a grant', () => {
  it('reads with GET and HEAD, writes with the others, and is never meant by "*"', async () => {
    const asked: string[] = [];
    using page = openHttpPage({
      fetch: ({ method }) => {
        asked.push(method);
        return new Response('x');
      },
    });
    const reader = page.anotherPage({ stores: { '@fetch': 'read' } });
    expect((await reader.fetch(URL_A, { strategy: 'network-only' })).status).toBe(200);
    for (const method of ['POST', 'DELETE', 'PATCH', 'OPTIONS'])
      await expect(reader.fetch(URL_A, { method })).rejects.toThrow(errorMatching('NOT_ALLOWED'));
    const everything = page.anotherPage({ stores: { '*': 'admin' } });
    await expect(everything.fetch(URL_A)).rejects.toThrow(errorMatching('NOT_ALLOWED'));
    await expect(everything.connection.online).rejects.toThrow(errorMatching('NOT_ALLOWED'));
    await (await page.diskCache.fetch(URL_A, { method: 'DELETE' })).text();
    expect(asked).toEqual(['GET', 'DELETE']);
    await expect(page.diskCache.fetch('file:///etc/passwd')).rejects.toThrow(errorMatching('NOT_ALLOWED'));
  });
});
