import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Cookie, Cookies } from './cookies.ts';

const COOKIE_FILE = 'stand-in-cookies.json';

/** Writes the cookies that outlive a session's windows to its directory. */
export async function saveCookies(cookies: Cookies, directory: string): Promise<void> {
  const all = await cookies.all();
  const lasting = all.filter(({ session }) => !session);
  await mkdir(directory, { recursive: true });
  await writeFile(join(directory, COOKIE_FILE), JSON.stringify(lasting));
}

/** Sets the cookies that `saveCookies` has written. */
export async function restoreCookies(cookies: Cookies, directory: string): Promise<void> {
  await mkdir(directory, { recursive: true });
  const text = await readFile(join(directory, COOKIE_FILE), 'utf8').catch(() => '[]');
  await cookies.set(JSON.parse(text) as Cookie[]);
}
