import { estimateBytes } from '../../../protocol/clone.ts';
import type { Access } from '../../../protocol/contract/signature.ts';
import { DiskCacheError } from '../../../protocol/error.ts';
import {
  CACHES_GRANT,
  type CachesCall,
  type CachesResult,
  FETCH_GRANT,
  type WireResponse,
} from '../../../protocol/http.ts';
import type { SessionGrant } from '../grant.ts';
import type { BackendCache, BackendCacheStorage } from './calls.ts';
import { toError } from './calls.ts';
import {
  isSafe,
  parseQueryOptions,
  parseRequest,
  parseResponse,
  serializeRequest,
  serializeWithoutCookies,
} from './parse-messages.ts';
import type { IncomingBodies, OutgoingBodies } from './wire-bodies.ts';

/** Maximum bytes of bodies that are sent inside one response; the others are pulled. */
const MAX_INLINE_BYTES_PER_CALL = 4 * 2 ** 20;

/** Maximum bytes of a response, heads and bodies: all of it is one message. */
const MAX_CACHES_RESPONSE_BYTES = 16 * 2 ** 20;

/** Maximum requests added in one call; with their headers they may be large. */
const MAX_REQUESTS_PER_CALL = 1000;

/** The context of a page's call. */
interface CacheCallContext {
  readonly sessionGrant: SessionGrant;
  readonly caches: () => BackendCacheStorage;
  readonly outgoing: OutgoingBodies;
  readonly incoming: IncomingBodies;
  readonly signal: AbortSignal;
}

/** A call whose arguments are valid, or throw when they are read. */
interface ParsedCall {
  readonly name: string;
  readonly options: ReturnType<typeof parseQueryOptions>;
  readonly requests: readonly Request[];
  readonly call: CachesCall;
}

interface CacheMethod<On> {
  readonly access: Access;
  run(on: On, parsed: ParsedCall, context: CacheCallContext): Promise<CachesResult>;
}

/** Methods of the standard CacheStorage. */
const CACHE_STORAGE_METHODS: Readonly<Record<string, CacheMethod<BackendCacheStorage>>> = {
  open: {
    access: 'read',
    async run(caches, { name }, { sessionGrant }) {
      // Creating a cache is a write.
      if (!(await caches.has(name))) {
        sessionGrant.require(CACHES_GRANT, 'write');
        sessionGrant.charge([name]);
      }
      return (await caches.open(name)).id;
    },
  },
  has: { access: 'read', run: (caches, { name }) => caches.has(name) },
  delete: { access: 'write', run: (caches, { name }) => caches.delete(name) },
  keys: { access: 'read', run: async (caches) => assertSendable(await caches.keys()) },
  match: {
    access: 'read',
    run: async (caches, { requests, options }, context) =>
      sendResponses([await caches.match(getOnlyRequest(requests), options)], context),
  },
};

/** Methods of the standard Cache. `add` is `addAll` with one request. */
const CACHE_METHODS: Readonly<Record<string, CacheMethod<BackendCache>>> = {
  match: {
    access: 'read',
    run: async (cache, { requests, options }, context) =>
      sendResponses([await cache.match(getOnlyRequest(requests), options)], context),
  },
  matchAll: {
    access: 'read',
    run: async (cache, { requests, options }, context) =>
      sendResponses(await cache.matchAll(requests[0], options), context),
  },
  addAll: {
    access: 'write',
    async run(cache, { requests }, { sessionGrant }) {
      // Added responses become readable: across origins without CORS, with the session's cookies.
      sessionGrant.requireExplicit(FETCH_GRANT, requests.every(isSafe) ? 'read' : 'write');
      sessionGrant.requireNoByteLimit('add and addAll, because the size of their responses is unknown');
      await cache.addAll(requests);
      return true;
    },
  },
  put: {
    access: 'write',
    async run(cache, { requests, call }, { sessionGrant, incoming }) {
      const request = getOnlyRequest(requests);
      const { response } = call;
      // The URL is the key, and is also stored in an index.
      const urls = (call.requests ?? []).map((request) => Object(request).url);
      sessionGrant.charge([call.requests, urls, urls, { ...response, body: null }], true);
      const body = incoming.receive(response?.body ?? null, (bytes) => sessionGrant.charge([bytes]));
      try {
        await cache.put(request, parseResponse(response, body));
        return true;
      } catch (error) {
        incoming.discard(response?.body ?? null, toError(error));
        throw error;
      }
    },
  },
  delete: { access: 'write', run: (cache, { requests, options }) => cache.delete(getOnlyRequest(requests), options) },
  keys: {
    access: 'read',
    run: async (cache, { requests, options }) =>
      assertSendable((await cache.keys(requests[0], options)).map(serializeRequest)),
  },
};

/** Returns whether the result is read from disk, heads and bodies, and may be large. */
export const isReading = ({ method }: CachesCall): boolean => ['match', 'matchAll', 'keys'].includes(method);

/**
 * Runs one call of CacheStorage or of a cache, within the page's grant.
 *
 * @throws {DiskCacheError} `NOT_ALLOWED`, `TOO_LARGE`, `BUSY`; anything that the caches throw.
 */
export async function runCachesCall(call: CachesCall, context: CacheCallContext): Promise<CachesResult> {
  const { cache, method, name } = call;
  const run = cache === undefined ? getMethod(CACHE_STORAGE_METHODS, method) : getMethod(CACHE_METHODS, method);
  context.sessionGrant.require(CACHES_GRANT, run.access);
  const { signal } = context;
  const requests: readonly unknown[] = Array.isArray(call.requests) ? call.requests : [];
  const areNames = [name, cache].every((it) => it === undefined || typeof it === 'string');
  if (requests.length > MAX_REQUESTS_PER_CALL || !areNames)
    throw new DiskCacheError('NOT_ALLOWED', `A call takes a name, or at most ${MAX_REQUESTS_PER_CALL} requests`);
  const parsed: ParsedCall = {
    name: name as string,
    options: parseQueryOptions(call.options),
    requests: requests.map((request) => parseRequest(request, { signal })),
    call,
  };
  const caches = context.caches();
  return cache === undefined
    ? (run as CacheMethod<BackendCacheStorage>).run(caches, parsed, context)
    : (run as CacheMethod<BackendCache>).run(caches.withId(cache), parsed, context);
}

function assertSendable<T>(answer: T): T {
  if (estimateBytes(answer) <= MAX_CACHES_RESPONSE_BYTES) return answer;
  throw new DiskCacheError(
    'TOO_LARGE',
    `The response is more than ${MAX_CACHES_RESPONSE_BYTES} bytes; request less at a time`,
  );
}

function getMethod<On>(methods: Readonly<Record<string, CacheMethod<On>>>, name: unknown): CacheMethod<On> {
  if (typeof name === 'string' && Object.hasOwn(methods, name)) return methods[name]!;
  throw new DiskCacheError('NOT_ALLOWED', 'CacheStorage and Cache have no such method');
}

function getOnlyRequest(requests: readonly Request[]): Request {
  const [request] = requests;
  if (request === undefined) throw new TypeError('A request is missing');
  return request;
}

/** Serializes responses; if one fails, all fail, and no body stays open. */
async function sendResponses(
  found: readonly (Response | undefined)[],
  { outgoing }: CacheCallContext,
): Promise<WireResponse[]> {
  const responses = found.filter((it) => it !== undefined);
  const sentResponses: WireResponse[] = [];
  let inlineBytes = 0;
  try {
    for (const response of responses) {
      const body = await outgoing.send(response.body, inlineBytes < MAX_INLINE_BYTES_PER_CALL);
      if (body instanceof Uint8Array) inlineBytes += body.length;
      sentResponses.push({ ...serializeWithoutCookies(response), body });
    }
    return assertSendable(sentResponses);
  } catch (error) {
    for (const { body } of sentResponses) if (typeof body === 'number') outgoing.cancel(body, error as Error);
    for (const { body } of responses) if (body !== null && !body.locked) body.cancel(error).catch(() => undefined);
    throw error;
  }
}
