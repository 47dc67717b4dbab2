import { EventEmitter } from 'node:events';
import { createServer, type IncomingMessage, request as nodeRequest } from 'node:http';
import type { AddressInfo } from 'node:net';
import { PassThrough } from 'node:stream';
import type { AuthInfo, ClientRequest, ClientRequestConstructorOptions, Session } from 'electron';
import { afterAll, afterEach, beforeAll, describe, expect, it, vi } from 'vitest';
import { networkFetch, ownNetworkFetch } from '../../main/electron/network-fetch.ts';

/** What `net.request` was asked with. */
const started: ClientRequestConstructorOptions[] = [];
let aborted = 0;

/** What an Electron starts with that knows nothing of `bypassCustomProtocolHandlers` in `net.request`, as 35 to 37. */
const startedWith: Record<string, unknown>[] = [];
/** What the network tells instead of what the server says, for requests to `/told`. */
let emitResponse: (asked: EventEmitter) => void = () => {};
const headersSet: [string, string][] = [];

/** Node's own client requests are much like Electron's; what they don't know are redirects, which Electron tells of as it does here. */
function request(options: ClientRequestConstructorOptions) {
  started.push(options);
  if (options.url!.endsWith('/told')) return createManualRequest();
  const asked = nodeRequest(options.url!, { method: options.method });
  const { emit, abort } = asked;
  const _urlLoaderOptions = { url: options.url, bypassCustomProtocolHandlers: undefined };
  startedWith.push(Object.assign(asked, { _urlLoaderOptions })._urlLoaderOptions);
  asked.abort = () => {
    aborted++;
    abort.call(asked);
  };
  asked.emit = (event: string, ...rest: unknown[]): boolean => {
    if (event !== 'response') return emit.call(asked, event, ...rest);
    const message = rest[0] as IncomingMessage;
    const { statusCode = 0, headers, headersDistinct } = message;
    if (statusCode < 300 || statusCode === 304) return emit.call(asked, event, detachMessage(message));
    const to = new URL(headers.location!, options.url).href;
    emit.call(asked, 'redirect', statusCode, options.method, to, headersDistinct);
    if (options.redirect !== 'follow')
      return asked.destroyed || asked.emit('error', new Error('Redirect was cancelled'));
    const next = nodeRequest(to);
    next.on('response', (message) => emit.call(asked, 'response', detachMessage(message)));
    return next.end() !== undefined;
  };
  return asked;
}

/** A request whose events a test emits by hand. */
function createManualRequest() {
  headersSet.length = 0;
  const asked = new EventEmitter();
  return Object.assign(asked, {
    setHeader: (...field: [string, string]) => headersSet.push(field),
    abort: () => void aborted++,
    end: () => queueMicrotask(() => emitResponse(asked)),
  }) as unknown as ClientRequest;
}

/** An answer as Electron tells of it. */
const message = (statusCode: number, rawHeaders: string[], statusMessage = 'OK') =>
  Object.assign(new PassThrough().end('body'), { statusCode, statusMessage, rawHeaders });

/** Electron's messages don't know their request; Node's are aborted by it when they are destroyed. */
function detachMessage(message: IncomingMessage) {
  const { statusCode, statusMessage, rawHeaders } = message;
  const body = new PassThrough();
  message.on('error', (error) => body.destroy(error)).pipe(body);
  return Object.assign(body, { statusCode, statusMessage, rawHeaders });
}
const { app } = vi.hoisted(() => ({ app: new (process.getBuiltinModule('node:events').EventEmitter)() }));
vi.mock('electron', () => ({ net: { request }, app }));

const session = { storagePath: '/data' } as Session;
const sessionFetch = networkFetch(session);
let base: string;
let closed = 0;
const server = createServer((incoming, response) => {
  response.on('close', () => closed++);
  if (incoming.url === '/old') {
    response.setHeader('set-cookie', ['a=1', 'b=2']);
    response.writeHead(301, { location: '/new', 'cache-control': 'max-age=60' }).end('moved');
  } else if (incoming.url === '/none') response.writeHead(304, { etag: '"a"' }).end();
  else if (incoming.url === '/endless') {
    response.setHeader('set-cookie', ['a=1', 'b=2']);
    const chunk = Buffer.alloc(64 * 1024);
    const go = () => {
      while (!response.destroyed && response.write(chunk));
    };
    response.on('drain', go);
    go();
  } else if (incoming.url === '/never') incoming.resume();
  else
    incoming.pipe(
      response.writeHead(200, 'Fine', {
        'x-got': String(incoming.headers['x-own']),
        'x-mode': String(incoming.headers['sec-fetch-mode']),
        'x-length': String(incoming.headers['content-length']),
      }),
    );
});

beforeAll(async () => {
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  base = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
});
afterAll(() => {
  server.closeAllConnections();
  server.close();
});

const fetchPath = (path: string, init?: RequestInit) => sessionFetch(new Request(base + path, init));

describe('the network of a session', () => {
  it('bypasses the session’s protocol handlers, also where net.request lacks the option (Electron 35 to 37)', async () => {
    await sessionFetch(new Request(`${base}/`));
    expect(started.at(-1)).toMatchObject({ bypassCustomProtocolHandlers: true });
    expect(startedWith.at(-1)).toMatchObject({ bypassCustomProtocolHandlers: true });
  });

  it('returns fields, body and the URL of the response', async () => {
    const response = await fetchPath('/echo', { method: 'POST', body: 'sent', headers: { 'x-own': 'kept' } });
    const { status, statusText, url, redirected } = response;
    expect([status, statusText, url, redirected]).toEqual([200, 'Fine', `${base}/echo`, false]);
    expect([await response.text(), response.headers.get('x-got')]).toEqual(['sent', 'kept']);
  });

  it('sends a small body with its length, a large one in chunks', async () => {
    expect((await fetchPath('/echo', { method: 'POST', body: 'sent' })).headers.get('x-length')).toBe('4');
    const MB = 2 ** 20;
    let onAnswer = () => {};
    const answered = new Promise<void>((resolve) => {
      onAnswer = resolve;
    });
    let pulled = 0;
    const body = new ReadableStream({
      async pull(controller) {
        // The last ones wait for the answer to the first.
        if (++pulled > 12) await answered;
        if (pulled > 14) controller.close();
        else controller.enqueue(new Uint8Array(MB).fill(pulled));
      },
    });
    const response = await fetchPath('/echo', { method: 'POST', body, duplex: 'half' } as RequestInit);
    expect(response.headers.get('x-length')).toBe('undefined');
    onAnswer();
    const bytes = new Uint8Array(await response.arrayBuffer());
    expect([bytes.length, bytes[0], bytes.at(-1)]).toEqual([14 * MB, 1, 14]);
  });

  it('cancels the source of a body and ends the request when it is aborted half-way', async () => {
    let cancelled = 0;
    const endless = () =>
      new ReadableStream({
        pull: (controller) => controller.enqueue(new Uint8Array(100_000)),
        cancel: () => void cancelled++,
      });
    const controller = new AbortController();
    const { signal } = controller;
    const before = closed;
    const abortedBefore = aborted;
    const asking = fetchPath('/never', { method: 'POST', body: endless(), duplex: 'half', signal } as RequestInit);
    setTimeout(() => controller.abort(), 100);
    await expect(asking).rejects.toMatchObject({ name: 'AbortError' });
    await vi.waitFor(() => expect([cancelled, closed]).toEqual([1, before + 1]));
    const broken = new ReadableStream({
      pull: (it) => (cancelled++ < 200 ? it.enqueue(new Uint8Array(100_000)) : it.error(new Error('The file is gone'))),
    });
    const sending = fetchPath('/never', { method: 'POST', body: broken, duplex: 'half' } as RequestInit);
    await expect(sending).rejects.toThrow('The file is gone');
    await vi.waitFor(() => expect([aborted > abortedBefore + 1, closed]).toEqual([true, before + 2]));
  });

  it.each([
    ['that has not begun', 0],
    ['of which a part was read', 1],
    ['that is being sent', 9 * 2 ** 20],
  ])('aborts a body %s at once, also when its source yields nothing', async (_, bytes) => {
    const cancelled = vi.fn();
    const body = new ReadableStream<Uint8Array>({
      start: (controller) => {
        if (bytes > 0) controller.enqueue(new Uint8Array(bytes));
      },
      cancel: cancelled,
    });
    const leaving = new AbortController();
    const { signal } = leaving;
    const answer = fetchPath('/never', { method: 'POST', body, duplex: 'half', signal } as RequestInit);
    const sent = started.length + (bytes > 8 * 2 ** 20 ? 1 : 0);
    await vi.waitFor(() => expect(started.length).toBe(sent));
    leaving.abort(new Error('enough'));
    await expect(answer).rejects.toThrow('enough');
    await vi.waitFor(() =>
      expect(cancelled).toHaveBeenCalledExactlyOnceWith(expect.objectContaining({ message: 'enough' })),
    );
    expect(started.length).toBe(sent);
  });

  it('bypasses the handlers and Chromium’s cache, and sends the session’s cookies', async () => {
    expect((await fetchPath('/echo')).headers.get('x-mode')).toBe('undefined');
    expect(started.at(-1)).toMatchObject({
      ...{ session, cache: 'no-store', bypassCustomProtocolHandlers: true, credentials: 'include' },
    });
    const held = await fetchPath('/echo', { headers: { origin: 'app://atlas' } });
    expect(held.headers.get('x-mode')).toBe('cors');
    expect(started.at(-1)).toMatchObject({ origin: 'app://atlas', credentials: 'same-origin' });
  });

  it('returns a redirect, or follows it', async () => {
    const redirect = await fetchPath('/old', { redirect: 'manual' });
    expect([redirect.status, redirect.headers.get('location'), redirect.url, redirect.body]).toEqual([
      ...[301, '/new', `${base}/old`, null],
    ]);
    expect(redirect.headers.getSetCookie()).toEqual(['a=1', 'b=2']);
    const followed = await fetchPath('/old');
    expect([followed.status, followed.url, followed.redirected]).toEqual([200, `${base}/new`, true]);
    await followed.text();
  });

  it('returns responses without a body', async () => {
    const response = await fetchPath('/none', { headers: { 'if-none-match': '"a"' } });
    expect([response.status, response.headers.get('etag'), response.body]).toEqual([304, '"a"', null]);
    expect((await fetchPath('/echo', { method: 'HEAD' })).body).toBeNull();
  });

  it('streams, and stops when the reader does', async () => {
    const before = closed;
    const response = await fetchPath('/endless');
    const reader = response.body!.getReader();
    expect((await reader.read()).value?.byteLength).toBeGreaterThan(0);
    const abortedBefore = aborted;
    await reader.cancel();
    await expect.poll(() => closed, { timeout: 10_000 }).toBe(before + 1);
    expect(aborted).toBe(abortedBefore + 1);
  });

  it('rejects with the network’s error, or the signal’s reason', async () => {
    await expect(sessionFetch(new Request('http://127.0.0.1:1/x'))).rejects.toMatchObject({
      name: 'TypeError',
      message: expect.stringMatching(/^GET http:\/\/127\.0\.0\.1:1\/x: .*ECONNREFUSED/),
      cause: { code: 'ECONNREFUSED' },
    });
    await expect(
      sessionFetch(new Request(`${base}/x`, { signal: AbortSignal.abort(new Error('early')) })),
    ).rejects.toThrow('early');
    const controller = new AbortController();
    const waiting = fetchPath('/never', { signal: controller.signal });
    await vi.waitFor(() => expect(started.at(-1)?.url).toBe(`${base}/never`));
    controller.abort(new Error('enough'));
    await expect(waiting).rejects.toThrow('enough');
    const reading = new AbortController();
    const response = await fetchPath('/endless', { signal: reading.signal });
    reading.abort(new Error('enough'));
    await expect(response.arrayBuffer()).rejects.toThrow();
  });

  it('decodes the bytes of a field as fetch does, also above U+00FF', async () => {
    emitResponse = (asked) =>
      asked.emit('response', message(200, ['x-name', 'Łódź', 'x-old', 'caf\u00e9', 'x-plain', 'a'], 'Gut Ł'));
    const { headers, statusText } = await fetchPath('/told');
    const bytes = (text: string) => Buffer.from(text).toString('latin1');
    expect([headers.get('x-name'), headers.get('x-old'), headers.get('x-plain')]).toEqual([
      ...[bytes('Łódź'), bytes('café'), 'a'],
    ]);
    expect(statusText).toBe(bytes('Gut Ł'));
    emitResponse = (asked) => asked.emit('redirect', 302, 'GET', 'https://a.example/%C5%81', { location: ['/Ł'] });
    const redirect = await fetchPath('/told', { redirect: 'manual' });
    expect(redirect.headers.get('location'), 'as Chromium reads it').toBe('https://a.example/%C5%81');
  });

  it.each([
    ['has a status that no response can have', 999, ['x-a', 'b']],
    ['has a field that no response can have', 200, ['x-a', 'b\0c']],
  ])('rejects if a response %s, and ends the transfer', async (_, status, fields) => {
    const before = aborted;
    emitResponse = (asked) => expect(() => asked.emit('response', message(status, fields))).not.toThrow();
    await expect(fetchPath('/told')).rejects.toMatchObject({
      name: 'TypeError',
      message: expect.stringMatching(/^GET http:.*\/told: /),
      cause: expect.any(Error),
    });
    emitResponse = (asked) =>
      expect(() => asked.emit('redirect', status, 'GET', base, { 'x-a': [fields[1]!] })).not.toThrow();
    await expect(fetchPath('/told', { redirect: 'manual' })).rejects.toThrow(TypeError);
    expect(aborted).toBe(before + 2);
  });

  it.each([
    [204, 'GET'],
    [205, 'GET'],
    [304, 'GET'],
    [200, 'HEAD'],
  ])(
    'has all of a %i to %s with its head: what follows is read past, and its failure is not uncaught',
    async (status, method) => {
      const told = message(status, []);
      emitResponse = (asked) => asked.emit('response', told);
      expect(await fetchPath('/told', { method })).toMatchObject({ status, body: null });
      expect(told.readableFlowing).toBe(true);
      expect(() => told.emit('error', new Error('net::ERR_HTTP2_PROTOCOL_ERROR'))).not.toThrow();
    },
  );

  it('omits a status text that no Response can have', async () => {
    for (const reason of ['O\x01K', 'O\x7fK']) {
      emitResponse = (asked) => asked.emit('response', message(200, [], reason));
      expect(await fetchPath('/told')).toMatchObject({ status: 200, statusText: '' });
    }
  });

  it('sends the Origin of the application’s own pages, without enforcing CORS for them', async () => {
    emitResponse = (asked) => asked.emit('response', message(200, []));
    const headers = { origin: 'app://atlas', referer: 'https://a.example/page', 'x-own': '1' };
    await ownNetworkFetch(session)(new Request(`${base}/told`, { method: 'POST', body: 'x', headers }));
    // A list is a header and nothing else; as text Electron would take it for the origin that CORS is enforced for.
    expect(started.at(-1)).toMatchObject({ headers: { origin: ['app://atlas'] }, credentials: 'include' });
    expect(started.at(-1)).not.toHaveProperty('origin');
    expect(started.at(-1)?.referrerPolicy, 'the page’s policy was applied already').toBe('unsafe-url');
    expect(headersSet.map(([name]) => name).sort()).toEqual(['content-type', 'referer', 'x-own']);
  });

  describe('when a user name and password are required', () => {
    const challenge: AuthInfo = { isProxy: false, scheme: 'basic', host: 'a.example', port: 443, realm: 'all' };
    /** What the network is given for a challenge. */
    const given = async (init?: RequestInit, info = challenge): Promise<unknown[]> => {
      const answers: unknown[] = [];
      emitResponse = (asked) => {
        asked.emit('login', info, (...login: unknown[]) => answers.push(login));
        setTimeout(() => asked.emit('response', message(401, [])), 5);
      };
      await fetchPath('/told', init);
      return answers;
    };
    afterEach(() => void app.removeAllListeners());

    it('returns the 401 if no listener responds', async () => {
      expect(await given()).toEqual([[]]);
      app.on('login', () => {});
      expect(await given()).toEqual([[]]);
    });

    it('gets them from app.on(‘login’), once per request', async () => {
      const asked: unknown[][] = [];
      app.on('login', (event, ...about) => {
        event.preventDefault();
        asked.push(about.slice(0, 3));
        setTimeout(() => {
          about[3]('ada', 'secret');
          about[3]('eve', 'other');
        });
      });
      expect(await given()).toEqual([['ada', 'secret']]);
      const details = { url: `${base}/told`, isRequestForNavigation: false, firstAuthAttempt: true };
      expect(asked).toEqual([[null, expect.objectContaining(details), challenge]]);
    });

    it('asks only for a proxy’s, for a request without credentials', async () => {
      app.on('login', (event, _contents, _details, _info, callback) => {
        event.preventDefault();
        callback('ada', 'secret');
      });
      expect(await given({ credentials: 'omit' })).toEqual([[]]);
      expect(await given({ credentials: 'omit' }, { ...challenge, isProxy: true })).toEqual([['ada', 'secret']]);
    });

    it('rejects if the listener throws', async () => {
      app.on('login', () => {
        throw new Error('no dialog');
      });
      await expect(given()).rejects.toThrow('no dialog');
    });
  });
});
