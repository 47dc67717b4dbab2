import { randomBytes } from 'node:crypto';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { CdpSession } from '../chromium/cdp.ts';
import { fromChromiumUrl, getRequestPatterns } from '../scheme-mapping.ts';
import { DocumentHandlers } from './document-handlers.ts';
import { getField, type ObservedRequest, toHandledRequest } from './handled-request.ts';
import { getPreflightFields, sendResponse } from './handled-response.ts';
import type { SchemeHandler, SchemeHandlers, Schemes } from './protocol.ts';

export interface Navigations {
  /** False when the application prevents the navigation. */
  allows(frameId: string, url: string): boolean;
  /** The origin of the document by which a frame is sent elsewhere; undefined when the application does it. */
  navigator(frameId: string): string | undefined;
  /** The origin of the document or worker that makes the request; undefined where it is not known. */
  asker(frameId: string): string | undefined;
  /** Those of the session in which the frame or worker is. */
  handlers(frameId: string): SchemeHandlers;
}

/** A request that DevTools has paused, as it reports it. */
interface PausedRequest {
  readonly requestId: string;
  readonly request: { readonly url: string; readonly method: string; readonly headers: Record<string, string> };
  readonly frameId: string;
  readonly resourceType: string;
  readonly redirectedRequestId?: string;
}

/** A request on its way from Chromium to a handler. */
interface HandledRequest extends ObservedRequest {
  readonly requestId: string;
  /** As Chromium's CORS check wants it back; undefined where it checks nothing. */
  readonly origin: string | undefined;
  readonly frameId: string;
  readonly handler: SchemeHandler;
}

/** What a redirect keeps of the request before it. */
type RedirectedRequest = Pick<HandledRequest, 'handler' | 'initiator' | 'origin'> & { readonly from: string };

const NETWORK_SCHEMES: ReadonlySet<string> = new Set(['http', 'https']);

/**
 * Serves requests for custom schemes, and for Chromium's own schemes that a session handles, by the handlers of `protocol.handle`. Chromium
 * pauses each such request (DevTools' Fetch domain, on the browser, so that workers and subframes are covered). It is forwarded to a loopback
 * server of this process, without the page seeing another URL; body and response stream. Only requests with this run's secret are served.
 *
 * Electron's handlers respond before Chromium's network and its CORS loader. Here the network sees the response, so this server answers its
 * preflights, and each response allows the requesting origin.
 */
export class SchemeServer {
  readonly #schemes: Schemes;
  readonly #navigations: Navigations;
  readonly #secret = randomBytes(32).toString('hex');
  readonly #server: Server;
  readonly #documents = new DocumentHandlers();
  readonly #pending = new Map<string, HandledRequest>();
  readonly #redirected = new Map<string, RedirectedRequest>();
  #lastAsked = 0;

  constructor(schemes: Schemes, navigations: Navigations) {
    this.#schemes = schemes;
    this.#navigations = navigations;
    this.#server = createServer((request, response) => {
      this.#serve(request, response).catch(() => response.destroy());
    });
  }

  async start(browser: CdpSession): Promise<void> {
    await new Promise<void>((resolve) => this.#server.listen(0, '127.0.0.1', resolve));
    this.#server.unref();
    browser.on('Fetch.requestPaused', (paused) => {
      // A request needs no response if its page has gone.
      this.#answer(browser, paused).catch(() => {});
    });
    const { names, intercepted } = this.#schemes;
    const enable = () => {
      const patterns = [
        ...[...names].flatMap(getRequestPatterns),
        ...[...intercepted].map((scheme) => `${scheme}://*`),
      ].map((urlPattern) => ({ urlPattern }));
      return browser.send('Fetch.enable', { patterns: [...patterns, { urlPattern: '*', resourceType: 'Document' }] });
    };
    this.#schemes.onIntercepted(() => {
      enable().catch((error: Error) => console.error(`stand-in: ${error.message}`));
    });
    await enable();
  }

  stop(): void {
    this.#server.close();
    this.#server.closeAllConnections();
  }

  async #answer(browser: CdpSession, paused: PausedRequest): Promise<unknown> {
    const { requestId, frameId, request } = paused;
    const fail = (errorReason: 'Aborted' | 'Failed') => browser.send('Fetch.failRequest', { requestId, errorReason });
    const isDocument = paused.resourceType === 'Document';
    if (isDocument && !this.#navigations.allows(frameId, request.url)) return fail('Aborted');
    const url = fromChromiumUrl(request.url);
    const scheme = url.slice(0, url.indexOf(':'));
    const before = this.#takeRedirect(paused);
    const handler = this.#findHandler(paused, scheme, before);
    // Without a handler the network is asked, and what it sends is a document, too.
    if (isDocument && !handler) this.#documents.begin(frameId, this.#navigations.handlers(frameId));
    if (!handler && this.#schemes.names.has(scheme)) return fail('Failed');
    if (!handler) return browser.send('Fetch.continueRequest', { requestId });
    const preflight = getPreflightFields(request.headers);
    if (preflight && !this.#schemes.allowsCors(scheme)) return fail('Failed');
    if (preflight) {
      return browser.send('Fetch.fulfillRequest', { requestId, responseCode: 204, responseHeaders: preflight });
    }
    const { method, headers } = request;
    const initiator = before ? before.initiator : this.#findInitiator(paused);
    const id = String(++this.#lastAsked);
    const origin = getOriginAfterRedirect(before, request);
    this.#pending.set(id, { url, method, headers, isDocument, initiator, origin, requestId, frameId, handler });
    const { port } = this.#server.address() as AddressInfo;
    // An address of its own: Chromium keeps answers of http in its cache, and custom schemes have none.
    const address = `http://127.0.0.1:${port}/${this.#secret}/${id}`;
    return browser.send('Fetch.continueRequest', { requestId, url: address }).catch(() => this.#pending.delete(id));
  }

  #takeRedirect({ redirectedRequestId }: PausedRequest): RedirectedRequest | undefined {
    if (redirectedRequestId === undefined) return undefined;
    const before = this.#redirected.get(redirectedRequestId);
    this.#redirected.delete(redirectedRequestId);
    return before;
  }

  /** Documents get the handlers of now, their subresources those of the document's start. A redirect stays with the handler that made it. */
  #findHandler(
    { frameId, resourceType }: PausedRequest,
    scheme: string,
    before?: RedirectedRequest,
  ): SchemeHandler | undefined {
    const handlers = this.#navigations.handlers(frameId);
    if (resourceType !== 'Document') return before?.handler ?? this.#documents.find(frameId, scheme, handlers);
    return NETWORK_SCHEMES.has(scheme) && before ? before.handler : handlers.find(scheme);
  }

  #findInitiator({ frameId, resourceType, request: { headers } }: PausedRequest): string | undefined {
    if (resourceType === 'Document') return this.#navigations.navigator(frameId);
    const origin = getField(headers, 'origin');
    if (origin !== undefined) return fromChromiumUrl(origin);
    const asker = this.#navigations.asker(frameId);
    const referrer = getField(headers, 'referer');
    const referrers = referrer === undefined ? undefined : fromChromiumUrl(new URL(referrer).origin);
    // A document that has just begun may not be known yet. What is not known at all is not taken for the browser's own.
    return asker === 'null' ? asker : (referrers ?? asker ?? 'null');
  }

  async #serve(incoming: IncomingMessage, outgoing: ServerResponse): Promise<void> {
    const [, secret, id = ''] = incoming.url?.split('/') ?? [];
    const asked = this.#pending.get(id);
    if (secret !== this.#secret || !asked) {
      outgoing.writeHead(403).end();
      return;
    }
    this.#pending.delete(id);
    try {
      await this.#handle(asked, incoming, outgoing);
    } catch (error) {
      if (!outgoing.destroyed && !outgoing.writableEnded) {
        console.error(`stand-in: handler of ${asked.url} failed: ${(error as Error).stack}`);
      }
      outgoing.destroy();
    }
  }

  async #handle(asked: HandledRequest, incoming: IncomingMessage, outgoing: ServerResponse): Promise<void> {
    const { url, handler, initiator, origin, isDocument, frameId, requestId } = asked;
    const isForeign = origin !== undefined && fromChromiumUrl(origin) !== getOrigin(url);
    // Electron's own gate, before the handler (kCorsDisabledScheme); in documents the page's `fetch` has refused already.
    if (isForeign && incoming.headers['sec-fetch-mode'] === 'cors') {
      if (!this.#schemes.allowsCors(url.slice(0, url.indexOf(':')))) return void outgoing.destroy();
    }
    const response = await handler(toHandledRequest(asked, incoming));
    // As in Electron, a page that wants no more cancels the answer's body; the request has no signal that would tell.
    if (outgoing.destroyed) return response.body?.cancel();
    if (response.type === 'error') throw new Error('Response.error()');
    if (response.headers.has('location')) this.#redirected.set(requestId, { handler, initiator, origin, from: url });
    if (isDocument) this.#documents.begin(frameId, this.#navigations.handlers(frameId));
    await sendResponse(response, asked, this.#schemes.names, outgoing);
  }
}

/**
 * The origin that Chromium compares. It forgets who was led from one foreign origin to another; DevTools takes every redirect for such a one,
 * as it sees the loopback server's address.
 */
function getOriginAfterRedirect(
  before: RedirectedRequest | undefined,
  { url, headers }: PausedRequest['request'],
): string | undefined {
  const told = getField(headers, 'origin');
  if (told === undefined || before?.origin === undefined) return told;
  const from = getOrigin(before.from);
  return from === getOrigin(fromChromiumUrl(url)) || from === fromChromiumUrl(before.origin) ? before.origin : 'null';
}

/** Returns the origin of an address, also of a custom scheme, for which `URL` has none. */
const getOrigin = (url: string): string => /^[^:]+:\/\/[^/?#]*/.exec(url)?.[0] ?? 'null';
