import { mkdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { AtlasPage, COMPLETE } from '../../e2e/atlas-page.ts';
import type { App } from '../../e2e/launch.ts';
import { startUpstream, type Upstream } from '../upstream/process.ts';
import { expectSeen, step } from './report.ts';

export interface TourOptions {
  /** Starts Atlas; the first time nothing is on its disk, the second time what the first left there. */
  readonly start: (upstream: Upstream) => Promise<App>;
  /** Where the screenshots go; what was there is removed. */
  readonly folder: string;
}

const NOTE = 'Permits in Kathmandu, two passport photos.';
const FLAGS = ['AFG', 'CHE', 'NPL', 'UNK', 'VAT', 'ZWE'];

/**
 * Atlas without a display, step by step: online, two windows, then the upstream is stopped, the application is started anew,
 * and everything is still there. Throws `StepFailed` at the first step that is not as it should be.
 */
export async function tour({ start, folder }: TourOptions): Promise<void> {
  await rm(folder, { recursive: true, force: true });
  await mkdir(folder, { recursive: true });
  const upstream = await startUpstream();
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
    return `${COMPLETE.countries} countries listed and on the map`;
  });
  await step('The disk fills', async () => {
    await atlas.kept();
    return `${COMPLETE.flags} flags, ${COMPLETE.answers} answers on disk ${await shoot(atlas, folder, '1-online')}`;
  });
  await step('A country', async () => {
    await atlas.open('CHE');
    expectSeen('The capital of Switzerland', (await atlas.facts())['Capital'], 'Bern');
    return `Switzerland, from ${await atlas.origin()} ${await shoot(atlas, folder, '2-country')}`;
  });
  await step('A field note', async () => {
    await atlas.open('NPL');
    await atlas.writeNote(NOTE);
    return `saved to disk as it was typed ${await shoot(atlas, folder, '3-note')}`;
  });
  await step('A second window', async () => {
    await atlas.page.getByRole('button', { name: 'New window' }).click();
    const second = new AtlasPage(await app.waitForWindow(1));
    await second.world();
    expectSeen('The note in the second window', await second.note(), NOTE);
    return `reads “${NOTE}” ${await shoot(second, folder, '4-second-window')}`;
  });
}

async function offline(app: App, folder: string): Promise<void> {
  const atlas = new AtlasPage(await app.waitForWindow(0));
  await step('New processes, offline', async () => {
    await atlas.network('offline');
    await expectWorld(atlas);
    return `${COMPLETE.countries} countries and the map, from disk ${await shoot(atlas, folder, '5-offline')}`;
  });
  await step('Flags', async () => {
    for (const code of FLAGS) {
      if ((await atlas.flagWidth(code)) === 0) throw new Error(`The flag of ${code} is not drawn`);
    }
    return `${FLAGS.length} looked at, each is drawn from disk`;
  });
  await step('The note', async () => {
    await atlas.open('NPL');
    expectSeen('The note after the restart', await atlas.note(), NOTE);
    return `is still there ${await shoot(atlas, folder, '6-offline-note')}`;
  });
  await step('A country nobody opened before', async () => {
    await atlas.open('ZWE');
    expectSeen('The capital of Zimbabwe', (await atlas.facts())['Capital'], 'Harare');
    await atlas.page.emulateMedia({ colorScheme: 'dark' });
    return `Zimbabwe, from ${await atlas.origin()}, by night ${await shoot(atlas, folder, '7-offline-dark')}`;
  });
}

async function expectWorld(atlas: AtlasPage): Promise<void> {
  const { listed, mapped } = await atlas.world();
  expectSeen('Countries listed', listed, COMPLETE.countries);
  expectSeen('Countries on the map', mapped, COMPLETE.countries);
}

/** Once the camera stands still. */
async function shoot({ page }: AtlasPage, folder: string, name: string): Promise<string> {
  await page.evaluate(() => Promise.all(document.getAnimations().map((animation) => animation.finished)));
  await page.screenshot({ path: join(folder, `${name}.png`) });
  return `[${name}.png]`;
}
