/** An Electron whose protocol handlers don't get the initiator (before 43.7 and 44.4), simulated by the stand-in. */
import { fileURLToPath } from 'node:url';
import type { Page } from 'playwright-core';
import { expect, test } from '../fixture.ts';
import { startOrigin } from '../http-origin.ts';

const MAIN = fileURLToPath(new URL('../../dist/e2e/foreign-page/main.js', import.meta.url));

const read = (page: Page, url: string) =>
  page.evaluate(
    (it) =>
      fetch(it).then(
        (answer) => answer.text(),
        () => 'nothing',
      ),
    url,
  );

test('host.offline trusts a session until it shows a foreign page, and then no page of it', async ({ launch }) => {
  await using api = await startOrigin(({ url = '', headers }, response) => {
    if (url === '/open') response.setHeader('access-control-allow-origin', '*');
    response.setHeader('cache-control', 'no-store');
    response.end(`for ${headers.cookie ?? 'anyone'}`);
  });
  await using login = await startOrigin((_request, response) =>
    response.setHeader('set-cookie', 'name=ada; Path=/; SameSite=None; Secure').end(),
  );
  const app = await launch({ main: MAIN, env: { STAND_IN_ELECTRON: '41.2.0' } });
  const own = await app.waitForWindow(0);
  await own.waitForFunction(`document.title === 'Own'`);
  const command = (...words: unknown[]) =>
    own.evaluate((told) => fetch('app://own/do', { method: 'POST', body: JSON.stringify(told) }).then(() => {}), words);

  // Cookies know no ports: what one server of this machine sets goes to the other.
  await command('fetch', { url: `${login.url}/`, as: 'offline' });
  expect(await read(own, `${api.url}/closed`)).toBe('for name=ada');

  await command('open', { url: 'https://evil.example/', as: 'offline' });
  const evil = await app.waitForWindow((it) => it.url() === 'https://evil.example/');
  await evil.waitForFunction(`document.title === 'Evil'`);
  for (const page of [evil, own]) {
    expect(await read(page, `${api.url}/closed`)).toBe('nothing');
    expect(await read(page, `${api.url}/open`)).toBe('for anyone');
  }
  expect(app.output()).toMatch(
    /https:\/\/evil\.example is shown in a session of host\.offline, and this Electron \(41\.2\.0\)/,
  );
});
