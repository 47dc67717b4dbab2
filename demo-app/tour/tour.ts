import { mkdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { AtlasPage, COUNTRIES } from '../../e2e/atlas-page.ts';
import type { App } from '../../e2e/launch.ts';
import { startUpstream, type Upstream } from '../upstream/process.ts';
import { expectSeen, step } from './report.ts';

export interface TourOptions {
  /** Starts Atlas; the first time nothing is on its disk, later what was left there. */
  readonly start: (upstream: Upstream) => Promise<App>;
  /** Where the screenshots go; what was there is removed. */
  readonly folder: string;
}

const NOTE = 'Permits in Kathmandu, two passport photos.';
const FLAGS = ['AFG', 'CHE', 'NPL', 'UNK', 'VAT', 'ZWE'];

/**
 * Atlas without a display, step by step: online, then the upstream is stopped and the application started anew, everything is
 * still there and a note is written; then the upstream is back. Throws `StepFailed` at the first step that is not as it should be.
 */
export async function tour({ start, folder }: TourOptions): Promise<void> {
  await rm(folder, { recursive: true, force: true });
  await mkdir(folder, { recursive: true });
  let upstream = await startUpstream();
  let app: App | undefined;
  try {
    app = await start(upstream);
    await online(app, folder);
    await step('The upstream is stopped', async () => {
      await upstream.stop();
      return `nothing answers at ${upstream.url}`;
    });
    await step('The application quits', async () => {
      await app?.close();
      return 'its processes are gone';
    });
    app = await start(upstream);
    await offline(app, folder);
    await step('The upstream is back', async () => {
      upstream = await startUpstream({ port: Number(new URL(upstream.url).port) });
      upstream.refuseNotes(503);
      return `${upstream.url} answers, but takes no notes`;
    });
    await back(app, upstream, folder);
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

async function online(app: App, folder: string): Promise<void> {
  const atlas = new AtlasPage(await app.waitForWindow(0));
  await step('First run, online', async () => {
    await atlas.network('online');
    await expectWorld(atlas);
    return `${COUNTRIES} countries listed and on the map`;
  });
  await step('The disk fills', async () => {
    await atlas.kept();
    return `flags and details of all are on disk ${await shoot(atlas, folder, '1-online')}`;
  });
  await step('A country', async () => {
    await atlas.open('CHE');
    expectSeen('The capital of Switzerland', (await atlas.facts())['Capital'], 'Bern');
    await atlas.provenance('hit');
    return `Switzerland, from disk ${await shoot(atlas, folder, '2-country')}`;
  });
  await step('A draft', async () => {
    await atlas.open('NPL');
    await atlas.write(NOTE);
    return `on disk as it was typed ${await shoot(atlas, folder, '3-draft')}`;
  });
  await step('A second window', async () => {
    await atlas.page.getByRole('button', { name: 'New window' }).click();
    const second = new AtlasPage(await app.waitForWindow(1));
    await second.world();
    expectSeen('The draft in the second window', await second.draft(), NOTE);
    return `reads “${NOTE}” ${await shoot(second, folder, '4-second-window')}`;
  });
}

async function offline(app: App, folder: string): Promise<void> {
  const atlas = new AtlasPage(await app.waitForWindow(0));
  await step('New processes, offline', async () => {
    await atlas.network('offline');
    await expectWorld(atlas);
    return `${COUNTRIES} countries and the map, from disk ${await shoot(atlas, folder, '5-offline')}`;
  });
  await step('Flags', async () => {
    for (const code of FLAGS) {
      if ((await atlas.flagWidth(code)) === 0) throw new Error(`The flag of ${code} is not drawn`);
    }
    return `${FLAGS.length} looked at, each is drawn from disk`;
  });
  await step('The draft is sent', async () => {
    await atlas.open('NPL');
    expectSeen('The draft after the restart', await atlas.draft(), NOTE);
    await atlas.page.getByRole('button', { name: 'Send', exact: true }).click();
    await atlas.note(NOTE, 'ready').waitFor();
    await atlas.outbox();
    return `it waits in the outbox ${await shoot(atlas, folder, '6-outbox')}`;
  });
  await step('A country nobody opened before', async () => {
    await atlas.page.keyboard.press('Escape');
    await atlas.open('ZWE');
    expectSeen('The capital of Zimbabwe', (await atlas.facts())['Capital'], 'Harare');
    await atlas.page.emulateMedia({ colorScheme: 'dark' });
    const shot = await shoot(atlas, folder, '7-offline-dark');
    await atlas.page.emulateMedia({ colorScheme: 'light' });
    return `Zimbabwe, from disk, by night ${shot}`;
  });
}

async function back(app: App, upstream: Upstream, folder: string): Promise<void> {
  const atlas = new AtlasPage(await app.waitForWindow(0));
  await step('The note is tried', async () => {
    await atlas.open('NPL');
    await atlas.note(NOTE, 'delayed').waitFor();
    await atlas.outbox();
    return `and will be again ${await shoot(atlas, folder, '8-retry')}`;
  });
  await step('The note arrives', async () => {
    upstream.refuseNotes();
    await atlas.note(NOTE, 'sent').waitFor();
    await atlas.page.keyboard.press('Escape');
    return `“${NOTE}” ${await shoot(atlas, folder, '9-sent')}`;
  });
}

async function expectWorld(atlas: AtlasPage): Promise<void> {
  const { listed, mapped } = await atlas.world();
  expectSeen('Countries listed', listed, COUNTRIES);
  expectSeen('Countries on the map', mapped, COUNTRIES);
}

/** Once the camera stands still. */
async function shoot({ page }: AtlasPage, folder: string, name: string): Promise<string> {
  await page.evaluate(() => Promise.all(document.getAnimations().map((animation) => animation.finished)));
  await page.screenshot({ path: join(folder, `${name}.png`) });
  return `[${name}.png]`;
}
