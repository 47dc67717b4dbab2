/**
 * Serves the built page at app://notes/ instead of file://. A page with a scheme of its own has a real origin, gets its policy as a
 * header, and can't read other files of the disk.
 */
import { readFile } from 'node:fs/promises';
import { extname, join, sep } from 'node:path';
import type { CustomScheme } from 'electron';
import { PAGE_FOLDER } from './page-location';

export const PAGE_SCHEME = {
  scheme: 'app',
  privileges: { standard: true, secure: true, supportFetchAPI: true },
} satisfies CustomScheme;

export const PAGE_URL = 'app://notes/';

const MEDIA_TYPES: Readonly<Record<string, string>> = {
  '.css': 'text/css; charset=utf-8',
  '.html': 'text/html; charset=utf-8',
  '.js': 'text/javascript; charset=utf-8',
};

/** Allows the application's own scripts and styles, pictures of the store, and nothing else. */
const POLICY = [
  "default-src 'none'",
  "script-src 'self'",
  "style-src 'self'",
  "img-src 'self' deskcache:",
  "base-uri 'none'",
  "form-action 'none'",
  "frame-ancestors 'none'",
].join('; ');

export async function answerWithFile(request: Request): Promise<Response> {
  const { pathname } = new URL(request.url);
  // `join` resolves every `..`, so a path outside of the folder doesn't begin with it.
  const path = join(PAGE_FOLDER, pathname === '/' ? 'index.html' : decodeURIComponent(pathname));
  const type = MEDIA_TYPES[extname(path)];
  if (type === undefined || !path.startsWith(PAGE_FOLDER + sep)) return new Response(null, { status: 404 });
  try {
    return new Response(new Uint8Array(await readFile(path)), {
      headers: { 'content-type': type, 'content-security-policy': POLICY, 'x-content-type-options': 'nosniff' },
    });
  } catch {
    return new Response(null, { status: 404 });
  }
}
