/**
 * The built page at app://notes/ rather than file://. A page of a scheme of its own has a real origin, its policy can be sent as a
 * header, and it reads no other files of the disk.
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

/** Scripts and styles of the application itself, pictures of the store, nothing else from anywhere. */
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
  // `join` resolves every `..`, so what leaves the folder shows in the path.
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
