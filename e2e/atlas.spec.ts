import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { startUpstream, type UpstreamOptions, type UpstreamProcess } from '../demo-app/upstream/start-upstream.ts';
import type { AppHandle } from './app-handle.ts';
import { AtlasPage, COUNTRIES } from './atlas-page.ts';
import { expect, type Launch, test } from './fixture.ts';

const ATLAS = fileURLToPath(new URL('../dist/demo/main.js', import.meta.url));
const SAMPLE = ['AFG', 'CHE', 'NPL', 'UNK', 'VAT', 'ZWE'];
const NOTE = 'Permits in Kathmandu, two passport photos.';

/** One server after the other at one address, with the same notes. */
let startServer: (options?: UpstreamOptions) => Promise<UpstreamProcess>;
let upstream: UpstreamProcess;
test.beforeEach(async ({ userData }) => {
  let port = 0;
  startServer = async (options) => {
    upstream = await startUpstream({ port, notes: join(userData, 'notes.jsonl'), ...options });
    port = Number(new URL(upstream.url).port);
    return upstream;
  };
  await startServer();
});
test.afterEach(() => upstream.stop());

const startAtlas = (launch: Launch) => launch({ main: ATLAS, env: { ATLAS_UPSTREAM: upstream.url } });
const getAtlas = async (app: AppHandle, index = 0) => new AtlasPage(await app.waitForWindow(index));

async function openSecondWindow(app: AppHandle, first: AtlasPage): Promise<AtlasPage> {
  await first.page.getByRole('button', { name: 'New window' }).click();
  return getAtlas(app, 1);
}

/** The texts of the notes that the server has. */
async function hasNote(): Promise<string[]> {
  const notes = (await (await fetch(`${upstream.url}/v1/notes`)).json()) as { text: string }[];
  return notes.map(({ text }) => text);
}

test('Atlas fills its disk online and shows everything after a restart offline', async ({ launch }, info) => {
  const first = await startAtlas(launch);
  const online = await getAtlas(first);
  await online.network('online');
  await online.waitUntilCached();
  expect(await online.world()).toEqual({ listed: COUNTRIES, mapped: COUNTRIES });
  await online.page.screenshot({ path: info.outputPath('online.png') });
  await online.open('NPL');
  await online.provenance('hit');
  await online.page.screenshot({ path: info.outputPath('online-nepal.png') });

  await upstream.stop();
  await online.network('offline');
  await first.close();

  const offline = await getAtlas(await startAtlas(launch));
  await offline.network('offline');
  expect(await offline.world()).toEqual({ listed: COUNTRIES, mapped: COUNTRIES });
  await offline.page.screenshot({ path: info.outputPath('offline.png') });
  for (const code of SAMPLE) expect(await offline.flagWidth(code), `the flag of ${code}`).toBeGreaterThan(0);
  await offline.open('NPL');
  await offline.page.screenshot({ path: info.outputPath('offline-nepal.png') });
  // Never opened while there was a network, and here all the same.
  await offline.open('ZWE');
  expect(await offline.getFacts()).toMatchObject({ Capital: 'Harare', Region: 'Eastern Africa' });
});

test('the badge shows where a response came from', async ({ launch }) => {
  await upstream.stop();
  await startServer({ maxAgeSeconds: 0 });
  const app = await startAtlas(launch);
  const atlas = await getAtlas(app);
  await atlas.provenance('miss', 'status');
  await atlas.waitUntilCached();
  await atlas.open('ISL');
  await atlas.provenance('revalidated');
  await atlas.switchNetwork('off');
  await atlas.provenance('stale');
  await atlas.switchNetwork('on');
  await atlas.provenance('revalidated');
});

test('a note written offline is sent exactly once', async ({ launch }, info) => {
  // It starts the application three times.
  test.slow();
  const first = await startAtlas(launch);
  const before = await getAtlas(first);
  await before.open('NPL');
  await before.switchNetwork('off');
  await before.network('offline');
  await before.send(NOTE);
  await before.note(NOTE, 'ready').waitFor();
  await expect(await before.waitForOutbox()).toHaveText([/Nepal.*Waiting for the network/]);
  await before.page.screenshot({ path: info.outputPath('outbox-offline.png') });
  await first.kill();

  const second = await startAtlas(launch);
  const after = await getAtlas(second);
  await after.network('offline');
  await after.open('NPL');
  await after.note(NOTE, 'ready').waitFor();
  const other = await openSecondWindow(second, after);
  await other.note(NOTE, 'ready').waitFor();
  expect(await hasNote(), 'switched off stays off').toEqual([]);

  await other.switchNetwork('on');
  for (const window of [after, other]) {
    await window.network('online');
    await window.note(NOTE, 'sent').waitFor();
    await expect(await window.waitForOutbox()).toHaveCount(0);
  }
  expect(await hasNote()).toEqual([NOTE]);
  await after.page.screenshot({ path: info.outputPath('sent.png') });

  await other.switchNetwork('off');
  await after.network('offline');
  await second.close();
  const third = await getAtlas(await startAtlas(launch));
  await third.open('NPL');
  await third.note(NOTE, 'sent').waitFor();
});

test('a note is retried when the server fails, not when it refuses', async ({ launch }, info) => {
  const app = await startAtlas(launch);
  const atlas = await getAtlas(app);
  upstream.refuseNotes(503);
  await atlas.open('ISL');
  await atlas.send('Ring road, ten days.');
  await atlas.note('Ring road', 'delayed').waitFor();
  await expect(await atlas.waitForOutbox()).toHaveText([/Iceland.*Again.*the notes are closed \(503\)/]);
  const other = await openSecondWindow(app, atlas);
  await expect(await other.waitForOutbox()).toHaveText([/Iceland.*Again.*the notes are closed \(503\)/]);
  await other.page.screenshot({ path: info.outputPath('retry.png') });
  upstream.refuseNotes();
  await atlas.note('Ring road', 'sent').waitFor();
  expect(await hasNote()).toEqual(['Ring road, ten days.']);

  const long = `Too long ${'x'.repeat(300)}`;
  await atlas.page.keyboard.press('Escape');
  await atlas.open('NPL');
  const field = atlas.page.locator('.field-note textarea');
  await field.fill(long);
  await field.press('Control+Enter');
  await atlas.note('Too long', 'dead').waitFor();
  const dead = await atlas.waitForOutbox();
  await expect(dead).toHaveText([/Nepal.*Not sent: a note has at most 280 characters/]);
  await atlas.page.screenshot({ path: info.outputPath('dead.png') });
  await dead.getByRole('button', { name: 'Try again' }).click();
  await expect(dead, 'tried again, and refused again').toHaveText([/Nepal.*Not sent: a note has at most/]);
  await dead.getByRole('button', { name: 'Take back' }).click();
  await expect(dead).toHaveCount(0);
  await expect(field).toHaveValue(long);
  expect(await hasNote()).toEqual(['Ring road, ten days.']);
});

test('a draft appears in the other window as it is typed', async ({ launch }) => {
  const app = await startAtlas(launch);
  const first = await getAtlas(app);
  await first.world();
  await first.open('ISL');
  await first.write('Ring road');
  const second = await openSecondWindow(app, first);
  await second.world();
  expect(await second.page.locator('#country-name').textContent()).toBe('Iceland');
  expect(await second.draft()).toBe('Ring road');
  await first.write('Ring road, ten days.');
  await expect.poll(() => second.draft()).toBe('Ring road, ten days.');
});

test('text typed while a note is being sent is the next note', async ({ launch }) => {
  const atlas = await getAtlas(await startAtlas(launch));
  await atlas.open('ISL');
  const field = atlas.page.locator('.field-note textarea:not([readonly])');
  for (const word of ['First', 'second', 'third']) {
    await field.pressSequentially(word, { delay: 0 });
    await field.press('Control+Enter');
  }
  await field.pressSequentially('fourth');
  await atlas.page.locator('.saved[data-step="saved"]').waitFor();
  await expect.poll(async () => (await hasNote()).join(' ')).toMatch(/^First\b.*second/);
  await expect(await atlas.waitForOutbox()).toHaveCount(0);
  expect(await atlas.draft()).toMatch(/fourth$/);
  const texts = [...(await hasNote()), await atlas.draft()];
  for (const word of ['First', 'second', 'third', 'fourth']) expect(texts.join(' '), word).toContain(word);
  expect(new Set(texts).size, 'each was sent once').toBe(texts.length);
});

test('Atlas reports an empty disk without network, and recovers automatically', async ({ launch }) => {
  await upstream.stop();
  const atlas = await getAtlas(await startAtlas(launch));
  await atlas.network('offline');
  await expect(atlas.page.locator('.failures')).toContainText('The list of countries is not on disk yet');
  await startServer();
  await atlas.network('online');
  expect((await atlas.world()).listed).toBe(COUNTRIES);
});
