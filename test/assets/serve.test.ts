import { readdirSync, readFileSync, readlinkSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { type AssetRequest, createAssetServer } from '../../main/assets/asset-server.ts';
import { Cache } from '../../main/engine/index.ts';
import { toAssetUrl } from '../../protocol/asset-url.ts';
import { DiskCacheError } from '../../protocol/error.ts';
import type { Key } from '../../protocol/key.ts';
import { freshDirectory } from '../engine/fresh-directory.ts';

const OWN_ORIGIN = 'app://atlas';
const BYTES = Uint8Array.from({ length: 200_000 }, (_, n) => n % 251);

function open() {
  const cache = new Cache<Key, unknown>(freshDirectory());
  const server = createAssetServer({
    async find(store, origin) {
      if (origin === OWN_ORIGIN && ['assets', 'photos', 'unknown'].includes(store))
        return { name: store, store: cache };
      throw new DiskCacheError('NOT_ALLOWED', `"${store}" is not served to ${origin}`);
    },
    contentType: (store) => ({ photos: 'image/avif', unknown: '' })[store],
  });
  const answers: Response[] = [];
  async function ask(url: string, init: RequestInit = {}, origin: string | null = OWN_ORIGIN): Promise<Response> {
    const request: AssetRequest = Object.assign(new Request(url, init), origin !== null && { initiatorOrigin: origin });
    const answer = await server(request);
    answers.push(answer);
    return answer;
  }
  const get = (key: Key, headers: Record<string, string> = {}, method = 'GET') =>
    ask(toAssetUrl('assets', key), { headers, method });
  return {
    cache,
    ask,
    get,
    [Symbol.dispose]() {
      // An unread body keeps its file open, as in a browser until the tab is closed.
      for (const { body } of answers) if (body && !body.locked) void body.cancel();
      cache.close();
    },
  };
}

const describeResponse = async (answer: Response) => ({ status: answer.status, text: await answer.text() });

describe('GET', () => {
  it('responds with the whole item, its size, type and version, and forbids to use it as a page', async () => {
    using site = open();
    site.cache.set('video.mp4', BYTES);
    const answer = await site.get('video.mp4');
    expect(answer.status).toBe(200);
    expect(Object.fromEntries(answer.headers)).toMatchObject({
      'content-length': '200000',
      'content-type': 'video/mp4',
      'accept-ranges': 'bytes',
      'cache-control': 'no-cache',
      'content-security-policy': 'sandbox',
      'x-content-type-options': 'nosniff',
      etag: expect.stringMatching(/^"[0-9a-z]+-[0-9a-z]+"$/),
    });
    expect(await answer.bytes()).toEqual(BYTES);
  });

  it.each([
    ['page.html', 'text/html; charset=utf-8'],
    ['img/LOGO.SVG', 'image/svg+xml'],
    ['svg', 'application/octet-stream'],
    ['x.constructor', 'application/octet-stream'],
    ['x.__proto__', 'application/octet-stream'],
  ])('%s is %s', async (key, type) => {
    using site = open();
    site.cache.set(key, BYTES);
    expect((await site.get(key)).headers.get('content-type')).toBe(type);
  });

  it('takes the type from the kind of value, from the last element of a key, or from the application', async () => {
    using site = open();
    site.cache.set('readme', 'Grüße');
    site.cache.set(['user', 1, 'a.png'], BYTES);
    site.cache.set(7, BYTES);
    const text = await site.get('readme');
    expect(text.headers.get('content-type')).toBe('text/plain; charset=utf-8');
    expect([text.headers.get('content-length'), await text.text()]).toEqual(['7', 'Grüße']);
    expect((await site.get(['user', 1, 'a.png'])).headers.get('content-type')).toBe('image/png');
    expect((await site.ask(toAssetUrl('photos', 7))).headers.get('content-type')).toBe('image/avif');
  });

  it('has a type in every response, because Electron takes one without a type for HTML', async () => {
    using site = open();
    site.cache.set('bytes', BYTES);
    site.cache.set('text', 'Grüße');
    const etag = (await site.get('bytes')).headers.get('etag')!;
    const [binary, text] = ['application/octet-stream', 'text/plain; charset=utf-8'];
    const answers: readonly (readonly [Response, number, string])[] = [
      [await site.get('bytes'), 200, binary],
      [await site.get('text'), 200, text],
      [await site.get('bytes', {}, 'HEAD'), 200, binary],
      [await site.get('bytes', { range: 'bytes=0-4' }), 206, binary],
      [await site.get('bytes', { 'if-none-match': etag }), 304, binary],
      [await site.get('bytes', { range: 'bytes=200000-' }), 416, text],
      // The application returns an empty type.
      [await site.ask(toAssetUrl('unknown', 'bytes')), 200, binary],
      [await site.ask(toAssetUrl('unknown', 'text')), 200, text],
      [await site.get('none'), 404, text],
      [await site.get('bytes', {}, 'PUT'), 405, text],
      [await site.get('bytes', {}, 'OPTIONS'), 204, text],
      [await site.ask(toAssetUrl('secret', 'bytes')), 403, text],
    ];
    for (const [answer, status, type] of answers) {
      const { headers } = answer;
      expect([answer.status, headers.get('content-type'), headers.get('x-content-type-options')]).toEqual([
        status,
        type,
        'nosniff',
      ]);
    }
  });

  it('responds with 304 to a client that has this version, until the item is set again', async () => {
    using site = open();
    site.cache.set('k', BYTES);
    const etag = (await site.get('k')).headers.get('etag')!;
    for (const field of [etag, `"other", W/${etag}`, '*']) {
      const answer = await site.get('k', { 'if-none-match': field, range: 'bytes=0-1' });
      expect([field, answer.status, answer.body, answer.headers.get('etag')]).toEqual([field, 304, null, etag]);
    }
    expect((await site.get('k', { 'if-none-match': '"other"' })).status).toBe(200);
    site.cache.set('k', BYTES);
    expect((await site.get('k', { 'if-none-match': etag })).status).toBe(200);
  });

  it.each([
    ['bytes=0-0', 0, 1],
    ['bytes=100-299', 100, 300],
    ['BYTES=199999-', 199_999, 200_000],
    ['bytes=65530-131080', 65_530, 131_081],
    ['bytes=199990-99999999999999999999', 199_990, 200_000],
    ['bytes=-5', 199_995, 200_000],
    ['bytes=-999999', 0, 200_000],
  ])('%s is a part', async (range, start, end) => {
    using site = open();
    site.cache.set('k', BYTES);
    const answer = await site.get('k', { range });
    expect([answer.status, answer.headers.get('content-range')]).toEqual([206, `bytes ${start}-${end - 1}/200000`]);
    expect(answer.headers.get('content-length')).toBe(String(end - start));
    expect(await answer.bytes()).toEqual(BYTES.slice(start, end));
  });

  it.each(['bytes=5-4', 'bytes=0-1,5-6', 'items=0-1', 'bytes=', 'bytes=-', 'bytes=a-b', 'bytes=0x1-5'])(
    '%s is not a range: the whole body is sent',
    async (range) => {
      using site = open();
      site.cache.set('k', BYTES);
      const answer = await site.get('k', { range });
      expect([answer.status, (await answer.bytes()).length]).toEqual([200, 200_000]);
    },
  );

  it.each(['bytes=200000-', 'bytes=200000-200001', 'bytes=-0'])('%s is unsatisfiable', async (range) => {
    using site = open();
    site.cache.set('k', BYTES);
    const answer = await site.get('k', { range });
    expect([answer.status, answer.headers.get('content-range')]).toEqual([416, 'bytes */200000']);
  });

  it('sends a part only of the version named by If-Range', async () => {
    using site = open();
    site.cache.set('k', BYTES);
    const etag = (await site.get('k')).headers.get('etag')!;
    expect((await site.get('k', { range: 'bytes=5-', 'if-range': etag })).status).toBe(206);
    for (const other of ['"other"', `W/${etag}`, 'Thu, 01 Jan 2026 00:00:00 GMT']) {
      expect((await site.get('k', { range: 'bytes=5-', 'if-range': other })).status).toBe(200);
    }
  });

  it('responds with an empty body for an empty item', async () => {
    using site = open();
    site.cache.set('k', new Uint8Array());
    const answer = await site.get('k');
    expect([answer.status, answer.headers.get('content-length'), await answer.text()]).toEqual([200, '0', '']);
    expect((await site.get('k', { range: 'bytes=0-' })).status).toBe(416);
  });

  it('reads from the disk only what the client takes', async () => {
    using site = open();
    const mebibyte = new Uint8Array(2 ** 20);
    await site.cache.writeStream(
      'k',
      (async function* () {
        for (let n = 0; n < 64; n++) yield mebibyte;
      })(),
    );
    const before = process.memoryUsage().arrayBuffers;
    const answers = await Promise.all(Array.from({ length: 20 }, () => site.get('k')));
    const readers = answers.map((answer) => answer.body!.getReader());
    await Promise.all(readers.map((reader) => reader.read()));
    expect(process.memoryUsage().arrayBuffers - before).toBeLessThan(16 * 2 ** 20);
    await Promise.all(readers.map((reader) => reader.cancel()));
  });
});

describe('a response that is cancelled', () => {
  /** Value files of a store that this process has open. */
  const openFiles = ({ directory }: Cache) =>
    readdirSync('/proc/self/fd').filter((name) => {
      try {
        const path = readlinkSync(`/proc/self/fd/${name}`);
        return path.startsWith(directory) && path.endsWith('.val');
      } catch {
        return false; // closed since it was listed
      }
    });

  it.runIf(process.platform === 'linux')('closes its file', async () => {
    using site = open();
    site.cache.set('k', new Uint8Array(2 ** 22));
    const readers = await Promise.all(
      [{}, { range: 'bytes=100-' }].map(async (headers) => (await site.get('k', headers)).body!.getReader()),
    );
    await Promise.all(readers.map((reader) => reader.read()));
    expect(openFiles(site.cache)).toHaveLength(2);
    await Promise.all(readers.map((reader) => reader.cancel()));
    await expect.poll(() => openFiles(site.cache)).toEqual([]);
  });
});

describe('HEAD', () => {
  it('has the header fields of a GET of the whole item, and no body', async () => {
    using site = open();
    site.cache.set('a.png', BYTES);
    const answer = await site.get('a.png', { range: 'bytes=0-1' }, 'HEAD');
    expect([answer.status, answer.body, answer.headers.get('content-length')]).toEqual([200, null, '200000']);
    expect(answer.headers.get('content-type')).toBe('image/png');
  });
});

describe('a request for what is missing or not granted', () => {
  it('fails with the matching status', async () => {
    using site = open();
    site.cache.set('object', { a: 1 });
    expect((await site.get('none')).status).toBe(404);
    expect(await describeResponse(await site.get('object'))).toEqual({
      status: 422,
      text: expect.stringMatching(/^BAD_VALUE: /),
    });
    for (const [url, origin] of [
      ['deskcache://secret/x', OWN_ORIGIN],
      ['deskcache://assets/object', 'https://evil.example'],
      ['deskcache://assets/object', null],
      ['deskcache://assets/object', 'null'],
    ] as const) {
      const answer = await site.ask(url, {}, origin);
      expect(await describeResponse(answer)).toEqual({ status: 403, text: expect.stringMatching(/^NOT_ALLOWED: /) });
    }
    expect(await describeResponse(await site.ask('deskcache://assets/%ff'))).toEqual({
      status: 400,
      text: expect.stringMatching(/^BAD_KEY: /),
    });
    const wrong = await site.get('object', {}, 'DELETE');
    expect([wrong.status, wrong.headers.get('allow')]).toEqual([405, 'GET, HEAD']);
    site.cache.close();
    expect(await describeResponse(await site.get('object'))).toEqual({
      status: 503,
      text: expect.stringMatching(/^CLOSED: /),
    });
  });
});

it('docs/guide-assets.md: every address in the table belongs to its key', () => {
  const guide = readFileSync(join(import.meta.dirname, '..', '..', 'docs', 'guide-assets.md'), 'utf8');
  const rows = [...guide.matchAll(/^\| `(.+)` \| `(deskcache:.+)` \|$/gm)];
  expect(rows.length).toBeGreaterThan(8);
  for (const [, key, address] of rows) {
    const given = new Function(`return (${key})`)() as Key;
    expect(toAssetUrl('assets', given), key).toBe(address);
  }
});
