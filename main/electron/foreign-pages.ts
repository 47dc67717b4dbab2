import type { Plan } from '../offline/index.ts';
import { getRedirectTarget, needsPreflight, passesCors, toExposedResponse } from './cors.ts';
import type { Asker, Initiators } from './initiator.ts';

interface Responder {
  respond(request: Request, plan?: Plan): Promise<Response>;
}

interface Parts {
  readonly initiators: Initiators;
  /** Opens what responds to the pages of one origin: with a partition of their own, and without the session's cookies. */
  readonly open: (origin: string) => Responder;
  /** Whether requests go to Chromium's network service, which sends a preflight where one is needed. */
  readonly makesPreflights: boolean;
}

/** For requests that need a preflight: only the server may allow them. */
const BYPASS_STORE: Plan = { strategy: 'network-only' };

/** Origins whose HTTP caches are kept open; what they have stored is on disk. */
const MAX_OPEN_ORIGINS = 32;

/**
 * Responds to requests of foreign pages for other origins with what CORS allows. Electron doesn't say whether a request is a `fetch`, an
 * image or a navigation, so the rules of `fetch` apply to all of them.
 */
export class ForeignPages {
  readonly #parts: Parts;
  readonly #open = new Map<string, Responder>();

  constructor(parts: Parts) {
    this.#parts = parts;
  }

  async respond(request: Request, asker: Asker & { isOwn: false }): Promise<Response> {
    const { initiators, makesPreflights } = this.#parts;
    const isPreflighted = needsPreflight(request);
    if (isPreflighted && !makesPreflights) return Response.error();
    const responder = this.#get(asker.origin);
    const response = await responder.respond(request, isPreflighted ? BYPASS_STORE : undefined);
    const to = getRedirectTarget(response, request.url);
    if (to === 'refused' || !passesCors(response, asker.origin)) {
      await response.body?.cancel();
      return Response.error();
    }
    if (to !== undefined) initiators.noteRedirect(asker, request.url, to);
    return toExposedResponse(response);
  }

  #get(origin: string): Responder {
    const responder = this.#open.get(origin) ?? this.#parts.open(origin);
    this.#open.delete(origin);
    this.#open.set(origin, responder);
    const [oldest] = this.#open.keys();
    if (this.#open.size > MAX_OPEN_ORIGINS && oldest !== undefined) this.#open.delete(oldest);
    return responder;
  }
}

/** Fields that are the user's, and `User-Agent`: Chromium sets it by itself, and set by us it would need a preflight. */
const DROPPED_FIELDS = ['cookie', 'cookie2', 'user-agent'];

/** Returns the request as it goes to the network for a foreign origin: with its `Origin`, without credentials. */
export function toForeignRequest(origin: string, request: Request): Request {
  const sent = new Request(request, { credentials: 'omit' });
  for (const name of DROPPED_FIELDS) sent.headers.delete(name);
  sent.headers.set('origin', origin);
  return sent;
}
