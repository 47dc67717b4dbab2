import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { describeResponse, startHttpSession } from './http-session-fixture.ts';

vi.mock('electron', () => import('./electron-double.ts'));
vi.mock('../../main/electron/network-fetch.ts', async () => (await import('./http-session-fixture.ts')).mockNetwork());

const API = 'https://api.example';
const EVIL = 'https://evil.example';

beforeEach(() => {
  Object.defineProperty(process.versions, 'electron', { value: '45.4.1', configurable: true });
});
afterEach(() => Reflect.deleteProperty(process.versions, 'electron'));

describe('a foreign page that is redirected', () => {
  it.each([200, 201, 203, 206, 300, 304, 305, 404, 503])(
    'does not see the target of a %i that is not followed, unless it is exposed',
    async (status) => {
      const location = `${API}/orders/4711?secret`;
      const answer = (fields: Record<string, string>) => () =>
        new Response(status === 304 ? null : 'x', {
          status,
          headers: { location, 'access-control-allow-origin': '*', ...fields },
        });
      for (const [fields, seen] of [
        [{}, null],
        [{ 'access-control-expose-headers': 'Location' }, location],
      ] as const) {
        using made = startHttpSession(answer(fields));
        const { headers } = await made.ask(`${API}/orders`, EVIL, { method: 'POST', body: 'x' });
        expect(headers.get('location')).toBe(seen);
      }
    },
  );

  it('follows a redirect that CORS allows, with an opaque origin between two other origins', async () => {
    const redirect = (location: string, allowed: string) =>
      new Response(null, { status: 302, headers: { location, 'access-control-allow-origin': allowed } });
    using made = startHttpSession(({ url, headers }) => {
      const { pathname } = new URL(url);
      if (pathname === '/closed') return redirect('/there', 'https://other.example');
      if (pathname === '/away') return redirect('https://third.example/there', '*');
      if (pathname === '/back') return redirect(`${EVIL}/secret`, '*');
      if (pathname === '/near') return redirect('/there', '*');
      if (pathname === '/file') return redirect('file:///etc/passwd', '*');
      if (pathname === '/user') return redirect('https://ada:secret@third.example/', '*');
      return new Response('there', { headers: { 'access-control-allow-origin': headers.get('origin') ?? 'none' } });
    });
    const location = async (path: string) => {
      const { type, status, headers } = await made.ask(API + path, EVIL);
      return type === 'error' ? 'network error' : `${status} ${headers.get('location')}`;
    };
    for (const path of ['/closed', '/file', '/user']) expect(await location(path), path).toBe('network error');
    expect(await location('/near')).toBe('302 /there');
    await made.ask(`${API}/there`, EVIL);
    expect(made.sent.at(-1)).toMatchObject({ origin: EVIL, credentials: 'omit' });
    expect(await location('/away')).toBe('302 https://third.example/there');
    await made.ask('https://third.example/there#part', EVIL);
    expect(made.sent.at(-1), 'tainted').toMatchObject({ origin: 'null', credentials: 'omit' });
    await made.ask('https://third.example/there', EVIL);
    expect(made.sent.at(-1), 'another one').toMatchObject({ origin: EVIL });
    // After a redirect to another origin, its own origin counts as foreign.
    expect(await location('/back')).toBe(`302 ${EVIL}/secret`);
    await made.ask(`${EVIL}/secret`, EVIL);
    expect(made.sent.at(-1)).toMatchObject({ origin: 'null', credentials: 'omit', cors: 'enforced' });
    await made.ask(`${EVIL}/secret`, EVIL);
    expect(made.sent.at(-1)).toMatchObject({ origin: null, cors: 'not enforced' });
  });

  it('has an opaque origin on both of two concurrent redirects to the same URL', async () => {
    using made = startHttpSession(({ url }) => {
      const fields = { location: `${EVIL}/secret`, 'access-control-allow-origin': '*' };
      return url.startsWith(API) ? new Response(null, { status: 302, headers: fields }) : new Response('secret');
    });
    for (const path of ['/1', '/2']) await made.ask(API + path, EVIL);
    for (const expected of ['network error', 'network error', 'secret']) {
      expect(await describeResponse(await made.ask(`${EVIL}/secret`, EVIL))).toBe(expected);
    }
  });
});
