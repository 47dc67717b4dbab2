import { once } from 'node:events';
import { inspect } from 'node:util';
import type { MessagePort } from 'node:worker_threads';
import fc from 'fast-check';
import { describe, expect, it, vi } from 'vitest';
import type { Grant } from '../../../main/bridge/grant.ts';
import { HTTP_API_METHODS, MAX_HTTP_CALLS, MAX_OPEN_BODIES } from '../../../protocol/http.ts';
import { MAX_CHUNK_BYTES } from '../../../protocol/value-stream.ts';
import { collectAllGarbage, getMemoryBytes } from '../../gc.ts';
import { FULL_HTTP_GRANT, openHttpPage } from './http-port-fixture.ts';

/*
 * A page that was taken over speaks to its port directly. Whatever it says, the main process lives and answers; what is not granted
 * neither happens nor is told; what it opened ends with it.
 */

const URL_A = 'https://a.example/a';
const SECRET = 'swordfish';

const call = (method: string, value: unknown, id: string = method) => ({
  id,
  type: 'APPLY',
  path: [method],
  argumentList: [{ type: 'RAW', value }],
});
/** What one honestly shaped message is answered. */
async function requestRaw(port: MessagePort, method: string, value: unknown): Promise<Record<string, never>> {
  const id = `${method} ${Math.random()}`;
  port.postMessage(call(method, value, id));
  for (;;) {
    const [answer] = await once(port, 'message');
    if (answer.id === id) return answer.value;
  }
}
const request = (fields: object = {}) => ({ url: URL_A, method: 'GET', headers: [], ...fields });
const expectedRefusal = (code: string) => ({ fault: expect.objectContaining({ code }) });
const typeError = { fault: { exception: 'TypeError', message: expect.any(String) } };

const oddValue = fc.constantFrom<unknown>(
  ...[undefined, null, Number.NaN, -1, 0, 1, 2, 7, 2 ** 53, 1e300, 5n, true, '', 'k', '\ud800', 'x'.repeat(70_000)],
  ...[{}, [], [[]], [['a']], [['a', 1]], [['a\n', 'b']], [['cookie', 'a=b']], new Array(5_000).fill(['a', 'b'])],
  ...[new Map([[{}, 1]]), new Date(Number.NaN), new Error('e'), new ArrayBuffer(8), new Uint8Array(3)],
  ...[{ toString: 1 }, { __proto__: { evil: true } }, JSON.parse('{"__proto__":{"polluted":1}}'), { length: 2 ** 32 }],
  ...[new Uint8Array(MAX_CHUNK_BYTES + 1), { body: 1, bytes: new Uint8Array(9) }, { strategy: 'constructor' }],
);
const number = fc.oneof(fc.integer({ min: -2, max: 40 }), oddValue);
const url = fc.constantFrom<unknown>(
  URL_A,
  'https://a.example/?secret',
  'file:///etc/passwd',
  'app://x/',
  'http://[',
  'data:,x',
  7,
);
const method = fc.constantFrom<unknown>('GET', 'get', 'HEAD', 'POST', 'DELETE', 'CONNECT', 'TRACE', 'G E T', '', 5, [
  'GET',
]);
const asked = fc.oneof(
  {
    weight: 4,
    arbitrary: fc.record(
      { url, method, headers: oddValue, credentials: oddValue, redirect: oddValue, cache: oddValue },
      { requiredKeys: ['url', 'method', 'headers'] },
    ),
  },
  fc.record({ url, method, headers: fc.constant([]) }),
  oddValue,
);
const response = fc.oneof(
  fc.record({
    url,
    status: fc.constantFrom<unknown>(200, 204, 206, 0, 99, 600, '200', null),
    statusText: fc.constantFrom<unknown>('', 'OK', '\n', 1),
    headers: oddValue,
    redirected: oddValue,
    type: oddValue,
    body: number,
  }),
  oddValue,
);
const values: Record<(typeof HTTP_API_METHODS)[number], fc.Arbitrary<unknown>> = {
  fetch: fc.record(
    { id: number, request: asked, body: number, plan: fc.oneof(fc.constant(undefined), oddValue) },
    { requiredKeys: ['id'] },
  ),
  caches: fc.record(
    {
      id: number,
      cache: fc.oneof(fc.constant(undefined), oddValue),
      method: fc.oneof(
        fc.constantFrom(
          'open',
          'has',
          'delete',
          'keys',
          'match',
          'matchAll',
          'addAll',
          'put',
          'constructor',
          '__proto__',
        ),
        oddValue,
      ),
      name: fc.constantFrom<unknown>('v1', '', '../v1', undefined, 5, {}),
      requests: fc.oneof(fc.array(asked, { maxLength: 3 }), oddValue),
      options: fc.oneof(
        fc.record(
          { ignoreSearch: oddValue, ignoreMethod: oddValue, ignoreVary: oddValue, cacheName: oddValue },
          { requiredKeys: [] },
        ),
        oddValue,
      ),
      response,
    },
    { requiredKeys: ['id', 'method'] },
  ),
  abort: number,
  pull: number,
  cancel: number,
  push: fc.oneof(fc.record({ body: number, bytes: oddValue, failure: oddValue }, { requiredKeys: ['body'] }), oddValue),
  connection: oddValue,
  setOnline: oddValue,
};
const message = fc.oneof(
  {
    weight: 8,
    arbitrary: fc.oneof(
      ...HTTP_API_METHODS.map((name) => values[name].map((value) => call(name, value, `${name} fuzzed`))),
    ),
  },
  fc.record(
    {
      id: oddValue,
      type: fc.constantFrom('APPLY', 'GET', 'SET', 'RELEASE', 'CONSTRUCT'),
      path: oddValue,
      argumentList: oddValue,
    },
    { requiredKeys: [] },
  ),
  oddValue,
);

/** Bytes on the heap and beside it after a garbage collection. */
async function measureLiveBytes(): Promise<number> {
  await collectAllGarbage();
  return getMemoryBytes();
}

describe('a hostile page', () => {
  const reader: Grant = { stores: { '@caches': 'read', '@fetch': 'read' }, bytes: 1_000_000 };

  it.each([
    ['that may read', reader],
    ['that may everything', FULL_HTTP_GRANT],
    ['that was granted a store only', { stores: { api: 'admin' } } satisfies Grant],
  ])('%s harms nothing by 8000 messages of every malformed shape', { timeout: 120_000 }, async (_, grant) => {
    const reached: Request[] = [];
    using page = openHttpPage({
      fetch: (it) => {
        reached.push(new Request(it.url, { method: it.method, headers: it.headers }));
        const headers = { 'cache-control': 'max-age=60', 'set-cookie': SECRET };
        return new Response('x'.repeat(100_000), { headers });
      },
    });
    const kept = await page.caches.open('v1');
    await kept.put('app://x/', new Response('kept', { headers: { 'set-cookie': SECRET } }));
    let memory = Number.NaN;
    let sent = 0;
    const property = fc.asyncProperty(fc.array(message, { minLength: 400, maxLength: 900 }), async (messages) => {
      const port = page.rawPort(grant);
      const heard: unknown[] = [];
      port.on('message', (it) => heard.push(it));
      for (const it of messages) port.postMessage(it);
      sent += messages.length;
      // It still answers.
      expect(await requestRaw(port, 'pull', 'nothing')).toEqual(expectedRefusal('NOT_ALLOWED'));
      await new Promise((resolve) => setTimeout(resolve, 5));
      expect(inspect(heard, { depth: 9, maxArrayLength: null })).not.toContain(SECRET);
      const session = page.sessions.at(-1)!;
      port.close();
      await vi.waitFor(() => expect(session.open).toBe(0));
      if (Number.isNaN(memory)) memory = await measureLiveBytes();
    });
    await fc.assert(property, { numRuns: 20, endOnFailure: true });
    expect(sent).toBeGreaterThan(8000);
    for (const name of ['polluted', 'evil']) expect({}).not.toHaveProperty(name);
    for (const { url: to, headers } of reached) {
      expect(to).toMatch(/^https:/);
      expect(headers.has('cookie')).toBe(false);
    }
    if (grant !== FULL_HTTP_GRANT) {
      for (const { method: by } of reached) expect(['GET', 'HEAD']).toContain(by);
      expect([(await kept.keys()).length, await page.caches.keys()]).toEqual([1, ['v1']]);
      expect(page.offline.connection.isOnline()).toBe(true);
    }
    if (grant !== FULL_HTTP_GRANT && grant !== reader) expect(reached).toEqual([]);
    expect([...page.http.check(), ...page.stored.check()]).toEqual([]);
    expect((await measureLiveBytes()) - memory).toBeLessThan(24 * 2 ** 20);
  });

  it('has no other page’s bodies, nor one twice, and is told the same of all that there isn’t', async () => {
    using page = openHttpPage({
      fetch: () => new Response('x'.repeat(1_000_000), { headers: { 'cache-control': 'no-store' } }),
    });
    const [port, other] = [page.rawPort(), page.rawPort()];
    const opened = await requestRaw(port, 'fetch', { id: 1, request: request(), body: null });
    expect(opened).toMatchObject({ value: { status: 200, body: 1 } });
    for (const forged of [1, 0, -1, 2, '1', null, {}])
      expect(await requestRaw(other, 'pull', forged)).toEqual(expectedRefusal('NOT_ALLOWED'));
    other.postMessage(call('cancel', 1));
    const first = (await requestRaw(port, 'pull', 1)) as unknown as { value: Uint8Array };
    expect(first.value.length).toBeLessThanOrEqual(MAX_CHUNK_BYTES);
    // More than may be asked for at once; what was asked before comes all the same.
    const many = await Promise.all(Array.from({ length: 12 }, () => requestRaw(port, 'pull', 1)));
    expect(many.filter((it) => 'fault' in it).length).toBe(8);
    expect(await requestRaw(port, 'push', { body: 1, bytes: new Uint8Array(3) })).toEqual({ value: false });
    port.postMessage(call('cancel', 1));
    expect(await requestRaw(port, 'pull', 1)).toEqual(expectedRefusal('NOT_ALLOWED'));
    expect(page.sessions.map(({ open }) => open)).toEqual([0, 0]);
  });

  it('gets no byte that stands beside a body in memory', async () => {
    const pool = Buffer.from(`${SECRET.repeat(20)}mine${SECRET.repeat(20)}`);
    const mine = pool.subarray(pool.indexOf('mine'), pool.indexOf('mine') + 4);
    const body = () =>
      new ReadableStream({
        start(controller) {
          controller.enqueue(mine);
          controller.close();
        },
      });
    using page = openHttpPage({ fetch: () => new Response(body(), { headers: { 'cache-control': 'no-store' } }) });
    const port = page.rawPort();
    await requestRaw(port, 'fetch', { id: 1, request: request(), body: null });
    const { value } = (await requestRaw(port, 'pull', 1)) as unknown as { value: Uint8Array };
    expect(Buffer.from(value.buffer).toString()).toBe('mine');
    await (await page.caches.open('v1')).put(URL_A, new Response(body()));
    const call = { id: 2, method: 'match', requests: [request()] };
    const { value: found } = (await requestRaw(port, 'caches', call)) as unknown as { value: { body: Uint8Array }[] };
    expect(Buffer.from(found[0]!.body.buffer).toString()).toBe('mine');
  });

  it('has as many calls and bodies as it may, each call one number', async () => {
    const waiting: (() => void)[] = [];
    using page = openHttpPage({
      fetch: ({ url: to }) =>
        to.endsWith('wait')
          ? new Promise((resolve) => waiting.push(() => resolve(new Response('late'))))
          : new Response('x'.repeat(80_000)),
    });
    const port = page.rawPort();
    const session = page.sessions[0]!;
    const plan = { strategy: 'network-only' };
    for (let id = 0; id < MAX_HTTP_CALLS; id++)
      port.postMessage(call('fetch', { id, request: request({ url: 'https://a.example/wait' }), body: null, plan }));
    expect(await requestRaw(port, 'fetch', { id: 5, request: request(), body: null })).toEqual(
      expectedRefusal('NOT_ALLOWED'),
    );
    expect(await requestRaw(port, 'fetch', { id: -5, request: request(), body: null })).toEqual(
      expectedRefusal('BUSY'),
    );
    for (const answer of waiting) answer();
    await vi.waitFor(() => expect(session.open).toBe(MAX_OPEN_BODIES));
    expect(await requestRaw(port, 'fetch', { id: 5, request: request(), body: null, plan })).toEqual(
      expectedRefusal('BUSY'),
    );
    port.close();
    await vi.waitFor(() => expect(session.open).toBe(0));
  });

  it('sends no body twice, no more than the window allows, and nothing but a body', async () => {
    using page = openHttpPage({
      fetch: async (it) => new Response(it.url.endsWith('read') ? await it.text() : 'unread'),
    });
    const port = page.rawPort();
    const post = (id: number, body: unknown, to = URL_A) =>
      requestRaw(port, 'fetch', { id, request: request({ method: 'POST', url: to }), body });
    const bytes = new Uint8Array(MAX_CHUNK_BYTES).fill(65);
    expect(await post(1, new Uint8Array(MAX_CHUNK_BYTES + 1))).toEqual(expectedRefusal('NOT_ALLOWED'));
    for (const body of ['text', {}, [], true]) expect(await post(2, body)).toEqual(expectedRefusal('NOT_ALLOWED'));
    const reading = post(3, 9, 'https://a.example/read');
    expect(await post(4, 9)).toEqual(expectedRefusal('NOT_ALLOWED'));
    expect(await requestRaw(port, 'push', { body: 9, bytes })).toEqual({ value: true });
    expect(await requestRaw(port, 'push', { body: 9 })).toEqual({ value: true });
    expect(await reading).toMatchObject({ value: { status: 200 } });
    // Nobody reads this one: what is pushed nevertheless ends it.
    expect(await post(5, 10)).toMatchObject({ value: { status: 200 } });
    const pushed = await Promise.all(Array.from({ length: 20 }, () => requestRaw(port, 'push', { body: 10, bytes })));
    expect(pushed).toEqual(new Array(20).fill({ value: false }));
  });

  it('gets no further with large heads, odd addresses and methods', async () => {
    let reached = 0;
    using page = openHttpPage({ fetch: () => new Response(String(++reached)) });
    const port = page.rawPort();
    let id = 0;
    const ask = (fields: object) => requestRaw(port, 'fetch', { id: ++id, request: request(fields), body: null });
    expect(await ask({ headers: [['x-a', 'x'.repeat(300_000)]] })).toEqual(expectedRefusal('TOO_LARGE'));
    expect(await ask({ url: `${URL_A}?${'x'.repeat(300_000)}` })).toEqual(expectedRefusal('TOO_LARGE'));
    // One field that is referred to many times takes little in a message.
    expect(await ask({ headers: new Array(30_000).fill(['a', 'b']) })).toEqual(expectedRefusal('TOO_LARGE'));
    const heavy = request({ headers: [['x-a', 'x'.repeat(20_000)]] });
    const many = { id: ++id, method: 'addAll', cache: 'none', requests: new Array(1001).fill(heavy) };
    expect(await requestRaw(port, 'caches', many)).toEqual(expectedRefusal('NOT_ALLOWED'));
    for (const fields of [
      { url: 'relative' },
      { url: 'https://u:p@a.example/' },
      { method: 'TRACE' },
      { method: 'G E T' },
      { headers: [['a\n', 'b']] },
      { headers: [['a', 'b\0']] },
      { redirect: 'never' },
      { credentials: 'all' },
    ])
      expect(await ask(fields)).toEqual(typeError);
    for (const to of ['file:///etc/passwd', 'javascript:1', 'data:,x'])
      expect(await ask({ url: to })).toEqual(expectedRefusal('NOT_ALLOWED'));
    expect(reached).toBe(0);
  });
});
