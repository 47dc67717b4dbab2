import { describe, expect, it, vi } from 'vitest';
import { createNumberedAnswer, type OriginHandler, openHttpCache, URL_A } from './http-cache-fixture.ts';

const LARGE = new Uint8Array(5 * 1024 * 1024).fill(9);

/** An origin that responds after `release`. */
function createHeldOrigin(answer: OriginHandler): {
  readonly answer: OriginHandler;
  release(): void;
} {
  let release = () => {};
  const gate = new Promise<void>((resolve) => {
    release = resolve;
  });
  return {
    async answer(request, count) {
      await new Promise<void>((resolve, reject) => {
        request.signal.addEventListener('abort', () => reject(request.signal.reason));
        void gate.then(resolve);
      });
      return answer(request, count);
    },
    release: () => release(),
  };
}

describe('one fetch for many waiters', () => {
  it('sends one request for a thousand callers', async () => {
    using setup = openHttpCache(createNumberedAnswer({ 'cache-control': 'max-age=60' }));
    const bodies = await Promise.all(Array.from({ length: 1000 }, async () => (await setup.http.fetch(URL_A)).text()));
    expect(new Set(bodies)).toEqual(new Set(['1']));
    expect(setup.originRequests.length).toBe(1);
  });

  it.each([10, 100_000])(
    'sends one request for a thousand callers of %i bytes, of whom the first aborts, beside a HEAD and a Range',
    async (size) => {
      const whole = LARGE.subarray(0, size);
      const origin = createHeldOrigin(({ method, headers }) => {
        const fields = { 'cache-control': 'max-age=60', etag: '"a"' };
        if (method === 'HEAD') return new Response(null, { headers: fields });
        if (!headers.has('range')) return new Response(whole, { headers: fields });
        return new Response(whole.subarray(2, 5), { status: 206, headers: fields });
      });
      using setup = openHttpCache(origin.answer);
      const controller = new AbortController();
      const first = setup.http.fetch(URL_A, { signal: controller.signal });
      const all = Array.from(
        { length: 999 },
        async () => (await (await setup.http.fetch(URL_A)).arrayBuffer()).byteLength,
      );
      const head = setup.http.fetch(URL_A, { method: 'HEAD' });
      const part = setup.http.fetch(URL_A, { headers: { range: 'bytes=2-4' } });
      controller.abort(new Error('enough'));
      await expect(first).rejects.toThrow('enough');
      origin.release();
      expect(new Set(await Promise.all(all))).toEqual(new Set([whole.length]));
      expect([(await head).status, (await part).status, (await (await part).arrayBuffer()).byteLength]).toEqual([
        200, 206, 3,
      ]);
      expect(setup.originRequests.map(({ method, headers }) => headers.get('range') ?? method)).toEqual([
        'GET',
        'HEAD',
        'bytes=2-4',
      ]);
      const later = [{ method: 'HEAD' }, { headers: { range: 'bytes=2-4' } }].map((init) =>
        setup.http.fetch(URL_A, init),
      );
      expect((await Promise.all(later)).map(({ status }) => status)).toEqual([200, 206]);
      expect(setup.originRequests.length).toBe(3); // from what is stored
    },
  );

  it('sends one request for a hundred callers of an evicted body', async () => {
    using setup = openHttpCache(createNumberedAnswer({ 'cache-control': 'max-age=60' }));
    await (await setup.http.fetch(URL_A)).text();
    for (const key of [...setup.cache.keys({ prefix: ['http-body'] })]) setup.cache.delete(key);
    const bodies = await Promise.all(Array.from({ length: 100 }, async () => (await setup.http.fetch(URL_A)).text()));
    expect([new Set(bodies), setup.originRequests.length]).toEqual([new Set(['2']), 2]);
  });

  it('sends one request per variant', async () => {
    using setup = openHttpCache((request) => {
      const headers = { 'cache-control': 'max-age=60', vary: 'x-a' };
      return new Response(request.headers.get('x-a'), { headers });
    });
    const asked = Array.from({ length: 100 }, (_, n) => String(n % 4));
    const bodies = await Promise.all(
      asked.map(async (value) => (await setup.http.fetch(URL_A, { headers: { 'x-a': value } })).text()),
    );
    expect(bodies).toEqual(asked);
    expect(setup.originRequests.length).toBe(4);
  });

  it.each(['authorization', 'x-a'])('does not make a request wait for one with another %s', async (name) => {
    const bodies: (() => void)[] = [];
    using setup = openHttpCache((request) => {
      const value = request.headers.get(name);
      const body = new ReadableStream({
        start(controller) {
          bodies.push(() => {
            controller.enqueue(new TextEncoder().encode(value ?? ''));
            controller.close();
          });
        },
      });
      return new Response(body, { headers: { 'cache-control': 'max-age=60', ...(name === 'x-a' && { vary: name }) } });
    });
    const values = Array.from({ length: 20 }, (_, n) => `u${n}`);
    const asked = values.map(async (value) => (await setup.http.fetch(URL_A, { headers: { [name]: value } })).text());
    // All are in flight before any body has ended.
    await expect.poll(() => bodies.length).toBe(20);
    for (const end of bodies) end();
    expect(await Promise.all(asked)).toEqual(values);
    const again = values.map(async (value) => (await setup.http.fetch(URL_A, { headers: { [name]: value } })).text());
    expect([await Promise.all(again), setup.originRequests.length]).toEqual([values, 20]);
  });

  it('sends one request per caller for a response that may not be stored', async () => {
    using setup = openHttpCache(createNumberedAnswer({ 'cache-control': 'no-store' }));
    const bodies = await Promise.all([1, 2, 3].map(async () => (await setup.http.fetch(URL_A)).text()));
    expect(bodies.sort()).toEqual(['1', '2', '3']);
  });

  it('lets waiters validate a response that is stale at once in parallel', async () => {
    const asking: (() => void)[] = [];
    using setup = openHttpCache(async (request, count) => {
      if (!request.headers.has('if-none-match')) {
        return new Response(String(count), { headers: { 'cache-control': 'max-age=0', etag: '"a"' } });
      }
      await new Promise<void>((resolve) => {
        if (asking.push(resolve) === 2) for (const each of asking) each();
      });
      return new Response(null, { status: 304 });
    });
    const bodies = await Promise.all([1, 2, 3].map(async () => (await setup.http.fetch(URL_A)).text()));
    expect(bodies).toEqual(['1', '1', '1']);
    expect(asking.length).toBe(2);
  });

  it('rejects for all callers when the origin fails', async () => {
    using setup = openHttpCache(() => {
      throw new TypeError('fetch failed');
    });
    const settled = await Promise.allSettled([1, 2, 3].map(() => setup.http.fetch(URL_A)));
    expect(settled.map(({ status }) => status)).toEqual(['rejected', 'rejected', 'rejected']);
    expect(setup.originRequests.length).toBe(1);
    await expect(setup.http.fetch(URL_A)).rejects.toThrow('fetch failed');
    expect(setup.originRequests.length).toBe(2);
  });

  it('serves all callers the stored response when the origin can’t be reached', async () => {
    using setup = openHttpCache((_, count) => {
      if (count > 1) throw new TypeError('fetch failed');
      return new Response('old', { headers: { 'cache-control': 'max-age=1' } });
    });
    await (await setup.http.fetch(URL_A)).text();
    setup.advance(5000);
    const bodies = await Promise.all([1, 2, 3].map(async () => (await setup.http.fetch(URL_A)).text()));
    expect([bodies, setup.originRequests.length]).toEqual([['old', 'old', 'old'], 2]);
  });

  it.each([0, 1])('goes on when caller %i of two aborts', async (leaving) => {
    const origin = createHeldOrigin(createNumberedAnswer({ 'cache-control': 'max-age=60' }));
    using setup = openHttpCache(origin.answer);
    const controllers = [new AbortController(), new AbortController()];
    const waiting = controllers.map(({ signal }) => setup.http.fetch(URL_A, { signal }));
    controllers[leaving]!.abort(new Error('enough'));
    await expect(waiting[leaving]).rejects.toThrow('enough');
    origin.release();
    expect(await (await waiting[1 - leaving]!).text()).toBe('1');
    expect([setup.originRequests.length, setup.originRequests[0]?.signal.aborted]).toEqual([1, false]);
  });

  it('aborts the request when all callers have aborted', async () => {
    const origin = createHeldOrigin(createNumberedAnswer({ 'cache-control': 'max-age=60' }));
    using setup = openHttpCache(origin.answer);
    const controllers = [new AbortController(), new AbortController()];
    const waiting = controllers.map(({ signal }) => setup.http.fetch(URL_A, { signal }));
    for (const controller of controllers) controller.abort(new Error('enough'));
    await Promise.allSettled(waiting);
    expect(setup.originRequests[0]?.signal.aborted).toBe(true);
    origin.release();
    expect(await (await setup.http.fetch(URL_A)).text()).toBe('2');
  });

  it('a reader that aborts in the middle fails alone', async () => {
    using setup = openHttpCache(() => new Response(LARGE, { headers: { 'cache-control': 'max-age=60' } }));
    const controller = new AbortController();
    const first = await setup.http.fetch(URL_A, { signal: controller.signal });
    const second = setup.http.fetch(URL_A);
    controller.abort(new Error('enough'));
    await expect(first.arrayBuffer()).rejects.toThrow('enough');
    expect((await (await second).arrayBuffer()).byteLength).toBe(LARGE.length);
  });

  it('cancels a stored body that is opened after its request was aborted', async () => {
    using setup = openHttpCache(() => new Response(LARGE, { headers: { 'cache-control': 'max-age=60' } }));
    await (await setup.http.fetch(URL_A)).arrayBuffer();
    const left = vi.fn();
    const opened = setup.cache.openBytes.bind(setup.cache);
    vi.spyOn(setup.cache, 'openBytes').mockImplementation((key) => {
      const item = opened(key)!;
      const pull = (controller: ReadableStreamDefaultController) => controller.enqueue(new Uint8Array(1000));
      return Object.create(item, { stream: { value: () => new ReadableStream({ pull, cancel: left }) } });
    });
    const controller = new AbortController();
    const answer = setup.http.fetch(URL_A, { signal: controller.signal });
    controller.abort(new Error('enough'));
    await expect(answer).rejects.toThrow('enough');
    await vi.waitFor(() => expect(left).toHaveBeenCalledOnce());
  });

  it('a reader that does not read delays no other reader', async () => {
    using setup = openHttpCache(() => new Response(LARGE, { headers: { 'cache-control': 'max-age=60' } }));
    const [unread, read] = await Promise.all([setup.http.fetch(URL_A), setup.http.fetch(URL_A)]);
    expect((await read.arrayBuffer()).byteLength).toBe(LARGE.length);
    expect((await unread.arrayBuffer()).byteLength).toBe(LARGE.length);
    expect((await (await setup.http.fetch(URL_A)).arrayBuffer()).byteLength).toBe(LARGE.length);
    expect(setup.cache.check()).toEqual([]);
  });

  it('does not store a response that was in flight when its URL was changed', async () => {
    const origin = createHeldOrigin(createNumberedAnswer({ 'cache-control': 'max-age=60' }));
    using setup = openHttpCache((request, count) =>
      request.method === 'PUT' ? new Response('changed') : origin.answer(request, count),
    );
    const before = setup.http.fetch(URL_A);
    await setup.http.fetch(URL_A, { method: 'PUT', body: 'x' });
    origin.release();
    expect(await (await before).text()).toBe('1');
    expect(setup.cache.size).toBe(0);
    expect(await (await setup.http.fetch(URL_A)).text()).toBe('3');
  });
});
