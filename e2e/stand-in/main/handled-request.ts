import { Readable } from 'node:stream';
import { hasInitiatorOrigin } from '../electron-version.ts';
import { fromChromiumUrl } from '../scheme-mapping.ts';

/** A request as Chromium reports it before its network service sees it. */
export interface ObservedRequest {
  readonly url: string;
  readonly method: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly isDocument: boolean;
  /** The initiator's origin, `'null'` for an opaque one; undefined for the browser itself. */
  readonly initiator: string | undefined;
}

/**
 * What Electron's handlers never see: its answer comes before Chromium's network, which is what writes these. DevTools adds
 * `HttpOrigin` and `Referer` to what it tells.
 */
const NETWORK_FIELDS =
  /^(origin|referer|cookie|accept-encoding|host|connection|content-length|transfer-encoding|sec-fetch-.*)$/i;

/** The request that a handler of `protocol.handle` is given (Electron: lib/browser/api/protocol.ts), under the scheme's own URL. */
export function toHandledRequest(told: ObservedRequest, body: Readable): Request {
  const headers = new Headers();
  for (const [name, value] of Object.entries(told.headers)) if (!NETWORK_FIELDS.test(name)) headers.set(name, value);
  const origin = getFormOrigin(told);
  if (origin !== undefined) headers.set('origin', origin);
  const hasBody = told.method !== 'GET' && told.method !== 'HEAD';
  const sent = hasBody ? { body: Readable.toWeb(body) as ReadableStream<Uint8Array>, duplex: 'half' } : {};
  const request = new Request(told.url, { method: told.method, headers, referrer: toReferrer(told.headers), ...sent });
  return told.initiator === undefined || !hasInitiatorOrigin()
    ? request
    : Object.defineProperty(request, 'initiatorOrigin', { value: told.initiator, enumerable: true });
}

/** Only a form that is posted by http names one (Chromium: navigation_request.cc), unless it is opaque (Electron leaves that out). */
function getFormOrigin({ url, isDocument, headers }: ObservedRequest): string | undefined {
  const origin = getField(headers, 'origin');
  if (!isDocument || origin === undefined || origin === 'null' || !/^https?:/.test(url)) return undefined;
  return fromChromiumUrl(origin);
}

/** Pages of custom schemes have none: Blink sends addresses of http and https only. */
function toReferrer(headers: ObservedRequest['headers']): string {
  const referrer = getField(headers, 'referer') ?? '';
  return fromChromiumUrl(referrer) === referrer ? referrer : '';
}

/** Returns a field of a request that DevTools reports, whose names may be in any case. */
export const getField = (headers: ObservedRequest['headers'], name: string): string | undefined =>
  Object.entries(headers).find(([written]) => written.toLowerCase() === name)?.[1];
