import { readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { provenanceOf } from '../../../main/offline/http/provenance.ts';
import { inFrontOf, numbered, type Setup, URL_A } from './origin.ts';

/** Body and provenance of what a request gets. */
async function got({ http }: Setup, init?: RequestInit, url = URL_A): Promise<[string, string | undefined]> {
  const response = await http.fetch(url, init);
  return [await response.text(), provenanceOf(response)];
}

const SECOND = 1000;

describe('freshness', () => {
  it('answers from the store while fresh, with Age, and asks again when stale', async () => {
    using setup = inFrontOf(numbered({ 'cache-control': 'max-age=60', 'x-a': 'b' }));
    expect(await got(setup)).toEqual(['1', 'miss']);
    setup.pass(59 * SECOND);
    const response = await setup.http.fetch(`${URL_A}#fragment`);
    expect([response.headers.get('age'), response.headers.get('x-a'), response.url]).toEqual(['59', 'b', URL_A]);
    expect([await response.text(), provenanceOf(response)]).toEqual(['1', 'hit']);
    setup.pass(SECOND);
    expect(await got(setup)).toEqual(['2', 'miss']);
    expect(await got(setup)).toEqual(['2', 'hit']);
    expect(setup.cache.check()).toEqual([]);
    expect(setup.cache.size).toBe(2);
  });

  it.each([
    ['no-store', 200],
    ['private', 200],
    ['max-age=60', 206],
  ])('stores nothing with %s and %i', async (control, status) => {
    using setup = inFrontOf(numbered({ 'cache-control': control }, status), { shared: true });
    await got(setup);
    expect(setup.cache.size).toBe(0);
    expect(await got(setup)).toEqual(['2', 'miss']);
  });

  it('takes a tenth of the age since the last modification where nothing is said', async () => {
    using setup = inFrontOf(numbered({ 'last-modified': 'Sun, 01 Mar 2026 11:58:20 GMT' })); // 100 s before
    await got(setup);
    setup.pass(9 * SECOND);
    expect(await got(setup)).toEqual(['1', 'hit']);
    setup.pass(2 * SECOND);
    expect(await got(setup)).toEqual(['2', 'miss']);
  });

  it('follows the directives of requests', async () => {
    using setup = inFrontOf(numbered({ 'cache-control': 'max-age=60' }));
    const asking = (control: string) => got(setup, { headers: { 'cache-control': control } });
    await got(setup);
    setup.pass(50 * SECOND);
    expect(await asking('max-age=49')).toEqual(['2', 'miss']);
    expect(await asking('max-age=1')).toEqual(['2', 'hit']);
    setup.pass(50 * SECOND);
    expect(await asking('min-fresh=20')).toEqual(['3', 'miss']);
    setup.pass(70 * SECOND);
    expect(await asking('max-stale=20')).toEqual(['3', 'stale']);
    expect(await asking('max-stale=5')).toEqual(['4', 'miss']);
    expect(await asking('no-store')).toEqual(['5', 'miss']);
    expect(await asking('only-if-cached')).toEqual(['4', 'hit']);
    const unknown = await setup.http.fetch('https://a.example/other', {
      headers: { 'cache-control': 'only-if-cached' },
    });
    expect([unknown.status, setup.asked.length]).toEqual([504, 5]);
  });

  it('asks again for max-age=0, also what has only come', async () => {
    using setup = inFrontOf(numbered({ 'cache-control': 'max-age=60' }));
    await got(setup);
    expect(await got(setup, { headers: { 'cache-control': 'max-age=0' } })).toEqual(['2', 'miss']);
  });

  it('knows the cache modes of fetch', async () => {
    using setup = inFrontOf(numbered({ 'cache-control': 'max-age=60' }));
    await got(setup);
    expect(await got(setup, { cache: 'no-store' })).toEqual(['2', 'miss']);
    expect(await got(setup)).toEqual(['1', 'hit']);
    expect(await got(setup, { cache: 'reload' })).toEqual(['3', 'miss']);
    expect(await got(setup)).toEqual(['3', 'hit']);
    expect(await got(setup, { cache: 'no-cache' })).toEqual(['4', 'miss']);
    setup.pass(100 * SECOND);
    expect(await got(setup, { cache: 'force-cache' })).toEqual(['4', 'stale']);
    expect(await got(setup, { cache: 'only-if-cached', mode: 'same-origin' })).toEqual(['4', 'stale']);
  });
});

describe('validation', () => {
  it.each(['must-revalidate', 'no-cache'])(
    'shows nothing stale where %s forbids it, whatever else is said',
    async (directive) => {
      using setup = inFrontOf(numbered({ 'cache-control': `max-age=10, stale-while-revalidate=60, ${directive}` }));
      await got(setup);
      setup.pass(20 * SECOND);
      expect(await got(setup)).toEqual(['2', 'miss']);
      setup.pass(20 * SECOND);
      expect(await got(setup, { headers: { 'cache-control': 'max-stale' } })).toEqual(['3', 'miss']);
    },
  );

  it('asks nobody about what is immutable, while it is fresh', async () => {
    using setup = inFrontOf(numbered({ 'cache-control': 'max-age=60, immutable' }));
    await got(setup);
    expect(await got(setup, { cache: 'no-cache' })).toEqual(['1', 'hit']);
    setup.pass(60 * SECOND);
    expect(provenanceOf((await setup.http.match(URL_A))!)).toBe('stale');
    expect(await got(setup, { cache: 'no-cache' })).toEqual(['2', 'miss']);
  });

  it('forgets what the origin has replaced by something that may not be stored', async () => {
    using setup = inFrontOf((_, count) => {
      if (count > 2) throw new TypeError('fetch failed');
      return new Response(String(count), { headers: { 'cache-control': count === 1 ? 'max-age=10' : 'no-store' } });
    });
    await got(setup);
    setup.pass(20 * SECOND);
    expect(await got(setup)).toEqual(['2', 'miss']);
    await expect(got(setup)).rejects.toThrow('fetch failed');
  });

  const tagged = (fields: Record<string, string> = {}) =>
    ((request, count) =>
      request.headers.get('if-none-match') === '"v1"'
        ? new Response(null, {
            status: 304,
            headers: { 'cache-control': 'max-age=60', 'x-count': String(count), ...fields },
          })
        : new Response('body', {
            headers: {
              etag: '"v1"',
              'cache-control': 'max-age=10',
              'x-count': String(count),
              'x-kept': 'yes',
              age: '3',
            },
          })) satisfies Parameters<typeof inFrontOf>[0];

  it('confirms what is stored, and takes over the fields of the 304', async () => {
    using setup = inFrontOf(tagged({ 'content-length': '999' }));
    await got(setup);
    setup.pass(20 * SECOND);
    const response = await setup.http.fetch(URL_A);
    expect([response.status, await response.text(), provenanceOf(response)]).toEqual([200, 'body', 'revalidated']);
    const fields = ['x-count', 'x-kept', 'content-length', 'age'].map((name) => response.headers.get(name));
    expect(fields).toEqual(['2', 'yes', '4', '0']);
    setup.pass(59 * SECOND);
    expect(await got(setup)).toEqual(['body', 'hit']); // by the new max-age
  });

  it('does not believe a 304 about another tag', async () => {
    using setup = inFrontOf(tagged({ etag: '"v2"' }));
    await got(setup);
    setup.pass(20 * SECOND);
    expect(await got(setup)).toEqual(['body', 'miss']);
    expect(setup.asked.map((it) => it.headers.get('if-none-match'))).toEqual([null, '"v1"', null]);
  });

  it('asks by date, too', async () => {
    const modified = 'Sun, 01 Mar 2026 11:00:00 GMT';
    using setup = inFrontOf((request) =>
      request.headers.get('if-modified-since') === modified
        ? new Response(null, { status: 304 })
        : new Response('body', { headers: { 'last-modified': modified, 'cache-control': 'max-age=1' } }),
    );
    await got(setup);
    setup.pass(5 * SECOND);
    expect(await got(setup)).toEqual(['body', 'revalidated']);
  });

  it('tells the client that it has what is stored', async () => {
    using setup = inFrontOf(tagged());
    await got(setup);
    const known = (tag: string) => setup.http.fetch(URL_A, { headers: { 'if-none-match': tag } });
    const response = await known('"v0", W/"v1"');
    expect([response.status, response.headers.get('etag'), await response.text()]).toEqual([304, '"v1"', '']);
    expect((await known('"v0"')).status).toBe(200);
    setup.pass(20 * SECOND);
    expect((await known('"v1"')).status).toBe(304); // validated with ours, answered about theirs
    expect(setup.asked.length).toBe(2);
  });

  it('shows stale while it revalidates behind the scenes, once', async () => {
    using setup = inFrontOf(numbered({ 'cache-control': 'max-age=10, stale-while-revalidate=60' }));
    await got(setup);
    setup.pass(20 * SECOND);
    expect(await Promise.all([got(setup), got(setup), got(setup)])).toEqual([
      ['1', 'stale'],
      ['1', 'stale'],
      ['1', 'stale'],
    ]);
    await setup.http.idle();
    expect(await got(setup)).toEqual(['2', 'hit']);
    setup.pass(71 * SECOND);
    expect(await got(setup)).toEqual(['3', 'miss']);
  });

  it('goes on showing what is stored when the origin is gone behind the scenes', async () => {
    using setup = inFrontOf((_, count) => {
      if (count > 1) throw new TypeError('fetch failed');
      return new Response('x'.repeat(300_000), {
        headers: { 'cache-control': 'max-age=1, stale-while-revalidate=60' },
      });
    });
    await got(setup);
    setup.pass(20 * SECOND);
    const response = await setup.http.fetch(URL_A);
    await setup.http.idle();
    expect([provenanceOf(response), setup.asked.length]).toEqual(['stale', 2]);
    expect((await response.text()).length).toBe(300_000);
  });

  it.each([
    ['max-age=10', 'error', 'stale'],
    ['max-age=10', 503, 'miss'],
    ['max-age=10, stale-if-error=60', 503, 'stale'],
    ['max-age=10, stale-if-error=5', 503, 'miss'],
    ['max-age=10, stale-if-error=60, must-revalidate', 503, 'miss'],
  ] as const)('with %s, an origin that answers %s: %s', async (control, failure, provenance) => {
    using setup = inFrontOf((_, count) => {
      if (count === 1) return new Response('good', { headers: { 'cache-control': control } });
      if (failure === 'error') throw new TypeError('fetch failed');
      return new Response('bad', { status: failure });
    });
    await got(setup);
    setup.pass(20 * SECOND);
    expect(await got(setup)).toEqual([provenance === 'stale' ? 'good' : 'bad', provenance]);
  });

  it.each(['must-revalidate', 'no-cache'])(
    'rejects when the origin is gone and %s forbids stale',
    async (directive) => {
      using setup = inFrontOf((_, count) => {
        if (count > 1) throw new TypeError('fetch failed');
        return new Response('good', { headers: { 'cache-control': `max-age=10, ${directive}` } });
      });
      await got(setup);
      setup.pass(20 * SECOND);
      await expect(setup.http.fetch(URL_A)).rejects.toThrow('fetch failed');
    },
  );
});

describe('variants and partitions', () => {
  it('keeps several responses for a URL, by Vary', async () => {
    using setup = inFrontOf(numbered({ 'cache-control': 'max-age=60', vary: 'Accept-Language, X-B' }));
    const in_ = (language: string) => got(setup, { headers: { 'accept-language': language } });
    expect(await in_('de')).toEqual(['1', 'miss']);
    expect(await in_('en')).toEqual(['2', 'miss']);
    expect([await in_('de'), await in_('en'), await got(setup)]).toEqual([
      ['1', 'hit'],
      ['2', 'hit'],
      ['3', 'miss'],
    ]);
    expect(await got(setup, { headers: { 'accept-language': 'de', 'x-b': '1' } })).toEqual(['4', 'miss']);
  });

  it('never shows what was asked for with credentials to other ones, and writes no credentials down', async () => {
    using setup = inFrontOf(numbered({ 'cache-control': 'max-age=60', vary: 'cookie' }));
    const as = (authorization: string) => got(setup, { headers: { authorization, cookie: 'sid=secret' } });
    expect([await as('Bearer a'), await as('Bearer b'), await as('Bearer a')]).toEqual([
      ['1', 'miss'],
      ['2', 'miss'],
      ['1', 'hit'],
    ]);
    expect(await got(setup)).toEqual(['3', 'miss']);
    expect(JSON.stringify([...setup.cache.entries()])).not.toMatch(/Bearer|secret/);
  });

  it('shares nothing between partitions', async () => {
    using setup = inFrontOf(numbered({ 'cache-control': 'max-age=60', 'set-cookie': 'sid=1' }));
    const other = setup.another({ partition: 'another user' });
    await got(setup);
    expect((await setup.http.fetch(URL_A)).headers.get('set-cookie')).toBe('sid=1');
    expect(await (await other.fetch(URL_A)).text()).toBe('2');
    other.delete(URL_A);
    expect(await got(setup)).toEqual(['1', 'hit']);
  });
});

it('forgets all of a partition, and what is on the way to it', async () => {
  let release = () => {};
  const gate = new Promise<void>((resolve) => {
    release = resolve;
  });
  using setup = inFrontOf(async (request, count) => {
    if (request.url.endsWith('/slow')) await gate;
    return new Response(String(count), { headers: { 'cache-control': 'max-age=60' } });
  });
  const other = setup.another({ partition: 'other' });
  await (await other.fetch(URL_A)).text();
  for (const url of [URL_A, `${URL_A}/b`]) await got(setup, {}, url);
  const slow = setup.http.fetch(`${URL_A}/slow`);
  expect(setup.http.clear()).toBe(2);
  release();
  expect(await (await slow).text()).toBe('4');
  expect([await setup.http.match(`${URL_A}/slow`), (await other.match(URL_A)) !== undefined, setup.cache.size]).toEqual(
    [undefined, true, 2],
  );
});

describe('methods', () => {
  it('answers HEAD and Range from what is stored', async () => {
    using setup = inFrontOf(
      () => new Response('0123456789', { headers: { 'cache-control': 'max-age=60', etag: '"a"' } }),
    );
    await got(setup);
    const head = await setup.http.fetch(URL_A, { method: 'HEAD' });
    expect([head.status, head.headers.get('content-length'), await head.text()]).toEqual([200, '10', '']);
    const part = await setup.http.fetch(URL_A, { headers: { range: 'bytes=2-4' } });
    expect([
      part.status,
      part.headers.get('content-range'),
      part.headers.get('content-length'),
      await part.text(),
    ]).toEqual([206, 'bytes 2-4/10', '3', '234']);
    const outside = await setup.http.fetch(URL_A, { headers: { range: 'bytes=10-' } });
    expect([outside.status, outside.headers.get('content-range')]).toEqual([416, 'bytes */10']);
    const changed = await setup.http.fetch(URL_A, { headers: { range: 'bytes=2-4', 'if-range': '"b"' } });
    expect([changed.status, await changed.text()]).toEqual([200, '0123456789']);
    expect(setup.asked.length).toBe(1);
  });

  it('hands a Range on where nothing is stored, and stores no part', async () => {
    using setup = inFrontOf(() => new Response('234', { status: 206, headers: { 'cache-control': 'max-age=60' } }));
    const part = await setup.http.fetch(URL_A, { headers: { range: 'bytes=2-4' } });
    expect([part.status, setup.asked[0]?.headers.get('range'), setup.cache.size]).toEqual([206, 'bytes=2-4', 0]);
  });

  it('a HEAD tells whether what is stored is out of date', async () => {
    using setup = inFrontOf((request, count) =>
      request.method === 'HEAD'
        ? new Response(null, { headers: { etag: count > 2 ? '"b"' : '"a"', 'cache-control': 'max-age=60' } })
        : new Response(String(count), { headers: { etag: '"a"', 'cache-control': 'max-age=10' } }),
    );
    await got(setup);
    setup.pass(20 * SECOND);
    await setup.http.fetch(URL_A, { method: 'HEAD' });
    expect(await got(setup)).toEqual(['1', 'hit']); // freshened
    setup.pass(70 * SECOND);
    await setup.http.fetch(URL_A, { method: 'HEAD' });
    expect(await got(setup)).toEqual(['4', 'miss']);
  });

  it.each(['POST', 'PUT', 'PATCH', 'DELETE'])(
    '%s makes forget its URL and those it names, of the same origin',
    async (method) => {
      const named = { location: '/made', 'content-location': 'https://other.example/x' };
      using setup = inFrontOf(
        (request, count) =>
          new Response(String(count), {
            headers: request.method === 'GET' ? { 'cache-control': 'max-age=60' } : named,
          }),
      );
      const urls = [URL_A, 'https://a.example/made', 'https://other.example/x'];
      for (const url of urls) await got(setup, {}, url);
      await setup.http.fetch(URL_A, { method, body: 'x' });
      const found = await Promise.all(urls.map((url) => setup.http.match(url)));
      expect(found.map((it) => it !== undefined)).toEqual([false, false, true]);
    },
  );

  it('a failed change makes forget nothing', async () => {
    using setup = inFrontOf((request) =>
      request.method === 'GET'
        ? new Response('x', { headers: { 'cache-control': 'max-age=60' } })
        : new Response('', { status: 500 }),
    );
    await got(setup);
    await setup.http.fetch(URL_A, { method: 'DELETE' });
    expect(await got(setup)).toEqual(['x', 'hit']);
  });
});

describe('the store', () => {
  it('takes a body that was evicted for one that is not there', async () => {
    using setup = inFrontOf(numbered({ 'cache-control': 'max-age=60' }));
    await got(setup);
    for (const key of [...setup.cache.keys({ prefix: ['http-body'] })]) setup.cache.delete(key);
    expect(await setup.http.match(URL_A)).toBeUndefined();
    expect(await got(setup)).toEqual(['2', 'miss']);
    expect(await got(setup)).toEqual(['2', 'hit']);
  });

  it('takes a body that is damaged for one that is not there', async () => {
    using setup = inFrontOf(
      (_, count) => new Response(String(count).padEnd(100_000), { headers: { 'cache-control': 'max-age=60' } }),
    );
    await got(setup);
    const files = readdirSync(setup.cache.directory, { recursive: true, encoding: 'utf8' });
    for (const file of files.filter((it) => it.endsWith('.val'))) rmSync(join(setup.cache.directory, file));
    const [body, provenance] = await got(setup);
    expect([body.trimEnd(), provenance]).toEqual(['2', 'miss']);
  });

  it('forgets a body that turns out to be damaged at its end', async () => {
    using setup = inFrontOf((_, count) => {
      const body = new Uint8Array(300_000).fill(count);
      return new Response(body, { headers: { 'cache-control': 'max-age=60' } });
    });
    await got(setup);
    const [file = ''] = readdirSync(setup.cache.directory, { recursive: true, encoding: 'utf8' }).filter((it) =>
      it.endsWith('.val'),
    );
    const bytes = readFileSync(join(setup.cache.directory, file));
    bytes[250_000] = 99;
    writeFileSync(join(setup.cache.directory, file), bytes);
    await expect(got(setup)).rejects.toEqual(expect.objectContaining({ code: 'CORRUPT' }));
    const healed = await setup.http.fetch(URL_A);
    expect([provenanceOf(healed), new Uint8Array(await healed.arrayBuffer())[250_000]]).toEqual(['miss', 2]);
  });

  it('is no hindrance when it fails: the request goes on', async () => {
    using setup = inFrontOf(numbered({ 'cache-control': 'max-age=10', etag: '"a"' }));
    await got(setup);
    setup.pass(20 * SECOND);
    setup.cache.close();
    expect(await got(setup)).toEqual(['2', 'miss']);
    expect((await setup.http.fetch(URL_A, { method: 'DELETE' })).status).toBe(200);
    expect(setup.failures.length).toBeGreaterThan(1);
    expect(setup.failures).toEqual(setup.failures.map(() => expect.objectContaining({ code: 'CLOSED' })));
    await expect(setup.http.match(URL_A)).rejects.toEqual(expect.objectContaining({ code: 'CLOSED' }));
  });

  it('leaves no body behind whose name was evicted', async () => {
    using setup = inFrontOf(numbered({ 'cache-control': 'max-age=60' }));
    await got(setup);
    for (const key of [...setup.cache.keys({ prefix: ['http', ''] })]) setup.cache.delete(key);
    await got(setup);
    expect(setup.cache.size).toBe(2);
    expect([setup.http.delete(URL_A), setup.http.delete(URL_A), setup.cache.size]).toEqual([true, false, 0]);
  });

  it('hands out a body that is too large to store, and says so', async () => {
    const large = new Uint8Array(3 * 1024 * 1024).fill(7);
    using setup = inFrontOf(() => new Response(large, { headers: { 'cache-control': 'max-age=60' } }), {
      store: { sizeLimit: 2 * 1024 * 1024 },
    });
    const response = await setup.http.fetch(URL_A);
    expect(Buffer.compare(Buffer.from(await response.arrayBuffer()), large)).toBe(0);
    expect(setup.failures).toEqual([expect.objectContaining({ code: 'TOO_LARGE' })]);
    expect(setup.cache.size).toBe(0);
  });

  it('stores nothing of a body that breaks off', async () => {
    using setup = inFrontOf(() => {
      const body = new ReadableStream({
        start: (controller) => controller.enqueue(new Uint8Array(100_000)),
        pull: (controller) => controller.error(new TypeError('terminated')),
      });
      return new Response(body, { headers: { 'cache-control': 'max-age=60' } });
    });
    await expect(got(setup)).rejects.toThrow('terminated');
    expect([setup.cache.size, setup.failures]).toEqual([0, []]);
  });

  it('keeps what is in the store across a restart', async () => {
    using setup = inFrontOf(numbered({ 'cache-control': 'max-age=60' }));
    await got(setup);
    expect(await (await setup.another({}).fetch(URL_A)).text()).toBe('1');
  });

  it('does not store what came by way of a redirect', async () => {
    using setup = inFrontOf((_, count) =>
      Object.defineProperty(new Response(String(count), { headers: { 'cache-control': 'max-age=60' } }), 'redirected', {
        value: true,
      }),
    );
    expect([await got(setup), await got(setup)]).toEqual([
      ['1', 'miss'],
      ['2', 'miss'],
    ]);
  });
});
