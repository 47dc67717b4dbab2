import type { Protocol, Session } from 'electron';
import { interceptSession, type OfflineSessionOptions } from '../../main/electron/intercept-session.ts';
import { Cache } from '../../main/engine/index.ts';
import { freshDirectory } from '../engine/fresh-directory.ts';
import { openWindow } from './electron-double.ts';

/** A request as the network got it, and whether it would hold the answer against CORS. */
export interface SentRequest {
  readonly url: string;
  readonly method: string;
  readonly cors: 'enforced' | 'not enforced' | 'of the application';
  readonly origin: string | null;
  readonly referer: string | null;
  readonly cookie: string | null;
  readonly credentials: RequestCredentials;
}

/**
 * Replaces the module `network-fetch.ts` (`vi.mock`): it records requests and enforces nothing, so that the tests see what deskcache
 * enforces.
 */
export function mockNetwork() {
  const via = (cors: SentRequest['cors']) => (session: Session) => (request: Request) =>
    (session as unknown as { answer: (request: Request, cors: SentRequest['cors']) => Promise<Response> }).answer(
      request,
      cors,
    );
  return { networkFetch: via('enforced'), ownNetworkFetch: via('not enforced') };
}

/** A session's `protocol`, and the handlers it was given, by scheme. */
export function createProtocol() {
  const handlers = new Map<string, (request: Request) => Response | Promise<Response>>();
  const protocol: Pick<Protocol, 'handle' | 'unhandle' | 'isProtocolHandled'> = {
    handle: (scheme, handler) => void handlers.set(scheme, handler),
    unhandle: (scheme) => void handlers.delete(scheme),
    isProtocolHandled: (scheme) => handlers.has(scheme),
  };
  return { handlers, protocol };
}

/** A session whose requests are answered by `answer`, and what came of it. Its `host.offline` has begun. */
export function startHttpSession(
  answer: (request: Request) => Response | Promise<Response>,
  options: OfflineSessionOptions | ((fetch: OfflineSessionOptions['fetch']) => OfflineSessionOptions) = {},
  shared?: Cache,
) {
  const { handlers, protocol } = createProtocol();
  const sent: SentRequest[] = [];
  const record = async (request: Request, cors: SentRequest['cors']) => {
    const { url, method, credentials, headers } = request;
    const [origin, referer, cookie] = ['origin', 'referer', 'cookie'].map((name) => headers.get(name));
    sent.push({ url, method, cors, credentials, origin: origin!, referer: referer!, cookie: cookie! });
    return answer(request);
  };
  const session = { protocol, storagePath: '/data/Partitions/ada', answer: record } as unknown as Session;
  const cache = shared ?? new Cache(freshDirectory());
  const sessionOptions =
    typeof options === 'function' ? options((request) => record(request, 'of the application')) : options;
  const { offline, end } = interceptSession(session, sessionOptions, cache);
  return {
    session,
    sent,
    offline,
    cache,
    /** As Electron calls the handler: with an initiator where a page asks, and it knows one. */
    ask: async (url: string, initiatorOrigin?: string, init?: RequestInit) => {
      const request = new Request(url, init);
      if (initiatorOrigin !== undefined) Object.assign(request, { initiatorOrigin });
      return handlers.get(new URL(url).protocol.slice(0, -1))!(request);
    },
    [Symbol.dispose]() {
      end();
      if (shared === undefined) cache.close();
    },
  };
}

/** What a page has of a response. */
export const describeResponse = async (response: Response): Promise<string> =>
  response.type === 'error' ? 'network error' : response.text();

/** Sets the version of the running Electron; undefined for one that names none. */
export const setElectronVersion = (version: string | undefined) =>
  Object.defineProperty(process.versions, 'electron', { value: version, configurable: true });

/** Shows a document of `origin` in a window of the session. */
export function simulatePage(session: object, origin: string): void {
  const { emit, close } = openWindow({ session, mainFrame: { framesInSubtree: [] } });
  emit('did-start-navigation', { url: `${origin}/` });
  close();
}
