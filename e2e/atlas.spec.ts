import { fileURLToPath } from 'node:url';
import { startUpstream, type Upstream } from '../demo-app/upstream/process.ts';
import { AtlasPage, COMPLETE } from './atlas-page.ts';
import { expect, test } from './fixture.ts';

const ATLAS = fileURLToPath(new URL('../dist/demo/main.js', import.meta.url));
const SAMPLE = ['AFG', 'CHE', 'NPL', 'UNK', 'VAT', 'ZWE'];

let upstream: Upstream;
test.beforeEach(async () => {
  upstream = await startUpstream();
});
test.afterEach(() => upstream.stop());

test('Atlas fills its disk online and shows everything after a restart offline', async ({ launch }, info) => {
  const env = { ATLAS_UPSTREAM: upstream.url };
  const first = await launch({ main: ATLAS, env });
  const online = new AtlasPage(await first.waitForWindow(0));
  await online.network('online');
  await online.kept();
  expect(await online.world()).toEqual({ listed: COMPLETE.countries, mapped: COMPLETE.countries });
  await online.page.screenshot({ path: info.outputPath('online.png') });
  await online.open('NPL');
  await online.writeNote('Permits in Kathmandu, two passport photos.');
  await online.page.screenshot({ path: info.outputPath('online-nepal.png') });

  await upstream.stop();
  await online.network('offline');
  await first.close();

  const second = await launch({ main: ATLAS, env });
  const offline = new AtlasPage(await second.waitForWindow(0));
  await offline.network('offline');
  expect(await offline.world()).toEqual({ listed: COMPLETE.countries, mapped: COMPLETE.countries });
  await offline.page.screenshot({ path: info.outputPath('offline.png') });
  for (const code of SAMPLE) expect(await offline.flagWidth(code), `the flag of ${code}`).toBeGreaterThan(0);
  await offline.open('NPL');
  expect(await offline.note()).toBe('Permits in Kathmandu, two passport photos.');
  expect(await offline.origin()).toBe('disk');
  await offline.page.screenshot({ path: info.outputPath('offline-nepal.png') });
  // Never opened while there was a network, and here all the same.
  await offline.open('ZWE');
  expect(await offline.facts()).toMatchObject({ Capital: 'Harare', Region: 'Eastern Africa' });
});

test('a note written in one window is read in another', async ({ launch }) => {
  const app = await launch({ main: ATLAS, env: { ATLAS_UPSTREAM: upstream.url } });
  const first = new AtlasPage(await app.waitForWindow(0));
  await first.world();
  await first.open('ISL');
  await first.writeNote('Ring road, ten days.');
  await first.page.getByRole('button', { name: 'New window' }).click();
  const second = new AtlasPage(await app.waitForWindow(1));
  await second.world();
  expect(await second.page.locator('#country-name').textContent()).toBe('Iceland');
  expect(await second.note()).toBe('Ring road, ten days.');
});

test('Atlas without network and without anything on disk says so, and recovers by itself', async ({ launch }) => {
  await upstream.stop();
  const app = await launch({ main: ATLAS, env: { ATLAS_UPSTREAM: upstream.url } });
  const atlas = new AtlasPage(await app.waitForWindow(0));
  await atlas.network('offline');
  await expect(atlas.page.locator('.failures')).toContainText('The list of countries is not on disk yet');
  upstream = await startUpstream({ port: Number(new URL(upstream.url).port) });
  await atlas.network('online');
  expect((await atlas.world()).listed).toBe(COMPLETE.countries);
});
