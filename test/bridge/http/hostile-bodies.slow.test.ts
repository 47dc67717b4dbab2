import type { MessagePort } from 'node:worker_threads';
import { afterEach, describe, expect, it, vi } from 'vitest';
import { Principal } from '../../../main/bridge/principal.ts';
import { openHttpPage } from './http-port-fixture.ts';

/* Bodies that a page doesn't read, doesn't send, or asks for without taking them. */

const MIB = 2 ** 20;
afterEach(() => void vi.useRealTimers());

type Reply = { readonly value?: never; readonly fault?: { readonly code?: string; readonly message: string } };

/** A page that speaks the wire itself. */
function openRawHttpPort(port: MessagePort) {
  const pending = new Map<string, (value: Reply) => void>();
  let last = 0;
  const ended = new Promise<string>((resolve) => {
    port.on('message', ({ id, value, deskcache, reason }) => {
      pending.get(id)?.(value);
      if (deskcache === 'goodbye') resolve(`${reason.code}: ${reason.message}`);
    });
  });
  const call = (method: string, value: unknown): Promise<Reply> =>
    new Promise((resolve) => {
      const id = String(++last);
      pending.set(id, resolve);
      port.postMessage({ id, type: 'APPLY', path: [method], argumentList: [{ type: 'RAW', value }] });
    });
  const fetched = (id: number, body: unknown = null) =>
    call('fetch', {
      id,
      request: { url: `https://atlas.app/${id}`, method: body === null ? 'GET' : 'POST', headers: [] },
      body,
    }) as Promise<{ value?: { body: number }; fault?: Reply['fault'] }>;
  return { port, call, fetched, ended };
}

/** A page that doesn't say that it has taken its answers, until it is told to. */
function collectReceipts(port: MessagePort) {
  let isTaking = false;
  const receipts: number[] = [];
  const post = () => {
    for (const receipt of receipts.splice(0)) port.postMessage([receipt]);
  };
  port.on('message', ({ value }) => {
    if (value?.receipt !== undefined) receipts.push(value.receipt);
    if (isTaking) post();
  });
  return {
    take(): void {
      isTaking = true;
      post();
    },
  };
}

/** A response whose body never ends. */
function createEndlessResponse(onCancel: () => void = () => {}) {
  return new Response(
    new ReadableStream({
      pull: (sink) => sink.enqueue(new Uint8Array(MIB / 4)),
      cancel: onCancel,
    }),
    { headers: { 'cache-control': 'no-store' } },
  );
}

describe('bodies of responses', () => {
  it('end the port that asks for them and takes none', async () => {
    using page = openHttpPage({ fetch: () => createEndlessResponse() });
    const port = page.rawPort();
    const { fetched, call } = openRawHttpPort(port);
    const { value } = await fetched(1);
    // From now on nothing is taken.
    port.removeAllListeners('message');
    const session = page.sessions.at(-1)!;
    vi.spyOn(console, 'error');
    for (let n = 0; n < 2000 && session.open > 0; n++) {
      void call('pull', value!.body);
      if (n % 4 === 3) await new Promise((resolve) => setTimeout(resolve, 2));
    }
    await vi.waitFor(() => expect(session.open).toBe(0), { timeout: 60_000 });
  });

  it('are not read on while the page takes none of them, and go on when it does', async () => {
    let made = 0;
    const principal = new Principal();
    using page = openHttpPage({
      fetch: () =>
        new Response(
          new ReadableStream({
            pull(sink) {
              made += MIB / 4;
              sink.enqueue(new Uint8Array(MIB / 4));
            },
          }),
          { headers: { 'cache-control': 'no-store' } },
        ),
    });
    const port = page.rawPort(undefined, principal);
    const { fetched, call } = openRawHttpPort(port);
    const opened = await Promise.all(Array.from({ length: 12 }, (_, n) => fetched(n)));
    const pullAll = () => Promise.all(opened.map(({ value }) => call('pull', value!.body)));
    const receipts = collectReceipts(port);
    const pullAhead = async () => {
      for (let round = 0; round < 200; round++) {
        void pullAll();
        await new Promise((resolve) => setImmediate(resolve));
      }
    };
    await pullAhead();
    await vi.waitFor(() => expect(principal.isBehind).toBe(true));
    const before = made;
    await pullAhead();
    // What was being read, and what waits in each stream.
    expect(made - before).toBeLessThan(8 * MIB);
    expect(page.sessions.at(-1)!.open).toBe(12);
    receipts.take();
    // Those that were asked for ahead are answered first; until then it is too much.
    await vi.waitFor(async () => {
      for (const reply of await pullAll()) expect(reply.value).toBeInstanceOf(Uint8Array);
    });
    expect(made).toBeGreaterThan(before);
  });

  it('of caches are read one after the other, and wait for a page that takes none', async () => {
    const principal = new Principal();
    using page = openHttpPage();
    const kept = await page.caches.open('v1');
    for (let n = 0; n < 60; n++) await kept.put(`https://atlas.app/${n}`, new Response(new Uint8Array(MIB / 16)));
    const port = page.rawPort(undefined, principal);
    const { call } = openRawHttpPort(port);
    const { value: cache } = (await call('caches', { id: 0, method: 'open', name: 'v1' })) as { value?: unknown };
    const receipts = collectReceipts(port);
    const answers = Array.from({ length: 200 }, (_, n) => call('caches', { id: n + 1, method: 'matchAll', cache }));
    await vi.waitFor(() => expect(principal.isBehind).toBe(true), { timeout: 30_000 });
    const answered = page.sessions.at(-1)!.open;
    expect(principal.unreadBytes).toBeLessThan(48 * MIB);
    expect(answered).toBeGreaterThan(150);
    receipts.take();
    for (const answer of await Promise.all(answers)) expect(answer.value).toHaveLength(60);
    await vi.waitFor(() => expect([page.sessions.at(-1)!.open, principal.unreadBytes]).toEqual([0, 0]));
  });

  it('go on without end for a page that takes them', async () => {
    using page = openHttpPage({ fetch: () => createEndlessResponse() });
    const response = await page.diskCache.fetch('https://atlas.app/endless');
    let bytes = 0;
    for await (const chunk of response.body as unknown as AsyncIterable<Uint8Array>) {
      bytes += chunk.length;
      if (bytes > 220 * MIB) break;
    }
    expect(bytes).toBeGreaterThan(220 * MIB);
    expect(page.sessions).toHaveLength(1);
  });

  it('are cancelled when nothing of them is read for five minutes, and not before', async () => {
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] });
    const cancelled = vi.fn();
    using page = openHttpPage({ fetch: () => createEndlessResponse(cancelled) });
    const { fetched, call } = openRawHttpPort(page.rawPort());
    const { value } = await fetched(1);
    await vi.advanceTimersByTimeAsync(290_000);
    expect((await call('pull', value!.body)).value).toBeInstanceOf(Uint8Array);
    await vi.advanceTimersByTimeAsync(290_000);
    expect(cancelled).not.toHaveBeenCalled();
    await vi.advanceTimersByTimeAsync(11_000);
    expect(cancelled).toHaveBeenCalledOnce();
    expect((await call('pull', value!.body)).fault).toMatchObject({
      code: 'NOT_ALLOWED',
      message: expect.stringMatching(/300000 ms/),
    });
    expect(page.sessions.at(-1)!.open).toBe(0);
  });

  it('are bounded for all connections of a window and origin', { timeout: 60_000 }, async () => {
    const principal = new Principal();
    using page = openHttpPage({ fetch: () => createEndlessResponse() });
    const codes: unknown[] = [];
    for (let port = 0; port < 3; port++) {
      const { fetched } = openRawHttpPort(page.rawPort(undefined, principal));
      const replies = await Promise.all(Array.from({ length: 400 }, (_, n) => fetched(n)));
      codes.push(...replies.map(({ fault }) => fault?.code));
    }
    expect(codes.filter((code) => code === undefined)).toHaveLength(1024);
    expect(new Set(codes)).toEqual(new Set([undefined, 'BUSY']));
    page.sessions[0]!.close(new Error('gone') as never);
    const { fetched } = openRawHttpPort(page.rawPort(undefined, principal));
    expect((await fetched(1)).fault).toBeUndefined();
  });
});

describe('bodies of requests', () => {
  it('are broken off when nothing comes for five minutes', async () => {
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] });
    using page = openHttpPage({ fetch: async (request) => new Response(await request.text()) });
    const { fetched, call } = openRawHttpPort(page.rawPort());
    const answer = fetched(1, 7);
    void call('push', { body: 7, bytes: new Uint8Array(10) });
    await vi.advanceTimersByTimeAsync(299_000);
    expect(page.sessions.at(-1)!.open).toBeGreaterThan(0);
    await vi.advanceTimersByTimeAsync(2_000);
    expect((await answer).fault?.message).toMatch(/sent nothing of this body for 300000 ms/);
    expect(page.sessions.at(-1)!.open).toBe(0);
  });

  it('are not ended while the reader is slow: the page has sent its chunk and waits', async () => {
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] });
    let read = () => {};
    const isRead = new Promise<void>((resolve) => {
      read = resolve;
    });
    using page = openHttpPage({ fetch: (request) => isRead.then(async () => new Response(await request.text())) });
    const { fetched, call } = openRawHttpPort(page.rawPort());
    const answer = fetched(1, 7);
    const pushed = call('push', { body: 7, bytes: new TextEncoder().encode('slow') });
    await vi.advanceTimersByTimeAsync(700_000);
    read();
    expect((await pushed).value).toBe(true);
    expect((await call('push', { body: 7 })).value).toBe(true);
    expect((await answer).fault).toBeUndefined();
  });
});

describe('an HTTP port that sends useless messages', () => {
  it.each<[string, () => unknown]>([
    ['what is no call', () => ({ id: 'x', more: new Uint8Array(20 * MIB) })],
    [
      'numbers that are none',
      () => ({
        id: 'x',
        type: 'APPLY',
        path: ['abort'],
        argumentList: [{ type: 'RAW', value: new Uint8Array(20 * MIB) }],
      }),
    ],
    [
      'calls that it was not granted',
      () => ({
        id: 'x',
        type: 'APPLY',
        path: ['fetch'],
        argumentList: [{ type: 'RAW', value: { id: 1, request: new Uint8Array(20 * MIB) } }],
      }),
    ],
  ])('is closed after some large messages: %s', { timeout: 60_000 }, async (_what, message) => {
    using page = openHttpPage({});
    const { port, ended } = openRawHttpPort(page.rawPort({ stores: {} }));
    for (let n = 0; n < 10; n++) port.postMessage(message());
    expect(await ended).toMatch(/^DISCONNECTED: This page has sent more than/);
  });
});
