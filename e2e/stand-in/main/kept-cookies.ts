import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Cookie, Cookies } from './cookies.ts';

const FILE = 'stand-in-cookies.json';

/** Writes the cookies that outlive a session's windows to its directory. */
export async function keepCookies(cookies: Cookies, directory: string): Promise<void> {
  const all = await cookies.all();
  const lasting = all.filter(({ session }) => !session);
  await mkdir(directory, { recursive: true });
  await writeFile(join(directory, FILE), JSON.stringify(lasting));
}

/** Sets the cookies that `keepCookies` has written. */
export async function restoreCookies(cookies: Cookies, directory: string): Promise<void> {
  await mkdir(directory, { recursive: true });
  const text = await readFile(join(directory, FILE), 'utf8').catch(() => '[]');
  await cookies.set(JSON.parse(text) as Cookie[]);
}
