/** What each template must do, packaged: keep a note, show it in a second window and after a restart, and show its picture. */
import { setTimeout as wait } from 'node:timers/promises';
import type { Page } from 'playwright-core';
import type { AppHandle } from '../app-handle.ts';

const WAIT_MS = 30_000;

/**
 * Writes and reads a note in an application of `templates/`, which is started twice on one user data folder. Resolves with what was seen,
 * line by line. Rejects with the first thing that was not as it should be, and with what the application has printed.
 */
export async function checkNotes(start: () => Promise<AppHandle>, note = `Note of ${new Date().toISOString()}`) {
  const seen: string[] = [];
  await runApp(start, async (app) => {
    const page = await app.waitForWindow(0);
    await page.getByRole('textbox', { name: 'New note' }).fill(note, { timeout: WAIT_MS });
    await page.getByRole('button', { name: 'Keep' }).click();
    await waitForNote(page, note);
    seen.push('a note was written and is shown');
    await page.getByRole('button', { name: 'New window' }).click();
    await waitForNote(await app.waitForWindow(1), note);
    seen.push('a second window shows it');
    await waitForPicture(page);
    seen.push('the picture came by deskcache://');
  });
  seen.push('the application ended with code 0');
  await runApp(start, async (app) => waitForNote(await app.waitForWindow(0), note));
  seen.push('the note was read after a restart');
  return seen;
}

/** An application that must end by itself, with code 0, when all is done. */
async function runApp(start: () => Promise<AppHandle>, use: (app: AppHandle) => Promise<void>): Promise<void> {
  const app = await start();
  try {
    await use(app);
  } catch (error) {
    await app.kill();
    throw new Error(`${(error as Error).message}\nThe application printed:\n${app.output()}`, { cause: error });
  }
  await app.close();
  const { exitCode, signalCode } = app.process;
  if (exitCode !== 0)
    throw new Error(`The application ended with ${signalCode ?? exitCode}; it printed:\n${app.output()}`);
}

const waitForNote = (page: Page, note: string) =>
  page.getByRole('listitem').filter({ hasText: note }).waitFor({ timeout: WAIT_MS });

async function waitForPicture(page: Page): Promise<void> {
  const width = () =>
    page
      .locator('img')
      .first()
      .evaluate((image) => (image as HTMLImageElement).naturalWidth);
  for (const deadline = Date.now() + WAIT_MS; Date.now() < deadline; await wait(100)) if ((await width()) > 0) return;
  throw new Error('The picture was not loaded');
}
