/** Redirects in a session that goes through `host.offline`: Chromium follows them, and each answer is kept under its own address. */
import { fileURLToPath } from 'node:url';
import { expect, test } from './fixture.ts';
import { startOrigin } from './http-origin.ts';

const MAIN = fileURLToPath(new URL('../dist/e2e/offline/main.js', import.meta.url));

test('a page gets the redirected URL, also without the network', async ({ launch }) => {
  await using origin = await startOrigin(({ url, headers }, response, times) => {
    response.setHeader('access-control-allow-origin', headers.origin ?? '*');
    response.setHeader('cache-control', 'max-age=600');
    if (url === '/old') response.writeHead(301, { location: '/new' }).end('moved');
    else if (url === '/login') response.writeHead(302, { location: '/new', 'set-cookie': 'name=ada; Path=/' }).end();
    else response.end(`${url} ${times}`);
  });
  const app = await launch({ main: MAIN });
  const page = await app.waitForWindow(0);
  await page.waitForFunction(`document.title === 'Offline'`);
  const get = (path: string, method = 'GET') =>
    page.evaluate(
      async ({ url, how }) => {
        const response = await fetch(url, { method: how });
        return [response.url, response.redirected, await response.text()];
      },
      { url: origin.url + path, how: method },
    );
  const there = [`${origin.url}/new`, true, '/new 1'];
  expect(await get('/old')).toEqual(there);
  expect(await get('/old')).toEqual(there);
  expect(await get('/new')).toEqual([`${origin.url}/new`, false, '/new 1']);
  // A POST invalidates the URL in its response's Location, so that is requested again.
  const changed = [`${origin.url}/new`, true, '/new 2'];
  expect(await get('/login', 'POST')).toEqual(changed);
  expect([origin.countRequests('/old'), origin.countRequests('/new'), origin.countRequests('/login')]).toEqual([
    1, 2, 1,
  ]);
  await origin.stop();
  expect(await get('/old')).toEqual(changed);
});
