import { mkdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import type { AppHandle } from '../../e2e/app-handle.ts';
import { AtlasPage, COUNTRIES } from '../../e2e/atlas-page.ts';
import { startUpstream, type UpstreamProcess } from '../upstream/start-upstream.ts';
import { expectShown, runStep } from './report.ts';

export interface TourOptions {
  /** Starts Atlas, the first time with an empty disk. */
  readonly start: (upstream: UpstreamProcess) => Promise<AppHandle>;
  /** The folder of the screenshots; its previous content is removed. */
  readonly folder: string;
}

const NOTE = 'Permits in Kathmandu, two passport photos.';
const FLAGS = ['AFG', 'CHE', 'NPL', 'UNK', 'VAT', 'ZWE'];

/**
 * Shows Atlas without a display, step by step: online; then the upstream is stopped and the application restarted, everything is still
 * there, and a note is written; then the upstream is back. Throws `StepFailed` at the first step that fails.
 */
export async function runTour({ start, folder }: TourOptions): Promise<void> {
  await rm(folder, { recursive: true, force: true });
  await mkdir(folder, { recursive: true });
  let upstream = await startUpstream();
  let app: AppHandle | undefined;
  try {
    app = await start(upstream);
    await runOnline(app, folder);
    await runStep('The upstream is stopped', async () => {
      await upstream.stop();
      return `nothing answers at ${upstream.url}`;
    });
    await runStep('The application quits', async () => {
      await app?.close();
      return 'its processes are gone';
    });
    app = await start(upstream);
    await runOffline(app, folder);
    await runStep('The upstream is back', async () => {
      upstream = await startUpstream({ port: Number(new URL(upstream.url).port) });
      upstream.refuseNotes(503);
      return `${upstream.url} answers, but takes no notes`;
    });
    await runReconnect(app, upstream, folder);
    await app.close();
  } catch (error) {
    await app
      ?.windows()[0]
      ?.screenshot({ path: join(folder, 'failed.png') })
      .catch(() => undefined);
    throw error;
  } finally {
    await app?.kill();
    await upstream.stop();
  }
}

async function runOnline(app: AppHandle, folder: string): Promise<void> {
  const atlas = new AtlasPage(await app.waitForWindow(0));
  await runStep('First run, online', async () => {
    await atlas.network('online');
    await expectWorld(atlas);
    return `${COUNTRIES} countries listed and on the map`;
  });
  await runStep('The disk fills', async () => {
    await atlas.waitUntilCached();
    return `flags and details of all are on disk ${await takeScreenshot(atlas, folder, '1-online')}`;
  });
  await runStep('A country', async () => {
    await atlas.open('CHE');
    expectShown('The capital of Switzerland', (await atlas.getFacts())['Capital'], 'Bern');
    await atlas.provenance('hit');
    return `Switzerland, from disk ${await takeScreenshot(atlas, folder, '2-country')}`;
  });
  await runStep('A draft', async () => {
    await atlas.open('NPL');
    await atlas.write(NOTE);
    return `on disk as it was typed ${await takeScreenshot(atlas, folder, '3-draft')}`;
  });
  await runStep('A second window', async () => {
    await atlas.page.getByRole('button', { name: 'New window' }).click();
    const second = new AtlasPage(await app.waitForWindow(1));
    await second.world();
    expectShown('The draft in the second window', await second.draft(), NOTE);
    return `reads “${NOTE}” ${await takeScreenshot(second, folder, '4-second-window')}`;
  });
}

async function runOffline(app: AppHandle, folder: string): Promise<void> {
  const atlas = new AtlasPage(await app.waitForWindow(0));
  await runStep('New processes, offline', async () => {
    await atlas.network('offline');
    await expectWorld(atlas);
    return `${COUNTRIES} countries and the map, from disk ${await takeScreenshot(atlas, folder, '5-offline')}`;
  });
  await runStep('Flags', async () => {
    for (const code of FLAGS) {
      if ((await atlas.flagWidth(code)) === 0) throw new Error(`The flag of ${code} is not drawn`);
    }
    return `${FLAGS.length} looked at, each is drawn from disk`;
  });
  await runStep('The draft is sent', async () => {
    await atlas.open('NPL');
    expectShown('The draft after the restart', await atlas.draft(), NOTE);
    await atlas.page.getByRole('button', { name: 'Send', exact: true }).click();
    await atlas.note(NOTE, 'ready').waitFor();
    await atlas.waitForOutbox();
    return `it waits in the outbox ${await takeScreenshot(atlas, folder, '6-outbox')}`;
  });
  await runStep('A country that was not opened before', async () => {
    await atlas.page.keyboard.press('Escape');
    await atlas.open('ZWE');
    expectShown('The capital of Zimbabwe', (await atlas.getFacts())['Capital'], 'Harare');
    await atlas.page.emulateMedia({ colorScheme: 'dark' });
    const shot = await takeScreenshot(atlas, folder, '7-offline-dark');
    await atlas.page.emulateMedia({ colorScheme: 'light' });
    return `Zimbabwe, from disk, by night ${shot}`;
  });
}

async function runReconnect(app: AppHandle, upstream: UpstreamProcess, folder: string): Promise<void> {
  const atlas = new AtlasPage(await app.waitForWindow(0));
  await runStep('The note is tried', async () => {
    await atlas.open('NPL');
    await atlas.note(NOTE, 'delayed').waitFor();
    await atlas.waitForOutbox();
    return `and will be again ${await takeScreenshot(atlas, folder, '8-retry')}`;
  });
  await runStep('The note arrives', async () => {
    upstream.refuseNotes();
    await atlas.note(NOTE, 'sent').waitFor();
    await atlas.page.keyboard.press('Escape');
    return `“${NOTE}” ${await takeScreenshot(atlas, folder, '9-sent')}`;
  });
}

async function expectWorld(atlas: AtlasPage): Promise<void> {
  const { listed, mapped } = await atlas.world();
  expectShown('Countries listed', listed, COUNTRIES);
  expectShown('Countries on the map', mapped, COUNTRIES);
}

/** Waits until the camera stands still. */
async function takeScreenshot({ page }: AtlasPage, folder: string, name: string): Promise<string> {
  await page.evaluate(() => Promise.all(document.getAnimations().map((animation) => animation.finished)));
  await page.screenshot({ path: join(folder, `${name}.png`) });
  return `[${name}.png]`;
}
