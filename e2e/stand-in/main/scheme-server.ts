import { randomBytes } from 'node:crypto';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import type { CdpSession } from '../chromium/cdp.ts';
import { documentForChromium, fromChromium, policyForChromium, requestPatterns, toChromium } from '../schemes.ts';
import type { SchemeHandler, Schemes } from './protocol.ts';

/** What the request interception tells the server about a request, in headers that never reach the handler. */
const HEADER = {
  url: 'stand-in-url',
  secret: 'stand-in-secret',
  kind: 'stand-in-kind',
  initiator: 'stand-in-initiator',
  partition: 'stand-in-partition',
} as const;
const OWN_HEADERS: ReadonlySet<string> = new Set([
  ...Object.values(HEADER),
  'host',
  'connection',
  'content-length',
  'transfer-encoding',
  // Chromium adds these where a handler no longer sees them. Those of a handled http address would be of the loopback server.
  'cookie',
  'accept-encoding',
]);
const URL_HEADERS = ['origin', 'referer'];

export interface Navigations {
  /** False when the application prevents the navigation. */
  allows(frameId: string, url: string): boolean;
  /** Origin of the document that asks, or undefined when the browser itself does. */
  initiator(frameId: string, isDocument: boolean): string | undefined;
  /** In whose session the frame is. */
  partition(frameId: string): string;
  /** Who answers for a scheme in that session. */
  handler(partition: string, scheme: string): SchemeHandler | undefined;
}

/**
 * Requests for custom schemes and for those of Chromium's own that a session handles, answered by the handlers of `protocol.handle`. Chromium pauses each such request (DevTools'
 * Fetch domain, on the browser, so that workers and subframes are covered), it is sent on to a loopback server of this process
 * without the page seeing another address, and body and response stream. Only requests with this run's secret are served.
 */
export class SchemeServer {
  readonly #schemes: Schemes;
  readonly #navigations: Navigations;
  readonly #secret = randomBytes(32).toString('hex');
  readonly #server: Server;
  #asked = 0;

  constructor(schemes: Schemes, navigations: Navigations) {
    this.#schemes = schemes;
    this.#navigations = navigations;
    this.#server = createServer((request, response) => {
      this.#serve(request, response).catch((error: Error) => {
        if (!response.destroyed && !response.writableEnded) {
          console.error(`stand-in: handler of ${request.headers[HEADER.url]} failed: ${error.stack}`);
        }
        response.destroy();
      });
    });
  }

  async start(browser: CdpSession): Promise<void> {
    await new Promise<void>((resolve) => this.#server.listen(0, '127.0.0.1', resolve));
    this.#server.unref();
    const { port } = this.#server.address() as AddressInfo;
    const { allows, initiator, partition, handler } = this.#navigations;
    browser.on('Fetch.requestPaused', ({ requestId, request, frameId, resourceType }) => {
      const isDocument = resourceType === 'Document';
      const url = fromChromium(request.url);
      const answer = () => {
        if (isDocument && !allows(frameId, request.url)) return fail('Aborted');
        const scheme = url.slice(0, url.indexOf(':'));
        const inSession = partition(frameId);
        if (!handler(inSession, scheme)) {
          if (this.#schemes.names.has(scheme)) return fail('Failed');
          return browser.send('Fetch.continueRequest', { requestId });
        }
        const headers = Object.entries(request.headers).map(([name, value]) => ({ name, value }));
        headers.push({ name: HEADER.url, value: encodeURI(url) }, { name: HEADER.secret, value: this.#secret });
        headers.push({ name: HEADER.kind, value: resourceType });
        headers.push({ name: HEADER.partition, value: encodeURIComponent(inSession) });
        const asker = initiator(frameId, isDocument);
        if (asker !== undefined) headers.push({ name: HEADER.initiator, value: asker });
        // An address of its own: Chromium keeps answers of http in its cache, and custom schemes have none.
        const address = `http://127.0.0.1:${port}/${++this.#asked}`;
        return browser.send('Fetch.continueRequest', { requestId, url: address, headers });
      };
      const fail = (errorReason: 'Aborted' | 'Failed') => browser.send('Fetch.failRequest', { requestId, errorReason });
      // A request whose page is gone meanwhile needs no answer.
      answer().catch(() => {});
    });
    const { names, intercepted } = this.#schemes;
    const enable = () => {
      const patterns = [
        ...[...names].flatMap(requestPatterns),
        ...[...intercepted].map((scheme) => `${scheme}://*`),
      ].map((urlPattern) => ({ urlPattern }));
      return browser.send('Fetch.enable', { patterns: [...patterns, { urlPattern: '*', resourceType: 'Document' }] });
    };
    this.#schemes.whenIntercepted(() => {
      enable().catch((error: Error) => console.error(`stand-in: ${error.message}`));
    });
    await enable();
  }

  stop(): void {
    this.#server.close();
    this.#server.closeAllConnections();
  }

  async #serve(incoming: IncomingMessage, outgoing: ServerResponse): Promise<void> {
    const url = decodeURI(String(incoming.headers[HEADER.url]));
    const partition = decodeURIComponent(String(incoming.headers[HEADER.partition]));
    const handler = this.#navigations.handler(partition, url.slice(0, url.indexOf(':')));
    if (incoming.headers[HEADER.secret] !== this.#secret || !handler) {
      outgoing.writeHead(403).end();
      return;
    }
    const response = await handler(asRequest(incoming, url));
    // As in Electron, a page that wants no more cancels the answer's body; the request has no signal that would tell.
    if (outgoing.destroyed) return response.body?.cancel();
    if (response.type === 'error') throw new Error('Response.error()');
    const isDocument = incoming.headers[HEADER.kind] === 'Document';
    await this.#answer(url, response, outgoing, isDocument);
  }

  async #answer(url: string, response: Response, outgoing: ServerResponse, isDocument: boolean): Promise<void> {
    const names = this.#schemes.names;
    outgoing.statusCode = response.status;
    outgoing.statusMessage = response.statusText;
    for (const [name, value] of response.headers) {
      if (name === 'content-security-policy') outgoing.appendHeader(name, policyForChromium(value, url, names));
      else if (name === 'access-control-allow-origin') outgoing.appendHeader(name, toChromium(value, names));
      else if (name === 'location') outgoing.appendHeader(name, toChromium(new URL(value, url).href, names));
      // Electron keeps no cookies for a scheme that is handled (electron/electron#39525).
      else if (name !== 'set-cookie') outgoing.appendHeader(name, value);
    }
    if (isDocument && response.headers.get('content-type')?.startsWith('text/html')) {
      outgoing.removeHeader('content-length');
      outgoing.end(documentForChromium(await response.text(), url, names));
    } else if (response.body) {
      outgoing.flushHeaders();
      await pipeline(Readable.fromWeb(response.body as Parameters<typeof Readable.fromWeb>[0]), outgoing);
    } else outgoing.end();
  }
}

/** The request as the page made it, under the scheme's own URL, with `initiatorOrigin` as in Electron. */
function asRequest(incoming: IncomingMessage, url: string): Request {
  const headers = new Headers();
  for (const [name, value] of Object.entries(incoming.headers)) {
    if (OWN_HEADERS.has(name) || value === undefined) continue;
    const text = Array.isArray(value) ? value.join(', ') : value;
    headers.set(name, URL_HEADERS.includes(name) ? fromChromium(text) : text);
  }
  if (headers.get('origin') === 'null') headers.delete('origin');
  const method = incoming.method ?? 'GET';
  const hasBody = method !== 'GET' && method !== 'HEAD';
  const body = hasBody ? { body: Readable.toWeb(incoming) as ReadableStream<Uint8Array>, duplex: 'half' } : {};
  const request = new Request(url, { method, headers, ...body });
  const initiator = incoming.headers[HEADER.initiator];
  return initiator === undefined
    ? request
    : Object.defineProperty(request, 'initiatorOrigin', { value: String(initiator) });
}
