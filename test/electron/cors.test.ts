import { describe, expect, it, vi } from 'vitest';
import { needsPreflight } from '../../main/electron/foreign-pages.ts';
import { hasInitiatorOrigin } from '../../main/electron/initiator.ts';

vi.mock('electron', () => import('./electron-double.ts'));

describe('a browser’s preflight', () => {
  const asks = (method: string, headers: Record<string, string> = {}) =>
    needsPreflight(new Request('https://a.example/', { method, headers }));

  it.each([
    ['GET', {}],
    ['HEAD', {}],
    ['POST', { 'content-type': 'text/plain; charset=utf-8' }],
    ['POST', { 'content-type': 'multipart/form-data; boundary=x' }],
    ['GET', { accept: 'image/avif,image/webp,*/*;q=0.8', 'accept-language': 'de-DE,de;q=0.9' }],
    ['POST', { 'content-type': 'Text/Plain\t ; x=y' }],
    ['GET', { range: 'bytes=3-3' }],
    ['GET', { range: 'bytes=0-', 'accept-encoding': 'identity;q=1, *;q=0', 'sec-fetch-mode': 'no-cors' }],
    ['GET', { 'upgrade-insecure-requests': '1', referer: 'https://b.example/', origin: 'null' }],
  ])('is not sent for %s %o', (method, headers) => {
    expect(asks(method, headers)).toBe(false);
  });

  it.each([
    ['PUT', {}],
    ['DELETE', {}],
    ['POST', { 'content-type': 'application/json' }],
    ['POST', { 'content-type': 'text/plain; x="a"' }],
    ['POST', { 'content-type': 'text/plain, application/json' }],
    ['GET', { 'x-own': '1' }],
    ['GET', { authorization: 'Bearer x' }],
    ['GET', { 'cache-control': 'no-cache' }],
    ['GET', { 'if-none-match': '"1"' }],
    ['GET', { 'accept-language': 'de{DE}' }],
    ['GET', { accept: 'a'.repeat(129) }],
    ['GET', { accept: 'text/(html)' }],
    ['GET', { range: 'bytes=-5' }],
    ['GET', { range: 'bytes=0-1,3-4' }],
    ['GET', { range: 'bytes=4-3' }],
    // A no-break space is a byte of the type, not space around it.
    ['POST', { 'content-type': 'text/plain\u00a0' }],
    ['GET', { 'upgrade-insecure-requests': 'all' }],
  ])('is sent for %s %o', (method, headers) => {
    expect(asks(method, headers)).toBe(true);
  });
});

it('initiatorOrigin is expected by Electron’s release', () => {
  const tell = ['43.7.0', '43.8.12', '44.4.0', '44.11.5', '45.0.0', '45.5.0', '46.0.0', '46.0.0-alpha.1', '52.1.2'];
  const silent = ['35.0.0', '41.10.7', '42.11.18', '43.0.0', '43.6.0', '44.3.0', '45.0.0-alpha.1', '', 'x', undefined];
  expect(tell.filter((version) => !hasInitiatorOrigin(version))).toEqual([]);
  expect(silent.filter(hasInitiatorOrigin)).toEqual([]);
});
