import { join } from 'node:path';
import Database from 'better-sqlite3';
import { describe, expect, it, vi } from 'vitest';
import type { HttpCacheOptions } from '../../../main/offline/http/http-cache.ts';
import { getCacheStatus } from '../../../main/offline/http/response.ts';
import { createNumberedAnswer, fetchText, openHttpCache, URL_A } from './http-cache-fixture.ts';

const SECOND_MS = 1000;
const FRESH = { 'cache-control': 'max-age=60' };
const LARGE = new Uint8Array(5 * 1024 * 1024).fill(9);

/** A body that ends on demand or never, and reports when it was cancelled. */
function createSlowBody(text = 'begun') {
  let end = () => {};
  const seen = { cancelled: false };
  const body = new ReadableStream<Uint8Array>({
    start(controller) {
      controller.enqueue(new TextEncoder().encode(text));
      end = () => controller.close();
    },
    cancel: () => {
      seen.cancelled = true;
    },
  });
  return { body, end: () => end(), seen };
}

describe('a response that was under way when its URL was changed is not stored', () => {
  it('not even if a slow reader has released the waiters', async () => {
    let sent = 0;
    const body = new ReadableStream<Uint8Array>({
      pull: (controller) => (sent++ < 40 ? controller.enqueue(LARGE.subarray(0, 128 * 1024)) : controller.close()),
    });
    using setup = openHttpCache((request) => new Response(request.method === 'PUT' ? '' : body, { headers: FRESH }));
    const before = await setup.http.fetch(URL_A);
    await expect.poll(() => sent).toBe(9); // a window of 1 MiB, and one chunk in front of it
    await setup.http.fetch(URL_A, { method: 'PUT', body: 'x' });
    expect((await before.arrayBuffer()).byteLength).toBe(LARGE.length);
    expect([await setup.http.match(URL_A), setup.cache.size]).toEqual([undefined, 0]);
  });

  it('nor one that a reload has superseded', async () => {
    const held: (() => void)[] = [];
    using setup = openHttpCache(async (_, count) => {
      if (count === 1) await new Promise<void>((resolve) => held.push(resolve));
      return new Response(String(count), { headers: FRESH });
    });
    const first = setup.http.fetch(URL_A);
    expect(await fetchText(setup, { cache: 'reload' })).toEqual(['2', 'miss']);
    for (const release of held) release();
    expect(await (await first).text()).toBe('1');
    expect(await fetchText(setup)).toEqual(['2', 'hit']);
  });
});

describe('a client that has read all bytes finds them stored', () => {
  it.each([9, 100_000])('at the last of %i announced bytes', async (size) => {
    const { body, end } = createSlowBody('x'.repeat(size));
    using setup = openHttpCache(() => new Response(body, { headers: { ...FRESH, 'content-length': String(size) } }));
    const reader = (await setup.http.fetch(URL_A)).body!.getReader();
    const read = reader.read();
    end();
    expect((await read).value?.length).toBe(size);
    expect(await (await setup.http.match(URL_A))?.text()).toBe('x'.repeat(size));
  });

  it('and gets all bytes, even if another number was announced', async () => {
    const body = () =>
      new ReadableStream<Uint8Array>({
        start(controller) {
          for (const part of ['one', 'two', 'three']) controller.enqueue(new TextEncoder().encode(part));
          controller.close();
        },
      });
    using setup = openHttpCache((_, count) => {
      const size = String([3, 6, 11, 99, 0][count - 1]);
      return new Response(body(), { headers: { 'cache-control': 'no-cache', 'content-length': size } });
    });
    for (let time = 0; time < 5; time++) expect(await (await setup.http.fetch(URL_A)).text()).toBe('onetwothree');
  });
});

describe('an abort', () => {
  it('ends the body of a response that is not stored', async () => {
    using setup = openHttpCache(({ signal }) => {
      const body = new ReadableStream({
        start(controller) {
          controller.enqueue(new Uint8Array(9));
          signal.addEventListener('abort', () => controller.error(signal.reason));
        },
      });
      return new Response(body, { headers: { 'cache-control': 'no-store' } });
    });
    const controller = new AbortController();
    const response = await setup.http.fetch(URL_A, { signal: controller.signal });
    controller.abort(new Error('enough'));
    await expect(response.text()).rejects.toThrow('enough');
  });

  it('cancels a response without readers, after its waiters were released', async () => {
    const { body, seen } = createSlowBody();
    const held: (() => void)[] = [];
    using setup = openHttpCache(async ({ signal }, count) => {
      if (count > 1) return new Response(String(count));
      await new Promise<void>((resolve) => held.push(resolve));
      signal.addEventListener('abort', () => body.cancel());
      return new Response(body, { headers: { 'cache-control': 'no-store' } });
    });
    const controller = new AbortController();
    const first = setup.http.fetch(URL_A, { signal: controller.signal });
    const second = setup.http.fetch(URL_A);
    await expect.poll(() => held.length).toBe(1);
    controller.abort(new Error('enough'));
    await expect(first).rejects.toThrow('enough');
    for (const release of held) release();
    expect(await (await second).text()).toBe('2');
    await expect.poll(() => setup.originRequests[0]?.signal.aborted).toBe(true);
    expect(seen.cancelled).toBe(true);
  });

  it('in the middle of a body stores no part of it', async () => {
    const { body } = createSlowBody('x'.repeat(100_000));
    using setup = openHttpCache(({ signal }) => {
      const broken = new ReadableStream({
        async start(controller) {
          signal.addEventListener('abort', () => controller.error(signal.reason));
          for await (const chunk of body) controller.enqueue(chunk);
        },
      });
      return new Response(broken, { headers: FRESH });
    });
    const controller = new AbortController();
    const response = await setup.http.fetch(URL_A, { signal: controller.signal });
    const reader = response.body!.getReader();
    await reader.read();
    controller.abort(new Error('enough'));
    await expect(reader.read()).rejects.toThrow('enough');
    await expect.poll(() => setup.originRequests[0]?.signal.aborted).toBe(true);
    await expect.poll(() => setup.cache.size).toBe(0);
    expect([setup.cache.size, setup.cache.check(), setup.failures]).toEqual([0, [], []]);
  });
});

describe('a background request', () => {
  const failing = (onRevalidationFailure: HttpCacheOptions['onRevalidationFailure']) =>
    openHttpCache(
      (_, count) => {
        if (count > 1) throw new TypeError('fetch failed');
        return new Response('good', { headers: { 'cache-control': 'max-age=10, stale-while-revalidate=60' } });
      },
      { onRevalidationFailure: onRevalidationFailure! },
    );

  it('that fails is reported', async () => {
    const told: unknown[] = [];
    using setup = failing((error, url) => told.push([String(error), url]));
    await fetchText(setup);
    setup.advance(20 * SECOND_MS);
    expect(await fetchText(setup)).toEqual(['good', 'stale']);
    await setup.http.idle();
    expect(told).toEqual([['TypeError: fetch failed', URL_A]]);
  });

  it('has the credentials of the request, but not its Range', async () => {
    using setup = openHttpCache(createNumberedAnswer({ 'cache-control': 'max-age=10, stale-while-revalidate=60' }));
    await fetchText(setup, { credentials: 'omit' });
    setup.advance(20 * SECOND_MS);
    await fetchText(setup, { credentials: 'omit', headers: { range: 'bytes=0-0' } });
    await setup.http.idle();
    const sent = setup.originRequests[1];
    expect([sent?.credentials, sent?.headers.get('range'), sent?.method]).toEqual(['omit', null, 'GET']);
  });
});

describe('a clock that was set back', () => {
  it('makes no response from the future fresh', async () => {
    using setup = openHttpCache(createNumberedAnswer(FRESH));
    setup.advance(3600 * SECOND_MS);
    await fetchText(setup);
    setup.advance(-3600 * SECOND_MS);
    expect(await fetchText(setup)).toEqual(['2', 'miss']);
    expect(await fetchText(setup)).toEqual(['2', 'hit']);
  });

  it('keeps stored responses usable when the origin can’t be reached', async () => {
    using setup = openHttpCache((_, count) => {
      if (count > 1) throw new TypeError('fetch failed');
      return new Response('good', { headers: FRESH });
    });
    setup.advance(3600 * SECOND_MS);
    await fetchText(setup);
    setup.advance(-3600 * SECOND_MS);
    expect((await fetchText(setup))[0]).toBe('good');
  });
});

describe('a 304', () => {
  const confirmedWith = (fields: Record<string, string>) =>
    openHttpCache((request, count) =>
      request.headers.has('if-none-match')
        ? new Response(null, { status: 304, headers: fields })
        : new Response(String(count), {
            headers: { etag: '"v1"', 'cache-control': 'max-age=10', ...(count > 1 && fields) },
          }),
    );

  it.each([{ 'cache-control': 'no-store, max-age=60' }, { vary: '*' }] as Record<string, string>[])(
    'that forbids storing, %o, deletes the stored response after this use',
    async (fields) => {
      using setup = confirmedWith(fields);
      await fetchText(setup);
      setup.advance(20 * SECOND_MS);
      expect(await fetchText(setup)).toEqual(['1', 'revalidated']);
      expect([await setup.http.match(URL_A), setup.cache.size]).toEqual([undefined, 0]);
    },
  );

  it('that varies by another field binds the stored response to the request’s value of it', async () => {
    using setup = confirmedWith({ vary: 'accept-language', 'cache-control': 'max-age=60' });
    await fetchText(setup, { headers: { 'accept-language': 'de' } });
    setup.advance(20 * SECOND_MS);
    expect(await fetchText(setup, { headers: { 'accept-language': 'de' } })).toEqual(['1', 'revalidated']);
    expect(await fetchText(setup, { headers: { 'accept-language': 'en' } })).toEqual(['3', 'miss']);
    expect(await fetchText(setup, { headers: { 'accept-language': 'de' } })).toEqual(['1', 'hit']);
  });

  it('to a Range request confirms the whole response', async () => {
    using setup = confirmedWith({ 'cache-control': 'max-age=60' });
    await fetchText(setup);
    setup.advance(20 * SECOND_MS);
    expect((await setup.http.fetch(URL_A, { headers: { range: 'bytes=0-0' } })).status).toBe(206);
    expect(await fetchText(setup)).toEqual(['1', 'hit']);
  });
});

it.each([429, 408])('a response of %i leaves the stored response', async (status) => {
  using setup = openHttpCache((_, count) => {
    if (count === 3) throw new TypeError('fetch failed');
    if (count === 2) return new Response('later', { status });
    return new Response('good', { headers: { 'cache-control': 'max-age=10' } });
  });
  await fetchText(setup);
  setup.advance(20 * SECOND_MS);
  expect((await setup.http.fetch(URL_A)).status).toBe(status);
  expect(await fetchText(setup)).toEqual(['good', 'stale']);
});

it('a HEAD that shows a newer version makes the stored response stale, but doesn’t delete it', async () => {
  let isAway = false;
  using setup = openHttpCache((request, count) => {
    if (isAway) throw new TypeError('fetch failed');
    const etag = request.method === 'HEAD' ? '"b"' : '"a"';
    return new Response(request.method === 'HEAD' ? null : String(count), { headers: { ...FRESH, etag } });
  });
  await fetchText(setup);
  setup.advance(70 * SECOND_MS);
  await setup.http.fetch(URL_A, { method: 'HEAD' });
  expect(getCacheStatus((await setup.http.match(URL_A))!)).toBe('stale');
  isAway = true;
  expect(await fetchText(setup)).toEqual(['1', 'stale']);
  isAway = false;
  expect((await fetchText(setup))[0]).toBe('4');
});

it('the encoded length in a HEAD is not compared with the decoded body that is stored', async () => {
  using setup = openHttpCache(({ method }) => {
    const coded = { ...FRESH, etag: '"a"', 'content-encoding': 'gzip', 'content-length': '3' };
    return new Response(method === 'HEAD' ? null : 'decoded', { headers: coded });
  });
  await fetchText(setup);
  setup.advance(70 * SECOND_MS);
  await setup.http.fetch(URL_A, { method: 'HEAD' });
  expect(await fetchText(setup)).toEqual(['decoded', 'hit']);
});

it('a HEAD that is refused leaves the stored response', async () => {
  using setup = openHttpCache((request) =>
    request.method === 'HEAD' ? new Response(null, { status: 405 }) : new Response('good', { headers: FRESH }),
  );
  await fetchText(setup);
  setup.advance(70 * SECOND_MS);
  await setup.http.fetch(URL_A, { method: 'HEAD' });
  expect(await (await setup.http.match(URL_A))?.text()).toBe('good');
});

it.each([{ range: 'bytes=0-1,3-4' }, { 'if-match': '"a"' }, { 'cache-control': 'no-store' }] as Record<
  string,
  string
>[])('only-if-cached sends no request: %o', async (headers) => {
  using setup = openHttpCache(createNumberedAnswer(FRESH));
  expect((await setup.http.respond(new Request(URL_A, { headers }), 'only-if-cached')).status).toBe(504);
  expect(setup.originRequests).toEqual([]);
});

describe('the disk', () => {
  it('may have a damaged list of responses, which the next response replaces', async () => {
    using setup = openHttpCache(createNumberedAnswer({ ...FRESH, 'x-mark': 'mark-me' }));
    await fetchText(setup);
    const database = new Database(join(setup.cache.directory, 'cache.db'));
    const spoil = "UPDATE entry SET checksum = checksum + 1 WHERE value LIKE '%mark-me%'";
    expect(database.prepare(spoil).run().changes).toBe(1);
    database.close();
    expect((await fetchText(setup))[1]).toBe('miss');
    expect(setup.failures).toEqual([expect.objectContaining({ code: 'CORRUPT' })]);
    expect(await fetchText(setup)).toEqual(['2', 'hit']);
  });

  it('may be full: the reader gets the whole response, and no part is stored', async () => {
    using setup = openHttpCache(() => new Response(LARGE, { headers: FRESH }), {
      store: { sizeLimit: 3 * 1024 * 1024, evictionPolicy: 'none' },
    });
    const bodies = await Promise.all([1, 2, 3].map(async () => (await setup.http.fetch(URL_A)).arrayBuffer()));
    expect(bodies.map((it) => Buffer.compare(Buffer.from(it), LARGE))).toEqual([0, 0, 0]);
    expect(setup.failures.length).toBeGreaterThan(0);
    expect([setup.cache.size, setup.cache.check()]).toEqual([0, []]);
  });

  it('may lose a body while it is read, which goes on to its end', async () => {
    using setup = openHttpCache(() => new Response(LARGE, { headers: FRESH }));
    await (await setup.http.fetch(URL_A)).arrayBuffer();
    const response = await setup.http.fetch(URL_A);
    expect(getCacheStatus(response)).toBe('hit');
    setup.cache.clear();
    expect(Buffer.compare(Buffer.from(await response.arrayBuffer()), LARGE)).toBe(0);
  });
});

it('a listener that throws loses no response', async () => {
  const warned = vi.spyOn(process, 'emitWarning').mockImplementation(() => {});
  const failure = new Error('on purpose');
  const onStoreFailure = () => {
    throw failure;
  };
  const store = { sizeLimit: 3 * 1024 * 1024 };
  using setup = openHttpCache(() => new Response(LARGE, { headers: FRESH }), { store, onStoreFailure });
  try {
    expect((await (await setup.http.fetch(URL_A)).arrayBuffer()).byteLength).toBe(LARGE.length);
    await vi.waitFor(() => expect(warned).toHaveBeenCalledWith(expect.objectContaining({ cause: failure })));
  } finally {
    warned.mockRestore();
  }
});

it('many fields and unclosed quotes are parsed in linear time', async () => {
  const vary = Array.from({ length: 60 }, (_, n) => `x-${n}`).join(', ');
  using setup = openHttpCache(
    createNumberedAnswer({ 'cache-control': `max-age=60, x="${'\\"'.repeat(10_000)}`, vary, link: '"'.repeat(20_001) }),
  );
  const headers = Object.fromEntries(Array.from({ length: 500 }, (_, n) => [`x-${n}`, 'y'.repeat(100)]));
  expect((await fetchText(setup, { headers }))[1]).toBe('miss');
  expect((await fetchText(setup, { headers }))[1]).toBe('hit');
});

it('a response with more fields than servers send is forwarded and not stored', async () => {
  using setup = openHttpCache(createNumberedAnswer({ 'cache-control': `max-age=60, x="${'\\"'.repeat(50_000)}` }));
  expect([await fetchText(setup), await fetchText(setup), setup.cache.size]).toEqual([['1', 'miss'], ['2', 'miss'], 0]);
});
