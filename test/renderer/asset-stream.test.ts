import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { type AssetRequest, assetServer } from '../../main/assets/serve.ts';
import { Cache } from '../../main/engine/index.ts';
import { DiskCacheError } from '../../protocol/error.ts';
import { PART_BYTES } from '../../protocol/upload.ts';
import { DiskCache } from '../../renderer-api/disk-cache.ts';
import { freshDirectory } from '../engine/directory.ts';

const failure = (code: string) => expect.objectContaining({ name: 'DiskCacheError', code });

let cache: Cache<string, unknown>;
let requests: string[];
let server: ReturnType<typeof assetServer>;
/** A page that never connects: streams need no port. */
const page = new DiskCache(() => new Promise(() => {}));

beforeEach(() => {
  cache = new Cache(freshDirectory());
  requests = [];
  server = assetServer({
    async find(store) {
      if (store === 'assets') return { name: store, store: cache };
      throw new DiskCacheError('NOT_ALLOWED', `"${store}" is not served`);
    },
  });
  vi.stubGlobal('fetch', (url: string, init?: RequestInit) => {
    requests.push(`${init?.method ?? 'GET'} ${new URL(url).search}`);
    return server.answer(new Request(url, init) as AssetRequest);
  });
});
afterEach(() => {
  vi.unstubAllGlobals();
  cache.close();
});

const assets = () => page.cache<string, Uint8Array>('assets');
const bytesOf = async (stream: ReadableStream<Uint8Array> | undefined) =>
  new Response(stream as ReadableStream).bytes();
const pattern = (length: number) => Uint8Array.from({ length }, (_, n) => (n * 7) % 251);
const steps = () => requests.map((request) => /step=(\w+)/.exec(request)?.[1]);

async function* chunks(bytes: Uint8Array, size: number, fail = false): AsyncGenerator<Uint8Array> {
  for (let at = 0; at < bytes.length; at += size) yield bytes.subarray(at, at + size);
  if (fail) throw new Error('the network went away');
}

describe('a page’s streams', () => {
  it.each([
    [0, 1000, ['last']],
    [5, 1000, ['last']],
    [PART_BYTES, 70_000, ['more', 'last']],
    [PART_BYTES + 1, 3 * PART_BYTES, ['more', 'last']],
    [3 * PART_BYTES - 1, 65_536, ['more', 'more', 'last']],
  ])('carry %i bytes there and back, whatever the chunks', async (length, size, expected) => {
    const bytes = pattern(length);
    await assets().writeStream('video.mp4', chunks(bytes, size), { tag: 'films', ttl: 60_000 });
    expect(steps()).toEqual(expected);
    expect(Buffer.compare(cache.get('video.mp4') as Uint8Array, bytes)).toBe(0);
    expect(cache.getEntry('video.mp4')).toMatchObject({ tag: 'films', expiresAt: expect.any(Number) });
    expect(Buffer.compare(await bytesOf(await assets().openReadStream('video.mp4')), bytes)).toBe(0);
  });

  it('take a web stream, and give one', async () => {
    await assets().writeStream('k', new Blob(['héllo']).stream());
    const stream = await assets().openReadStream('k');
    expect(stream).toBeInstanceOf(ReadableStream);
    expect(await new Response(stream as ReadableStream).text()).toBe('héllo');
  });

  it('give the part that the engine gives', async () => {
    cache.set('k', pattern(1000));
    for (const [start, end] of [
      [0, 10],
      [990, undefined],
      [5, 5],
      [0, 5000],
      [1000, 1001],
      [2000, undefined],
    ] as const) {
      const range = end === undefined ? { start } : { start, end };
      expect(await bytesOf(await assets().openReadStream('k', range)), JSON.stringify(range)).toEqual(
        await bytesOf(cache.openReadStream('k', range) as ReadableStream),
      );
    }
    await expect(assets().openReadStream('k', { start: -1 })).rejects.toEqual(failure('BAD_OPTION'));
    expect(await assets().openReadStream('none', { start: 5, end: 5 })).toBeUndefined();
    expect(await assets().openReadStream('none')).toBeUndefined();
  });

  it('leave nothing of a stream that fails, and pass the reason on', async () => {
    cache.set('k', 'before');
    await expect(assets().writeStream('k', chunks(pattern(2 * PART_BYTES), 1000, true))).rejects.toThrow('went away');
    expect(steps()).toEqual(['more', 'more', 'abort']);
    const texts = (async function* () {
      yield 'text' as unknown as Uint8Array;
    })();
    await expect(assets().writeStream('k', texts)).rejects.toEqual(failure('BAD_VALUE'));
    expect(cache.get('k')).toBe('before');
    expect(cache.volume()).toBeLessThan(2 ** 20);
  });

  it('end with what the main process says', async () => {
    cache.set('object', { a: 1 });
    await expect(assets().openReadStream('object')).rejects.toEqual(failure('BAD_VALUE'));
    await expect(page.window.openReadStream('k')).rejects.toEqual(failure('BAD_OPTION'));
    await expect(page.cache('secret').openReadStream('k')).rejects.toEqual(failure('NOT_ALLOWED'));
    await expect(page.cache('secret').writeStream('k', chunks(pattern(5), 5))).rejects.toEqual(failure('NOT_ALLOWED'));
    await expect(assets().writeStream('k', chunks(pattern(5), 5), { tll: 5 } as object)).rejects.toEqual(
      failure('BAD_OPTION'),
    );
    await expect(assets().writeStream((() => 1) as never, chunks(pattern(5), 5))).rejects.toEqual(failure('BAD_KEY'));
    cache.configure({ sizeLimit: 2 ** 20 });
    let asked = 0;
    const endless = (async function* () {
      for (; ; asked++) yield new Uint8Array(PART_BYTES);
    })();
    await expect(assets().writeStream('k', endless)).rejects.toEqual(failure('TOO_LARGE'));
    expect(asked).toBeLessThan(8);
  });

  it('break off with an error, never as if whole, where the value is damaged', async () => {
    const source = assets();
    await source.writeStream('k', chunks(pattern(300_000), 1000));
    const stream = await source.openReadStream('k');
    vi.stubGlobal('fetch', () => Promise.reject(new TypeError('Failed to fetch')));
    await expect(source.openReadStream('k')).rejects.toEqual(failure('DISCONNECTED'));
    cache.close();
    expect((await bytesOf(stream)).length).toBe(300_000);
    server.answer = async () =>
      new Response(
        new ReadableStream({
          start: (controller) => controller.enqueue(new Uint8Array(5)),
          pull: (controller) => controller.error(new Error('damaged')),
        }),
      );
    vi.stubGlobal('fetch', () => server.answer(new Request('https://x/') as AssetRequest));
    await expect(bytesOf(await source.openReadStream('k'))).rejects.toEqual(failure('DISCONNECTED'));
  });
});

describe('diskCache.url', () => {
  it('is the address that the main process serves', async () => {
    cache.set('img/ü.svg', '<svg/>');
    const answer = await fetch(page.url('assets', 'img/ü.svg'));
    expect([answer.headers.get('content-type'), await answer.text()]).toEqual(['image/svg+xml', '<svg/>']);
    expect(() => page.url('../assets', 'x')).toThrow(failure('BAD_OPTION'));
    expect(() => page.url('assets', (() => 1) as never)).toThrow(failure('BAD_KEY'));
  });
});
