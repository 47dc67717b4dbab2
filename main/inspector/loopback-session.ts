import { createHash, randomBytes, timingSafeEqual } from 'node:crypto';
import { refuse, toJsonResponse } from './request-handler.ts';

const COOKIE = 'deskcache-inspector';
/** The page keeps it for its origin and sends it with each call: a cookie alone goes to all ports of this machine. */
const PROOF_HEADER = 'x-deskcache-proof';
const SECRET_BYTES = 32;

const createSecret = (): string => randomBytes(SECRET_BYTES).toString('base64url');

/** Compares in the same time wherever two texts differ. */
const isEqualSecret = (given: string, expected: string): boolean =>
  timingSafeEqual(createHash('sha256').update(given).digest(), createHash('sha256').update(expected).digest());

/**
 * The one page that a loopback server serves. A token, which is in the link, is exchanged once for a cookie and a proof; each call needs both.
 *
 * Invariant: only requests to the server's own address, from its own page, get further than `refuseForeign`. A name that resolves to this machine (DNS
 * rebinding) is another address, and another site or port is another origin.
 */
export class LoopbackSession {
  readonly #host: string;
  readonly #cookie = createSecret();
  readonly #proof = createSecret();
  #token: string | undefined = createSecret();

  /** `host` is the address with its port, as in the header `Host`. */
  constructor(host: string) {
    this.#host = host;
  }

  /** The link to be opened. The token is in the fragment, which is sent to no server and not written to logs. */
  get link(): string {
    return `http://${this.#host}/#${this.#token ?? ''}`;
  }

  /** Returns why a request is refused, or undefined. */
  refuseForeign(request: Request, host: string | undefined): Response | undefined {
    if (host !== this.#host) return refuse(403, 'NOT_ALLOWED', 'The inspector is at another address');
    const origin = request.headers.get('origin');
    if (origin !== null && origin !== `http://${this.#host}`)
      return refuse(403, 'NOT_ALLOWED', 'Requests of other origins are refused');
    const site = request.headers.get('sec-fetch-site');
    if (site !== null && site !== 'same-origin' && site !== 'none')
      return refuse(403, 'NOT_ALLOWED', 'Requests of other sites are refused');
    return undefined;
  }

  /** Exchanges the token, once. */
  begin(token: unknown): Response {
    const isRight = typeof token === 'string' && this.#token !== undefined && isEqualSecret(token, this.#token);
    if (!isRight) return refuse(403, 'NOT_ALLOWED', 'The link was used already, or is wrong; run the command again');
    this.#token = undefined;
    const cookie = `${COOKIE}=${this.#cookie}; Path=/api; HttpOnly; SameSite=Strict`;
    return toJsonResponse(200, { proof: this.#proof }, { 'set-cookie': cookie });
  }

  /** Returns why a call is refused, or undefined. */
  refuseStranger({ headers }: Request): Response | undefined {
    const cookies = (headers.get('cookie') ?? '').split(/;\s*/);
    const cookie = cookies.find((it) => it.startsWith(`${COOKIE}=`))?.slice(COOKIE.length + 1) ?? '';
    const proof = headers.get(PROOF_HEADER) ?? '';
    if (isEqualSecret(cookie, this.#cookie) && isEqualSecret(proof, this.#proof)) return undefined;
    return refuse(401, 'NOT_ALLOWED', 'Open the link that the command has written; it works once');
  }
}
