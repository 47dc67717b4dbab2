import { readFile } from 'node:fs/promises';
import { extname, join, resolve, sep } from 'node:path';

const MEDIA_TYPES: Readonly<Record<string, string>> = {
  '.css': 'text/css; charset=utf-8',
  '.html': 'text/html; charset=utf-8',
  '.js': 'text/javascript; charset=utf-8',
  '.svg': 'image/svg+xml',
};

/**
 * Serves the files of the built page for the app's own scheme. Paths outside `folder` and unknown media types are not found. The policy
 * lets the page run code of its own `origin` only, show images from disk, and connect to nothing but the main process.
 */
export function createFileHandler(folder: string, origin: string): (request: Request) => Promise<Response> {
  const root = resolve(folder) + sep;
  // Named in addition to 'self', which is another origin where the scheme is mapped (in the stand-in).
  const own = `'self' ${origin}`;
  const policy = [
    "default-src 'none'",
    `script-src ${own}`,
    `style-src ${own}`,
    `img-src ${own} deskcache:`,
    "base-uri 'none'",
    "form-action 'none'",
    "frame-ancestors 'none'",
  ].join('; ');

  return async ({ url, method }) => {
    if (method !== 'GET') return new Response(null, { status: 405 });
    const path = resolvePath(url);
    const file = path && join(root, path);
    const type = file && MEDIA_TYPES[extname(file)];
    if (!file?.startsWith(root) || !type) return new Response(null, { status: 404 });
    try {
      return new Response(new Uint8Array(await readFile(file)), {
        headers: { 'content-type': type, 'content-security-policy': policy, 'x-content-type-options': 'nosniff' },
      });
    } catch {
      return new Response(null, { status: 404 });
    }
  };
}

function resolvePath(url: string): string | undefined {
  try {
    const path = decodeURIComponent(new URL(url).pathname);
    return path === '/' ? '/index.html' : path;
  } catch {
    return undefined;
  }
}
