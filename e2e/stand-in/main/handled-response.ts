import { type ServerResponse, STATUS_CODES } from 'node:http';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { mapDocument, mapPolicy, toChromiumUrl } from '../scheme-mapping.ts';
import { getField } from './handled-request.ts';

/** Where a handler's response is sent. */
export interface RequestContext {
  readonly url: string;
  readonly isDocument: boolean;
  /** As Chromium's CORS check wants it back; undefined where it checks nothing. */
  readonly origin: string | undefined;
}

/**
 * What Chromium's network would act on: in Electron a handler's answer never passes there. Cookies are not kept (electron 39525), CORS
 * and CORP are not compared.
 */
const IGNORED_FIELDS =
  /^(set-cookie|access-control-.*|cross-origin-resource-policy|connection|keep-alive|transfer-encoding)$/;

/** Sends a handler's response to Chromium, so that a page gets it as in Electron (shell/browser/net/electron_url_loader_factory.cc). */
export async function sendResponse(
  response: Response,
  asker: RequestContext,
  schemes: ReadonlySet<string>,
  outgoing: ServerResponse,
): Promise<void> {
  const { url, isDocument } = asker;
  outgoing.sendDate = false;
  outgoing.statusCode = response.status;
  outgoing.statusMessage = STATUS_CODES[response.status] ?? '';
  for (const [name, value] of response.headers) {
    if (name === 'content-security-policy') outgoing.appendHeader(name, mapPolicy(value, url, schemes));
    else if (name === 'location') outgoing.appendHeader(name, toChromiumUrl(new URL(value, url).href, schemes));
    else if (!IGNORED_FIELDS.test(name)) outgoing.appendHeader(name, value);
  }
  if (!response.headers.has('content-type')) outgoing.setHeader('content-type', 'text/html; charset=utf-8');
  if (asker.origin !== undefined) addCorsFields(asker.origin, outgoing);
  outgoing.setHeader('cross-origin-resource-policy', 'cross-origin');
  if (isDocument && outgoing.getHeader('content-type')?.toString().startsWith('text/html')) {
    outgoing.removeHeader('content-length');
    outgoing.end(mapDocument(await response.text(), url, schemes));
  } else if (response.body) {
    outgoing.flushHeaders();
    await pipeline(Readable.fromWeb(response.body as Parameters<typeof Readable.fromWeb>[0]), outgoing);
  } else outgoing.end();
}

/** Makes the page read everything, whatever the handler's own `Access-Control-` fields say. */
function addCorsFields(origin: string, outgoing: ServerResponse): void {
  const names = outgoing.getHeaderNames();
  outgoing.setHeader('access-control-allow-origin', origin);
  outgoing.setHeader('access-control-allow-credentials', 'true');
  if (names.length > 0) outgoing.setHeader('access-control-expose-headers', names.join(', '));
}

interface HeaderField {
  readonly name: string;
  readonly value: string;
}

/**
 * The answer to a preflight, which no handler sees; undefined for other requests. It is not remembered: after `unhandle` the network is
 * asked.
 */
export function getPreflightFields(headers: Readonly<Record<string, string>>): HeaderField[] | undefined {
  const method = getField(headers, 'access-control-request-method');
  const origin = getField(headers, 'origin');
  if (method === undefined || origin === undefined) return undefined;
  const fields = getField(headers, 'access-control-request-headers');
  return [
    { name: 'access-control-allow-origin', value: origin },
    { name: 'access-control-allow-credentials', value: 'true' },
    { name: 'access-control-allow-methods', value: method },
    { name: 'access-control-max-age', value: '0' },
    ...(fields === undefined ? [] : [{ name: 'access-control-allow-headers', value: fields }]),
  ];
}
