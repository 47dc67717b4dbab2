import { describe, expect, it } from 'vitest';
import type { Cache } from '../../main/engine/index.ts';
import type { CacheStorageOptions } from '../../main/offline/index.ts';
import type { RemoteCacheStorage, RemoteWebCache } from '../../renderer-api/http/remote-caches.ts';

/** The public interface of a class. */
type FaceOf<C> = { [M in keyof C]: C[M] };
type AnyWebCache = FaceOf<RemoteWebCache>;
type AnyCacheStorage = Omit<FaceOf<RemoteCacheStorage>, 'open'> & { open(name: string): Promise<AnyWebCache> };

interface CacheStorageFixture extends Disposable {
  readonly caches: AnyCacheStorage;
  /** The directory of the store. */
  readonly cache: Cache;
  /** The URLs that were requested from the network. */
  readonly requests: readonly string[];
  /** The same store, as after a restart. */
  reopen(): AnyCacheStorage;
}

export type OpenCacheStorage = (
  options?: Pick<CacheStorageOptions, 'schemes'>,
  answer?: (url: string) => Response,
) => CacheStorageFixture;

const A = 'https://a.example/a';

const texts = async (responses: Promise<Response[]>) => Promise.all((await responses).map((it) => it.text()));
const urls = async (requests: Promise<Request[]>) => (await requests).map(({ url }) => url);

async function filled(
  caches: AnyCacheStorage,
  ...entries: [request: string | Request, body: string, vary?: string][]
): Promise<AnyWebCache> {
  const cache = await caches.open('v1');
  for (const [request, body, vary] of entries) {
    await cache.put(request, new Response(body, vary === undefined ? {} : { headers: { vary } }));
  }
  return cache;
}

/** The behaviour of the standard's CacheStorage, wherever it is called from. */
export function cacheStorageBehaviour(where: string, setup: OpenCacheStorage): void {
  describe(where, () => {
    describe('CacheStorage', () => {
      it('opens, has, lists in order of creation, and deletes, across a restart', async () => {
        using made = setup();
        for (const name of ['b', 'a', '', 'b']) await made.caches.open(name);
        const caches = made.reopen();
        expect(await caches.keys()).toEqual(['b', 'a', '']);
        expect([await caches.has('a'), await caches.has('c'), await caches.has('')]).toEqual([true, false, true]);
        expect([await caches.delete('a'), await caches.delete('a'), await caches.keys()]).toEqual([
          true,
          false,
          ['b', ''],
        ]);
      });

      it('matches in all caches in order, or in the named one', async () => {
        using made = setup();
        for (const name of ['x', 'y']) await (await made.caches.open(name)).put(A, new Response(name));
        expect(await (await made.caches.match(A))?.text()).toBe('x');
        expect(await (await made.caches.match(A, { cacheName: 'y' }))?.text()).toBe('y');
        expect(await made.caches.match(A, { cacheName: 'z' })).toBeUndefined();
        expect(await made.caches.match(`${A}/other`)).toBeUndefined();
        await expect(made.caches.match('no url')).rejects.toThrow(TypeError);
      });

      it('deletes a cache with its content, and drops later puts through an old handle', async () => {
        using made = setup();
        const cache = await filled(made.caches, [A, 'x'.repeat(100_000)]);
        await made.caches.delete('v1');
        await cache.put(A, new Response('late'));
        expect([await cache.match(A), (await (await made.caches.open('v1')).keys()).length]).toEqual([undefined, 0]);
        expect([...made.cache.keys({ prefix: ['cached'] }), ...made.cache.keys({ prefix: ['cached-body'] })]).toEqual(
          [],
        );
      });
    });

    describe('put and match', () => {
      it('stores a response unchanged', async () => {
        using made = setup();
        const cache = await made.caches.open('v1');
        const body = new Uint8Array(200_000).map((_, n) => n % 251);
        const response = new Response(body, {
          status: 404,
          statusText: 'Gone Away',
          headers: [['x-a', '1']],
        });
        Object.defineProperty(response, 'url', { value: `${A}?from` });
        await cache.put(new Request(A, { headers: { 'x-asked': 'yes' } }), response);
        expect(response.bodyUsed).toBe(true);
        const found = (await (await made.reopen().open('v1')).match(A))!;
        expect([found.status, found.statusText, found.url, found.headers.get('x-a')]).toEqual([
          404,
          'Gone Away',
          `${A}?from`,
          '1',
        ]);
        expect(Buffer.compare(Buffer.from(await found.arrayBuffer()), body)).toBe(0);
        const [request] = await cache.keys();
        expect([request?.url, request?.method, request?.headers.get('x-asked')]).toEqual([A, 'GET', 'yes']);
      });

      it('distinguishes no body from an empty one', async () => {
        using made = setup();
        const cache = await made.caches.open('v1');
        await cache.put(A, new Response(null, { status: 204 }));
        await cache.put(`${A}b`, new Response(''));
        expect([(await cache.match(A))?.body, (await cache.match(`${A}b`))?.body]).toEqual([null, expect.anything()]);
      });

      it('stores an error response, and locks the body that was put', async () => {
        using made = setup();
        const cache = await made.caches.open('v1');
        await cache.put(A, Response.error());
        expect((await cache.match(A))?.type).toBe('error');
        const response = new Response('x');
        await cache.put(A, response);
        expect(() => response.body?.getReader()).toThrow(TypeError);
      });

      it('replaces the response of the same request, and moves it to the end', async () => {
        using made = setup();
        const cache = await filled(made.caches, [A, '1'], [`${A}?q`, '2'], [`${A}#f`, '3']);
        expect(await urls(cache.keys())).toEqual([`${A}?q`, `${A}#f`]);
        expect([await texts(cache.matchAll()), await texts(cache.matchAll(A))]).toEqual([['2', '3'], ['3']]);
        expect([...made.cache.keys({ prefix: ['cached-body'] })].length).toBe(2);
      });

      it('ignores the query or the method if an option says so', async () => {
        using made = setup();
        const cache = await filled(made.caches, [`${A}?2`, '2'], [`${A}?1`, '1'], [`${A}/b?1`, '3'], [`${A}?`, '4']);
        expect(await texts(cache.matchAll(A))).toEqual([]);
        expect(await texts(cache.matchAll(`${A}?3`, { ignoreSearch: true }))).toEqual(['2', '1', '4']);
        const head = new Request(`${A}?1`, { method: 'HEAD' });
        const post = new Request(`${A}?1`, { method: 'POST', body: 'kept' });
        expect([await cache.match(head), await cache.matchAll(post), await cache.keys(head)]).toEqual([
          undefined,
          [],
          [],
        ]);
        expect(await texts(cache.matchAll(post, { ignoreMethod: true }))).toEqual(['1']);
        expect(post.bodyUsed).toBe(false);
        expect([await cache.delete(head), await cache.delete(head, { ignoreMethod: true })]).toEqual([false, true]);
      });

      it('honours Vary, unless ignoreVary is set', async () => {
        using made = setup();
        const asking = (language?: string) =>
          new Request(A, language === undefined ? {} : { headers: { 'accept-language': language } });
        const cache = await filled(
          made.caches,
          [asking('de'), 'de', 'Accept-Language'],
          [asking('en'), 'en', 'accept-language, x-b'],
        );
        expect([await texts(cache.matchAll(asking('de'))), await texts(cache.matchAll(asking('en')))]).toEqual([
          ['de'],
          ['en'],
        ]);
        expect([await cache.match(A), await texts(cache.matchAll(A, { ignoreVary: true }))]).toEqual([
          undefined,
          ['de', 'en'],
        ]);
        await cache.put(asking('de'), new Response('neu', { headers: { vary: 'accept-language' } }));
        expect(await texts(cache.matchAll())).toEqual(['en', 'neu']);
      });

      it('refuses everything that the standard refuses', async () => {
        using made = setup({ schemes: ['app'] });
        const cache = await made.caches.open('v1');
        const used = new Response('x');
        await used.text();
        const locked = new Response('x');
        locked.body?.getReader();
        const refused = [
          cache.put(new Request(A, { method: 'POST' }), new Response('')),
          cache.put('file:///x', new Response('')),
          cache.put('no url', new Response('')),
          cache.put(A, new Response('', { status: 206 })),
          cache.put(A, new Response('', { headers: { vary: 'x, *' } })),
          cache.put(A, 'text' as unknown as Response),
          cache.put(A, used),
          cache.put(A, locked),
          cache.put(A, new Response(new ReadableStream({ start: (controller) => controller.enqueue('text') }))),
          cache.match(undefined as unknown as string),
          made.caches.open(undefined as unknown as string),
          cache.delete(undefined as unknown as string),
        ];
        for (const it of await Promise.allSettled(refused)) {
          expect(it).toEqual({ status: 'rejected', reason: expect.any(TypeError) });
        }
        await cache.put('app://atlas/x', new Response('own scheme'));
        expect(await urls(cache.keys())).toEqual(['app://atlas/x']);
        expect([...made.cache.keys({ prefix: ['cached-body'] })].length).toBe(1);
      });

      it('deletes matching responses, and returns whether there were any', async () => {
        using made = setup();
        const cache = await filled(made.caches, [`${A}?1`, '1'], [`${A}?2`, '2'], [`${A}/b`, '3']);
        expect([await cache.delete(A), await cache.delete(A, { ignoreSearch: true })]).toEqual([false, true]);
        expect([await texts(cache.matchAll()), [...made.cache.keys({ prefix: ['cached-body'] })].length]).toEqual([
          ['3'],
          1,
        ]);
      });
    });

    describe('add and addAll', () => {
      it('fetches and stores, in the order of the requests', async () => {
        using made = setup();
        const cache = await made.caches.open('v1');
        await cache.addAll([`${A}1`, new Request(`${A}2`), `${A}3`]);
        await cache.add(`${A}0`);
        expect(await texts(cache.matchAll())).toEqual([`${A}1`, `${A}2`, `${A}3`, `${A}0`]);
      });

      it('stores nothing if one request fails', async () => {
        const answer = (url: string) => new Response(url, url.endsWith('bad') ? { status: 404 } : {});
        using made = setup({}, answer);
        const cache = await made.caches.open('v1');
        await expect(cache.addAll([`${A}1`, `${A}bad`, `${A}2`])).rejects.toThrow(TypeError);
        expect([await cache.keys(), [...made.cache.keys({ prefix: ['cached-body'] })]]).toEqual([[], []]);
        await expect(cache.addAll([A, new Request(A, { method: 'POST' })])).rejects.toThrow(TypeError);
        expect(made.requests.length).toBe(3); // refused before anything was fetched
      });

      it('refuses the same request twice, with InvalidStateError', async () => {
        using made = setup();
        const cache = await made.caches.open('v1');
        const same = new Request(A);
        await expect(cache.addAll([same, same])).rejects.toEqual(
          expect.objectContaining({ name: 'InvalidStateError' }),
        );
        expect(made.requests).toEqual([]);
        await expect(cache.addAll([A, `${A}b`, A])).rejects.toEqual(
          expect.objectContaining({ name: 'InvalidStateError' }),
        );
        expect([await cache.keys(), [...made.cache.keys({ prefix: ['cached-body'] })]]).toEqual([[], []]);
      });
    });
  });
}
