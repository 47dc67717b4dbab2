import type { Plan } from '../offline/index.ts';
import { exposedResponse, needsPreflight, passesCors, redirectTarget } from './cors.ts';
import type { Asker, Initiators } from './initiator.ts';

interface Answering {
  respond(request: Request, plan?: Plan): Promise<Response>;
}

interface Parts {
  readonly initiators: Initiators;
  /** What answers the pages of one origin, from a partition of their own and past the session's cookies. */
  readonly open: (origin: string) => Answering;
  /** Whether the network service is asked, which makes a preflight where one is needed. */
  readonly makesPreflights: boolean;
}

/** What is past the store: what a browser asks a server for first. */
const PAST_THE_STORE: Plan = { strategy: 'network-only' };

/** The most origins whose HTTP caches are kept open; what they have stored is on disk. */
const MAX_OPEN = 32;

/**
 * Answers what pages ask other origins for that are not the application's: what CORS gives them, whatever Chromium would have let them
 * do with it. Electron does not tell whether it is a `fetch`, an image or a navigation, so all are held to the same rule.
 */
export class ForeignPages {
  readonly #parts: Parts;
  readonly #open = new Map<string, Answering>();

  constructor(parts: Parts) {
    this.#parts = parts;
  }

  async respond(request: Request, asker: Asker & { isOwn: false }): Promise<Response> {
    const { initiators, makesPreflights } = this.#parts;
    const isAskedFirst = needsPreflight(request);
    if (isAskedFirst && !makesPreflights) return Response.error();
    const answering = this.#get(asker.origin);
    const response = await answering.respond(request, isAskedFirst ? PAST_THE_STORE : undefined);
    const to = redirectTarget(response, request.url);
    if (to === 'refused' || !passesCors(response, asker.origin)) {
      await response.body?.cancel();
      return Response.error();
    }
    if (to !== undefined) initiators.noteRedirect(asker, request.url, to);
    return exposedResponse(response);
  }

  #get(origin: string): Answering {
    const answering = this.#open.get(origin) ?? this.#parts.open(origin);
    this.#open.delete(origin);
    this.#open.set(origin, answering);
    const [oldest] = this.#open.keys();
    if (this.#open.size > MAX_OPEN && oldest !== undefined) this.#open.delete(oldest);
    return answering;
  }
}

/**
 * What a page can't say to another origin: nothing of the user's, and not as which browser, which Chromium itself says. As a field of ours that
 * would need a preflight.
 */
const NEVER_SENT = ['cookie', 'cookie2', 'user-agent'];

/** A request as it goes to the network in the name of a foreign origin. */
export function inNameOf(origin: string, request: Request): Request {
  const sent = new Request(request, { credentials: 'omit' });
  for (const name of NEVER_SENT) sent.headers.delete(name);
  sent.headers.set('origin', origin);
  return sent;
}
