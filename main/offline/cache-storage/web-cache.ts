import { keptAlive } from '../body.ts';
import { membersOf, withoutCookies } from '../http/fields.ts';
import { followed } from '../http/redirect.ts';
import { MAX_VARY_FIELDS } from '../http/selection.ts';
import type { RequestGuard } from '../request-guard.ts';
import { asksFor, headersOf, type Item, type QueryOptions } from './matching.ts';
import type { Shelf, Staged } from './shelf.ts';

/** What all caches of a CacheStorage share. */
export interface Surroundings {
  readonly fetch: (request: Request) => Promise<Response>;
  /** Whether what has such a scheme may be put. */
  readonly isCached: (scheme: string) => boolean;
  /** Looks at what `add` fetches, redirects included. */
  readonly guard: RequestGuard | undefined;
}

/**
 * The standard's `Cache`: requests and their responses, kept until somebody deletes them. Freshness and Cache-Control count for
 * nothing here. https://w3c.github.io/ServiceWorker/#cache-interface
 *
 * @throws {TypeError} where the standard says so; {DiskCacheError} what the store throws, such as `DISK_FULL`.
 */
export class WebCache {
  readonly #shelf: Shelf;
  readonly #around: Surroundings;

  constructor(shelf: Shelf, around: Surroundings) {
    this.#shelf = shelf;
    this.#around = around;
  }

  /** The first response, in the order in which they were put. Where the store fails it finds nothing, as `matchAll` does. */
  async match(request: RequestInfo, options: QueryOptions = {}): Promise<Response | undefined> {
    for (const item of this.#lookUp(requestOf(request), options)) {
      const response = await this.#responseOf(item);
      if (response !== undefined) return response;
    }
    return undefined;
  }

  /** All responses that a request asks for, or all there are. */
  async matchAll(request?: RequestInfo, options: QueryOptions = {}): Promise<Response[]> {
    const responses = await Promise.all(this.#lookUp(request, options).map((item) => this.#responseOf(item)));
    return responses.filter((it) => it !== undefined);
  }

  add(request: RequestInfo): Promise<void> {
    return this.addAll([request]);
  }

  /** Fetches all and puts all or, when one of them fails or is none to keep, nothing. */
  async addAll(inputs: Iterable<RequestInfo>): Promise<void> {
    const requests = [...inputs].map(requestOf);
    for (const request of requests) this.#demandPuttable(request);
    if (new Set(requests).size < requests.length) throw twice();
    const stop = new AbortController();
    const staged: [Staged, Request][] = [];
    const bring = async (request: Request): Promise<void> => {
      const signal = AbortSignal.any([request.signal, stop.signal]);
      const asked = new Request(request, { signal });
      const response = keptAlive(await this.#fetch(asked), asked);
      if (!response.ok) throw new TypeError(`${request.url} answered ${response.status}; only 2xx can be added`);
      demandKeepable(response);
      await this.#shelf.stage(request, response, (it, query) => {
        // Nothing names it before all are there.
        it.staged?.note();
        staged.push([it, query]);
      });
    };
    // The first failure stops the others, and all have stopped before what they left is deleted.
    await Promise.all(requests.map((request) => bring(request).catch((error: unknown) => stop.abort(error))));
    try {
      stop.signal.throwIfAborted();
      this.#shelf.atOnce(() => this.#putEach(staged, requests));
    } catch (error) {
      for (const [it] of staged) it.staged?.drop();
      throw error;
    }
  }

  /** Keeps a response; reads its body to the end. It takes the place of those that the request asks for. */
  async put(input: RequestInfo, response: Response): Promise<void> {
    const request = requestOf(input);
    this.#demandPuttable(request);
    demandKeepable(response);
    if (response.bodyUsed || response.body?.locked) throw new TypeError('The body of the response was read already');
    await this.#shelf.stage(request, response, (staged, query) => this.#shelf.put(staged, query));
  }

  /** Whether there was anything to delete. */
  async delete(request: RequestInfo, options: QueryOptions = {}): Promise<boolean> {
    const items = this.#find(requestOf(request), options);
    this.#shelf.remove(items);
    return items.length > 0;
  }

  /** The requests, in the order in which they were put. */
  async keys(request?: RequestInfo, options: QueryOptions = {}): Promise<Request[]> {
    return this.#find(request, options).map(
      (item) =>
        new Request(item.request.url, { method: item.request.method, headers: headersOf(item.request.headers) }),
    );
  }

  /** Names this very cache, as long as it exists: `caches.withId(id)` is the same one. */
  get id(): string {
    return this.#shelf.id;
  }

  get [Symbol.toStringTag](): string {
    return 'Cache';
  }

  #find(input: RequestInfo | undefined, options: QueryOptions): Item[] {
    if (input === undefined) return this.#shelf.find(undefined, options);
    const query = requestOf(input);
    return query.method === 'GET' || options.ignoreMethod ? this.#shelf.find(query, options) : [];
  }

  #lookUp(input: RequestInfo | undefined, options: QueryOptions): Item[] {
    if (input === undefined) return this.#shelf.lookUp(undefined, options);
    const query = requestOf(input);
    return query.method === 'GET' || options.ignoreMethod ? this.#shelf.lookUp(query, options) : [];
  }

  #fetch(request: Request): Promise<Response> {
    const { fetch, guard } = this.#around;
    if (guard === undefined) return fetch(request);
    const send = async (hop: Request): Promise<Response> => {
      await guard.beforeSending(hop);
      return fetch(new Request(hop, { redirect: 'manual' }));
    };
    const passBy = (_: Request, response: Response) => void response.body?.cancel().catch(() => undefined);
    return followed(request, send, passBy, guard);
  }

  async #responseOf(item: Item): Promise<Response | undefined> {
    const body = await this.#shelf.body(item);
    if (body === undefined) return undefined;
    const { status, statusText, headers, url, redirected, type } = item.response;
    if (type === 'error') return Response.error();
    // Earlier versions kept cookies.
    const fields = headersOf(withoutCookies(headers));
    const response = new Response(body, { status, statusText, headers: fields });
    return Object.defineProperties(response, {
      url: { value: url },
      redirected: { value: redirected },
      type: { value: type },
    });
  }

  /** In the order of the requests, whichever came first. */
  #putEach(staged: readonly (readonly [Staged, Request])[], requests: readonly Request[]): void {
    const waiting = [...staged];
    const before: (readonly [Staged, Request])[] = [];
    for (const request of requests) {
      const [one] = waiting.splice(
        waiting.findIndex(([, query]) => query === request),
        1,
      );
      if (one === undefined) continue;
      const isTwin = before.some((other) => asksFor(request, other[0]) || asksFor(other[1], one[0]));
      if (isTwin) throw twice();
      before.push(one);
      this.#shelf.put(one[0], request);
    }
  }

  #demandPuttable({ url, method }: Request): void {
    const scheme = new URL(url).protocol.slice(0, -1);
    if (!this.#around.isCached(scheme)) {
      throw new TypeError(
        `${url} can't be cached: ${scheme} is neither http nor https nor a scheme of the application`,
      );
    }
    if (method !== 'GET') throw new TypeError(`${method} ${url} can't be cached, only GET`);
  }
}

export type RequestInfo = string | URL | Request;

/** A request as it is, for copying it would use its body up. What is left out is a mistake, not a request for "undefined". */
export function requestOf(input: RequestInfo | undefined): Request {
  if (input === undefined) throw new TypeError('A request is missing');
  return input instanceof Request ? input : new Request(input);
}

const twice = () => new DOMException('addAll was asked for the same request twice', 'InvalidStateError');

function demandKeepable(response: Response): void {
  if (!(response instanceof Response)) throw new TypeError('Only a Response can be cached');
  const { status, headers } = response;
  if (status === 206) throw new TypeError("A part of a response (206) can't be cached");
  const varying = membersOf(headers.get('vary'));
  if (varying.includes('*')) throw new TypeError("A response with Vary: * can't be cached");
  if (varying.length > MAX_VARY_FIELDS)
    throw new TypeError(`A response that varies by more than ${MAX_VARY_FIELDS} fields can't be cached`);
}
