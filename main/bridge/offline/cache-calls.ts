import type { Access } from '../../../protocol/contract/signature.ts';
import { DiskCacheError } from '../../../protocol/error.ts';
import { CACHES, type CachesAnswer, type CachesCall, FETCH, type WireResponse } from '../../../protocol/offline.ts';
import { weightOf } from '../../../protocol/weight.ts';
import type { Permit } from '../permit.ts';
import type { Caches, OneCache } from './backing.ts';
import { asError } from './fault.ts';
import { readOptions, readRequest, readResponse, sayRequest, sayWithoutCookies } from './messages.ts';
import type { ReceivedBodies } from './received-bodies.ts';
import { isSafe } from './safe-request.ts';
import type { SentBodies } from './sent-bodies.ts';

/** Of the bodies of one answer so many bytes travel with it; the others are pulled. */
const MAX_WHOLE = 4 * 2 ** 20;

/** What an answer holds, heads and bodies: all of it is one message. */
const MAX_ANSWER = 16 * 2 ** 20;

/** So many requests may be added in one call; with their heads they may be large. */
const MAX_REQUESTS = 1000;

/** What a call of a page works with. */
interface CachesRoom {
  readonly permit: Permit;
  readonly caches: () => Caches;
  readonly sent: SentBodies;
  readonly received: ReceivedBodies;
  readonly signal: AbortSignal;
}

/** A call that was read: its arguments are what they should be, or reading them throws. */
interface Asked {
  readonly name: string;
  readonly options: ReturnType<typeof readOptions>;
  readonly requests: readonly Request[];
  readonly call: CachesCall;
}

interface Method<On> {
  readonly access: Access;
  run(on: On, asked: Asked, room: CachesRoom): Promise<CachesAnswer>;
}

/** Of the standard's CacheStorage. */
const OF_STORAGE: Readonly<Record<string, Method<Caches>>> = {
  open: {
    access: 'read',
    async run(caches, { name }, { permit }) {
      // To make one is to write.
      if (!(await caches.has(name))) {
        permit.demand(CACHES, 'write');
        permit.charge([name]);
      }
      return (await caches.open(name)).id;
    },
  },
  has: { access: 'read', run: (caches, { name }) => caches.has(name) },
  delete: { access: 'write', run: (caches, { name }) => caches.delete(name) },
  keys: { access: 'read', run: async (caches) => sendable(await caches.keys()) },
  match: {
    access: 'read',
    run: async (caches, { requests, options }, room) => said([await caches.match(oneOf(requests), options)], room),
  },
};

/** Of the standard's Cache. `add` is `addAll` of one. */
const OF_CACHE: Readonly<Record<string, Method<OneCache>>> = {
  match: {
    access: 'read',
    run: async (cache, { requests, options }, room) => said([await cache.match(oneOf(requests), options)], room),
  },
  matchAll: {
    access: 'read',
    run: async (cache, { requests, options }, room) => said(await cache.matchAll(requests[0], options), room),
  },
  addAll: {
    access: 'write',
    async run(cache, { requests }, { permit }) {
      // What is added can be read: past CORS, with the session's cookies.
      permit.demandNamed(FETCH, requests.every(isSafe) ? 'read' : 'write');
      permit.demandUnlimited('add, whose bytes come from elsewhere');
      await cache.addAll(requests);
      return true;
    },
  },
  put: {
    access: 'write',
    async run(cache, { requests, call }, { permit, received }) {
      const request = oneOf(requests);
      const { response } = call;
      // The address is the key, which stands in an index, too.
      const addresses = (call.requests ?? []).map((request) => Object(request).url);
      permit.charge([call.requests, addresses, addresses, { ...response, body: null }], true);
      const body = received.receive(response?.body ?? null, (bytes) => permit.charge([bytes]));
      try {
        await cache.put(request, readResponse(response, body));
        return true;
      } catch (error) {
        received.discard(response?.body ?? null, asError(error));
        throw error;
      }
    },
  },
  delete: { access: 'write', run: (cache, { requests, options }) => cache.delete(oneOf(requests), options) },
  keys: {
    access: 'read',
    run: async (cache, { requests, options }) => sendable((await cache.keys(requests[0], options)).map(sayRequest)),
  },
};

/** Whether its answer is read from the disk, heads and bodies, and may be large. */
export const isReading = ({ method }: CachesCall): boolean => ['match', 'matchAll', 'keys'].includes(method);

/**
 * Runs one call of CacheStorage or of a cache, as far as the page is granted it.
 *
 * @throws {DiskCacheError} `NOT_ALLOWED`, `TOO_LARGE`, `BUSY`; what the caches throw.
 */
export async function runCachesCall(call: CachesCall, room: CachesRoom): Promise<CachesAnswer> {
  const { cache, method, name } = call;
  const run = cache === undefined ? methodOf(OF_STORAGE, method) : methodOf(OF_CACHE, method);
  room.permit.demand(CACHES, run.access);
  const { signal } = room;
  const requests: readonly unknown[] = Array.isArray(call.requests) ? call.requests : [];
  const areNames = [name, cache].every((it) => it === undefined || typeof it === 'string');
  if (requests.length > MAX_REQUESTS || !areNames)
    throw new DiskCacheError('NOT_ALLOWED', `A call takes a name, or at most ${MAX_REQUESTS} requests`);
  const asked: Asked = {
    name: name as string,
    options: readOptions(call.options),
    requests: requests.map((request) => readRequest(request, { signal })),
    call,
  };
  const caches = room.caches();
  return cache === undefined
    ? (run as Method<Caches>).run(caches, asked, room)
    : (run as Method<OneCache>).run(caches.withId(cache), asked, room);
}

function sendable<T>(answer: T): T {
  if (weightOf(answer) <= MAX_ANSWER) return answer;
  throw new DiskCacheError('TOO_LARGE', `The answer is more than ${MAX_ANSWER} bytes; ask for less at a time`);
}

function methodOf<On>(methods: Readonly<Record<string, Method<On>>>, name: unknown): Method<On> {
  if (typeof name === 'string' && Object.hasOwn(methods, name)) return methods[name]!;
  throw new DiskCacheError('NOT_ALLOWED', 'CacheStorage and Cache have no such method');
}

function oneOf(requests: readonly Request[]): Request {
  const [request] = requests;
  if (request === undefined) throw new TypeError('A request is missing');
  return request;
}

/** Responses as they travel; when one of them can't, none does, and nothing stays open. */
async function said(found: readonly (Response | undefined)[], { sent }: CachesRoom): Promise<WireResponse[]> {
  const responses = found.filter((it) => it !== undefined);
  const sayings: WireResponse[] = [];
  let whole = 0;
  try {
    for (const response of responses) {
      const body = await sent.send(response.body, whole < MAX_WHOLE);
      if (body instanceof Uint8Array) whole += body.length;
      sayings.push({ ...sayWithoutCookies(response), body });
    }
    return sendable(sayings);
  } catch (error) {
    for (const { body } of sayings) if (typeof body === 'number') sent.cancel(body, error as Error);
    for (const { body } of responses) if (body !== null && !body.locked) body.cancel(error).catch(() => undefined);
    throw error;
  }
}
