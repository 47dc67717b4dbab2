import { getCacheStatus } from '../../../protocol/cache-status.ts';
import { estimateBytes } from '../../../protocol/clone.ts';
import type { DiskCacheError } from '../../../protocol/error.ts';
import {
  type BodyChunk,
  type CachesCall,
  type CachesResult,
  type ConnectionMessage,
  FETCH_GRANT,
  type FetchCall,
  HTTP_API_METHODS,
  type HttpApi,
  isErrorFault,
  type Reply,
  type WireResponse,
} from '../../../protocol/http.ts';
import { toPageErrorData } from '../../../protocol/redaction.ts';
import { createGoodbye } from '../../../protocol/wire.ts';
import { publishSession } from '../diagnostics.ts';
import type { Port } from '../gate.ts';
import { exposeApi, whileOpen } from '../gate.ts';
import type { Grant } from '../grant.ts';
import { SessionGrant } from '../grant.ts';
import { Principal } from '../principal.ts';
import { AbuseCounter, DeliveryReceipts } from '../session-limits.ts';
import { isReading, runCachesCall } from './cache-calls.ts';
import type { HttpBackend } from './calls.ts';
import { captureReply, InFlightCalls, Pace, toError } from './calls.ts';
import { isSafe, parseRequest, parseStrategy, serializeWithoutCookies } from './parse-messages.ts';
import { IncomingBodies, OutgoingBodies } from './wire-bodies.ts';

/** One page's HTTP session, from its handshake to its goodbye. */
export interface HttpSession {
  /** Number of calls in flight, and of open bodies in either direction. */
  readonly open: number;
  /** Aborts the calls in flight, sends the page the reason and closes the port. Idempotent. */
  close(reason: DiskCacheError): void;
}

/**
 * Serves a page's `fetch` and `CacheStorage` over `port` from `backend` within its `grant`, until the port is closed. A page that
 * disconnects leaves nothing behind: requests are aborted, bodies cancelled, incomplete writes discarded.
 */
export function openHttpSession(
  port: Port,
  grant: Grant,
  backend: HttpBackend,
  principal = new Principal(),
): HttpSession {
  let isOpen = true;
  const sessionGrant = new SessionGrant(grant, principal.usage);
  const inner = whileOpen(port, () => isOpen);
  const calls = new InFlightCalls(principal.calls);
  const incoming = new IncomingBodies();
  const receipts = new DeliveryReceipts(principal);
  const abuse = new AbuseCounter(principal, close);
  const pace = new Pace(
    () => abuse.closeOnError(() => !principal.isBehind) ?? false,
    () => isOpen,
  );
  const outgoing = new OutgoingBodies(principal.bodies, () => pace.whenReceived());
  let unsubscribe: (() => void) | undefined;

  async function handleFetch({ request, body, plan }: FetchCall, signal: AbortSignal): Promise<WireResponse> {
    const isRead = /^(get|head)$/i.test(String(Object(request).method));
    sessionGrant.requireExplicit(FETCH_GRANT, isRead ? 'read' : 'write');
    const uploaded = incoming.receive(body);
    try {
      const parsed = parseRequest(request, { body: uploaded, signal });
      if (!isSafe(parsed)) sessionGrant.requireExplicit(FETCH_GRANT, 'write');
      const response = await backend.getHandler(new URL(parsed.url).protocol).respond(parsed, parseStrategy(plan));
      // A response that isn't from the network is completely on disk.
      const isStored = !['miss', undefined].includes(getCacheStatus(response));
      const head = serializeWithoutCookies(response);
      // An application's own `fetch` may return a response without a URL.
      const url = head.url === '' ? withoutFragment(parsed.url) : head.url;
      return { ...head, url, body: await outgoing.send(response.body, isStored) };
    } catch (error) {
      incoming.discard(body, toError(error));
      throw error;
    }
  }

  /** Runs a call once the page has received enough of its earlier responses. */
  const run = <T>(id: number, work: (signal: AbortSignal) => Promise<T>): Promise<T> =>
    calls.run(id, async (signal) => {
      await pace.whenReceived();
      signal.throwIfAborted();
      return work(signal);
    });

  /** Responses with whole bodies are built one at a time: many at once would fill the memory before the first of them is counted. */
  async function replyFromCaches(call: CachesCall): Promise<Reply<CachesResult>> {
    let endTurn = () => {};
    const result = await reply(call, () =>
      run(call.id, async (signal) => {
        if (isReading(call)) {
          endTurn = await pace.enterTurn();
          await pace.whenReceived();
        }
        return runCachesCall(call, { sessionGrant, caches: backend.caches, outgoing, incoming, signal });
      }),
    );
    endTurn();
    return result;
  }

  /** Like `captureReply`, but counts the bytes that the page must receive, and refused calls. */
  async function reply<T>(argument: unknown, work: () => T | Promise<T>): Promise<Reply<T>> {
    const result = await captureReply(work);
    if ('fault' in result && isErrorFault(result.fault) && result.fault.code === 'NOT_ALLOWED')
      abuse.addRefused(argument);
    if (!isOpen || !('value' in result)) return result;
    const receipt = abuse.closeOnError(() => receipts.add(estimateBytes(result.value)));
    return receipt === undefined ? result : { ...result, receipt };
  }
  /** Runs a call without an outcome; its argument is a number. */
  function runNotification(argument: unknown, work: () => void): undefined {
    if (typeof argument === 'number') work();
    else abuse.addMalformed(argument);
  }

  const api: HttpApi = Object.freeze({
    fetch: (call: FetchCall) => reply(call, () => run(call.id, (signal) => handleFetch(call, signal))),
    caches: replyFromCaches,
    abort: (call: number) => runNotification(call, () => calls.abort(call)),
    pull: (body: number) => reply(body, () => outgoing.pull(body)),
    cancel: (body: number) => runNotification(body, () => outgoing.cancel(body, cancelledByPage())),
    push: (chunk: BodyChunk) => reply(chunk, () => incoming.push(chunk)),
    connection: () =>
      captureReply(() => {
        sessionGrant.requireExplicit(FETCH_GRANT, 'read');
        const { connection } = backend.getHandler();
        const report = (online: boolean) =>
          inner.postMessage({ deskcache: 'connection', online } satisfies ConnectionMessage);
        unsubscribe ??= connection.subscribe(report);
        report(connection.isOnline());
        return connection.isOnline();
      }),
    setOnline: (online: boolean) =>
      captureReply(() => {
        sessionGrant.requireExplicit(FETCH_GRANT, 'admin');
        backend.getHandler().connection.set(online);
        return null;
      }),
  });
  exposeApi(api, receipts.withoutReceipts(inner), HTTP_API_METHODS, (message) => abuse.addMalformed(message));

  publishSession('opened', 'http', principal);

  function close(reason: DiskCacheError): void {
    if (!isOpen) return;
    isOpen = false;
    unsubscribe?.();
    unsubscribe = undefined;
    calls.close(reason);
    outgoing.close(reason);
    incoming.close(reason);
    receipts.close();
    publishSession('closed', 'http', principal, reason.code);
    port.postMessage(createGoodbye(toPageErrorData(reason)));
    port.close();
  }
  return {
    get open() {
      return calls.size + outgoing.size + incoming.size + (unsubscribe === undefined ? 0 : 1);
    },
    close,
  };
}

const cancelledByPage = () => new DOMException('The page cancelled this body', 'AbortError');
const withoutFragment = (url: string): string => url.replace(/#.*$/s, '');
