import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { setTimeout as wait } from 'node:timers/promises';
import { queryObjects } from 'node:v8';
import { expect, it } from 'vitest';
import { CacheStorage, Precache } from '../../main/offline/index.ts';
import { collectAllGarbage } from '../gc.ts';
import { openHttpCache } from './http/http-cache-fixture.ts';

/** An origin whose bodies never end. */
async function createEndlessServer(control: string) {
  const state = { open: 0 };
  const server = createServer((_, response) => {
    state.open++;
    response.writeHead(200, { 'cache-control': control }).write('begun');
    response.on('close', () => state.open--);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  return { state, url, [Symbol.dispose]: () => void server.close() };
}

it.each([
  ['stored', 'max-age=60', {}],
  ['not stored', 'no-store', {}],
  ['past the store', 'max-age=60', { cache: 'no-store' }],
  ['past the store, of a change', 'max-age=60', { method: 'POST', body: 'x' }],
] as [string, string, RequestInit][])(
  'a signal ends a body that is %s, also when the requests have been collected',
  async (_, control, init) => {
    using origin = await createEndlessServer(control);
    using setup = openHttpCache(() => Response.error());
    const http = setup.openAnother({ fetch: (request) => fetch(request) });
    const controller = new AbortController();
    const reader = (await http.fetch(origin.url, { ...init, signal: controller.signal })).body!.getReader();
    await reader.read();
    await collectAllGarbage();
    controller.abort(new Error('enough'));
    await expect(reader.read()).rejects.toThrow('enough');
    await expect.poll(() => origin.state.open).toBe(0);
  },
);

it('a signal ends an installation, also when its requests have been collected', async () => {
  using origin = await createEndlessServer('max-age=60');
  using setup = openHttpCache(() => Response.error());
  const precache = new Precache({ cache: setup.cache, fetch: (request) => fetch(request) });
  const controller = new AbortController();
  const installed = precache.install({ version: '1', entries: [{ url: origin.url }] }, { signal: controller.signal });
  installed.catch(() => undefined);
  await expect.poll(() => origin.state.open).toBe(1);
  await wait(50);
  await collectAllGarbage();
  controller.abort(new Error('enough'));
  await expect(installed).rejects.toThrow('enough');
  await expect.poll(() => origin.state.open).toBe(0);
});

it('addAll ends at the first failure, also when its requests have been collected', async () => {
  using origin = await createEndlessServer('max-age=60');
  using setup = openHttpCache(() => Response.error());
  let answerLate = (_: Response) => {};
  const late = new Promise<Response>((resolve) => {
    answerLate = resolve;
  });
  const answer = (request: Request) => (request.url.endsWith('/missing') ? late : fetch(request));
  const shelf = await new CacheStorage({ cache: setup.cache, fetch: answer }).open('v1');
  const added = shelf.addAll([origin.url, `${origin.url}/missing`]);
  added.catch(() => undefined);
  await expect.poll(() => origin.state.open).toBe(1);
  await wait(50);
  await collectAllGarbage();
  answerLate(new Response('no', { status: 404 }));
  await expect(added).rejects.toThrow('/missing responded with 404');
  await expect.poll(() => origin.state.open).toBe(0);
});

it('a thousand requests leave no listener on the long-lived signal of their caller', async () => {
  using setup = openHttpCache(
    (_, count) => new Response('x', { headers: { 'cache-control': count % 2 ? 'no-store' : 'max-age=60' } }),
  );
  const { signal } = new AbortController();
  for (let n = 0; n < 1000; n++) {
    const mode = n % 3 ? 'default' : 'no-cache';
    await (await setup.http.fetch(`https://a.example/${n % 10}`, { signal, cache: mode })).text();
    setup.originRequests.length = 0;
  }
  await collectAllGarbage();
  expect(queryObjects(AbortSignal, { format: 'count' })).toBeLessThan(100);
});
