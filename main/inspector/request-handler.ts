import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { DiskCacheError, toErrorData } from '../../protocol/error.ts';
import type { ErrorInfo } from './contract.ts';
import type { Inspection } from './inspection.ts';
import { isMethodName } from './parse-params.ts';

/** The files of the page, by their paths. */
const PAGE_FILES: Readonly<Record<string, { readonly file: string; readonly type: string }>> = {
  '/': { file: 'index.html', type: 'text/html; charset=utf-8' },
  '/page.js': { file: 'page.js', type: 'text/javascript; charset=utf-8' },
  '/page.css': { file: 'page.css', type: 'text/css; charset=utf-8' },
};

/** Longest body of a request. */
export const MAX_BODY_BYTES = 1024 * 1024;

/** No script or style but the page's own files; nothing is loaded from elsewhere, and no other page may show this one. */
const CONTENT_SECURITY_POLICY = [
  "default-src 'none'",
  "script-src 'self'",
  "style-src 'self'",
  'img-src blob:',
  "connect-src 'self'",
  "base-uri 'none'",
  "form-action 'none'",
  "frame-ancestors 'none'",
].join('; ');

/** On every response, also on refusals. */
const SECURITY_HEADERS: Readonly<Record<string, string>> = {
  'content-security-policy': CONTENT_SECURITY_POLICY,
  'x-content-type-options': 'nosniff',
  'x-frame-options': 'DENY',
  'referrer-policy': 'no-referrer',
  'cross-origin-opener-policy': 'same-origin',
  'cross-origin-resource-policy': 'same-origin',
  'cache-control': 'no-store',
};

export type RequestHandler = (request: Request) => Promise<Response>;

/**
 * Returns what serves the page and its calls (`POST /api/<method>`, JSON in and out), wherever the requests come from: a loopback server, or the session
 * of a window. Who may send requests is decided before.
 *
 * @throws {DiskCacheError} `BAD_OPTION` if the files of the page are missing in `pageDirectory`.
 */
export function createRequestHandler(inspection: Inspection, pageDirectory: string): RequestHandler {
  const files = readPageFiles(pageDirectory);
  return async (request) => {
    const { pathname } = new URL(request.url);
    const [, folder, name = '', ...rest] = pathname.split('/');
    if (folder === 'api' && rest.length === 0) return serveCall(inspection, name, request);
    const page = Object.hasOwn(files, pathname) ? files[pathname] : undefined;
    if (page === undefined) return refuse(404, 'NO_SUCH_STORE', `Nothing is at ${pathname.slice(0, 64)}`);
    if (request.method !== 'GET') return refuse(405, 'NOT_ALLOWED', 'Files of the page are read with GET');
    return new Response(page.content, { headers: { ...SECURITY_HEADERS, 'content-type': page.type } });
  };
}

function readPageFiles(directory: string) {
  try {
    return Object.fromEntries(
      Object.entries(PAGE_FILES).map(([path, { file, type }]) => [
        path,
        { type, content: new Uint8Array(readFileSync(join(directory, file))) },
      ]),
    );
  } catch (cause) {
    throw new DiskCacheError(
      'BAD_OPTION',
      `The files of the inspector’s page can’t be read in ${directory}; install deskcache again`,
      { cause },
    );
  }
}

async function serveCall(inspection: Inspection, name: string, request: Request): Promise<Response> {
  if (request.method !== 'POST') return refuse(405, 'NOT_ALLOWED', 'Methods are called with POST');
  // No form and no foreign page can send this type without asking first.
  if (request.headers.get('content-type') !== 'application/json')
    return refuse(415, 'BAD_OPTION', 'The body has to be application/json');
  if (name !== 'image' && !isMethodName(name)) return refuse(404, 'BAD_OPTION', 'The inspector has no such method');
  try {
    const params = await readJson(request);
    if (name !== 'image') return toJsonResponse(200, await inspection.call(name, params));
    const { type, bytes } = inspection.readImage(params);
    return new Response(new Uint8Array(bytes), { headers: { ...SECURITY_HEADERS, 'content-type': type } });
  } catch (error) {
    const { code, message } = toErrorData(error);
    return refuse(STATUSES[code] ?? 400, code, message);
  }
}

const STATUSES: Readonly<Record<string, number>> = {
  NOT_ALLOWED: 403,
  NO_SUCH_STORE: 404,
  BUSY: 409,
  TOO_LARGE: 413,
  CORRUPT: 500,
  IO: 500,
};

async function readJson(request: Request): Promise<unknown> {
  const body = await request.text();
  if (body.length > MAX_BODY_BYTES)
    throw new DiskCacheError('TOO_LARGE', `The request has more than ${MAX_BODY_BYTES} bytes`);
  try {
    return JSON.parse(body);
  } catch (cause) {
    throw new DiskCacheError('BAD_OPTION', 'The body is not JSON', { cause });
  }
}

/** A refusal, as the page reads it. */
export const refuse = (status: number, code: string, message: string): Response =>
  toJsonResponse(status, { error: { code, message } satisfies ErrorInfo });

export const toJsonResponse = (
  status: number,
  body: object,
  headers: Readonly<Record<string, string>> = {},
): Response =>
  new Response(JSON.stringify(body), {
    status,
    headers: { ...SECURITY_HEADERS, 'content-type': 'application/json', ...headers },
  });
