import { DiskCacheError } from '../../protocol/error.ts';
import { toPageErrorData } from '../../protocol/redaction.ts';
import {
  CONTROL_API_METHODS,
  type ControlApi,
  captureOutcome,
  createGoodbye,
  type Outcome,
  type ResponseMessage,
  type ResponsePart,
  type SubscribeRequest,
} from '../../protocol/wire.ts';
import type { FindStore } from './authorize.ts';
import { publishSession } from './diagnostics.ts';
import { type Endpoint, exposeApi, type Port, whileOpen } from './gate.ts';
import { type Grant, SessionGrant } from './grant.ts';
import { invalidateAll, NearCacheLease } from './near-cache-leases.ts';
import { Principals } from './principal.ts';
import { FairScheduler, RequestQueue, type TaskQueue } from './request-queue.ts';
import { runOperations } from './run-operations.ts';
import { AbuseCounter, DeliveryReceipts } from './session-limits.ts';
import { SessionSubscriptions } from './session-subscriptions.ts';
import { runOrWarn, StoreFeeds } from './store-feeds.ts';
import { ValueStreams } from './value-streams.ts';

/** State shared by the sessions of one application. */
export class SharedSessionState {
  /** Shares the main thread between the sessions. */
  readonly scheduler = new FairScheduler();
  /** The near-cache leases of all pages: a writer waits until the others have dropped what it changed. */
  readonly nearCacheLeases = new Set<NearCacheLease>();
  /** The usage of each origin in each window. */
  readonly principals = new Principals();
}

/** One page's session, from its handshake to its goodbye. */
export interface PageSession {
  readonly isOpen: boolean;
  /** Number of the page's subscriptions. */
  readonly subscriptions: number;
  /** Number of values that the page reads or stores as streams. */
  readonly streams: number;
  /** Sends the page the reason and closes the port. Idempotent. */
  close(reason: DiskCacheError): void;
}

/**
 * Serves a page over `port` within its `grant`, until the port is closed. Sessions with the same shared state take turns, and what one of
 * them writes is dropped from the near caches of the others. Requests have a message format of their own; rare calls go through comlink,
 * behind the gate.
 *
 * Invariant: what the page holds here is bounded, together with all other sessions of its `principal`. A port that exceeds the limits is
 * closed, and the page gets the reason.
 */
export function openSession(
  port: Port,
  grant: Grant,
  findStore: FindStore,
  shared = new SharedSessionState(),
  principal = shared.principals.get(undefined),
): PageSession {
  let open = true;
  const sessionGrant = new SessionGrant(grant, principal.usage);
  const streams = new ValueStreams(principal);
  const inner = whileOpen(port, () => open);
  const receipts = new DeliveryReceipts(principal);
  const abuse = new AbuseCounter(principal, close);
  const feeds = new StoreFeeds();
  const tasks: TaskQueue = [];
  const subscriptions = new SessionSubscriptions(
    feeds,
    (changes) => inner.postMessage(changes),
    (task) => shared.scheduler.enqueue(tasks, task),
  );
  const nearLease = new NearCacheLease(shared.nearCacheLeases, feeds, principal, (stale) => inner.postMessage(stale));
  const requests = new RequestQueue(
    shared.scheduler,
    (operations, maxWeight) => runOperations(operations, { permit: sessionGrant, streams, findStore }, maxWeight),
    ({ written }) => invalidateAll(shared.nearCacheLeases, nearLease, written),
    (response, result) => abuse.closeOnError(() => post(inner, response, receipts, result?.bytes ?? 0)),
    (request, why) => (why === 'malformed' ? abuse.addMalformed(request) : abuse.addRefused(request)),
    principal,
    () => abuse.closeOnError(() => !principal.isBehind) ?? false,
  );

  /** Returns the outcome of a rare call, for a page. Refusals are counted. */
  function captureForPage<T>(argument: unknown, work: () => T): Outcome<T> {
    const outcome = captureOutcome(work, toPageErrorData);
    if ('error' in outcome) abuse.addRefused(argument);
    return outcome;
  }
  /** Runs a rare call without an outcome; its argument is a number or a name. */
  function runNotification(argument: unknown, type: 'number' | 'string', work: () => void): undefined {
    if (typeof argument === type) work();
    else abuse.addMalformed(argument);
  }

  const control: ControlApi = Object.freeze({
    watch: (watch: SubscribeRequest) =>
      captureForPage(watch, () => subscribe(subscriptions, watch, sessionGrant, findStore)),
    unwatch: (id: number) => runNotification(id, 'number', () => subscriptions.remove(id)),
    seen: (number: number) => runNotification(number, 'number', () => subscriptions.acknowledge(number)),
    near: (store: string) => captureForPage(store, () => grantNearLease(nearLease, store, sessionGrant, findStore)),
    far: (store: string) => runNotification(store, 'string', () => nearLease.revoke(store)),
    dropped: (number: number) => runNotification(number, 'number', () => nearLease.acknowledge(number)),
  });
  exposeApi(control, routeRequests(receipts.withoutReceipts(inner), requests), CONTROL_API_METHODS, (message) =>
    abuse.addMalformed(message),
  );

  publishSession('opened', 'stores', principal);

  function close(reason: DiskCacheError): void {
    if (!open) return;
    open = false;
    tasks.length = 0;
    for (const part of [requests, streams, subscriptions, nearLease, feeds, receipts]) runOrWarn(() => part.close());
    publishSession('closed', 'stores', principal, reason.code);
    port.postMessage(createGoodbye(toPageErrorData(reason)));
    port.close();
  }
  return {
    get isOpen() {
      return open;
    },
    get subscriptions() {
      return subscriptions.size;
    },
    get streams() {
      return streams.size;
    },
    close,
  };
}

function subscribe(
  subscriptions: SessionSubscriptions,
  request: SubscribeRequest,
  sessionGrant: SessionGrant,
  findStore: FindStore,
): undefined {
  const { id, store, range } = Object(request) as Record<keyof SubscribeRequest, unknown>;
  if (!Number.isSafeInteger(id) || typeof store !== 'string' || typeof range !== 'object' || range === null) {
    throw new DiskCacheError('BAD_OPTION', 'A subscription needs a number, the name of a store and a range');
  }
  sessionGrant.require(store, 'read');
  subscriptions.add(id as number, findStore(store), range);
}

function grantNearLease(
  lease: NearCacheLease,
  store: unknown,
  sessionGrant: SessionGrant,
  findStore: FindStore,
): boolean {
  if (typeof store !== 'string') throw new DiskCacheError('BAD_OPTION', 'near(store): store must be a string');
  sessionGrant.require(store, 'read');
  return lease.grant(store, findStore(store));
}

/** Posts a response. A custom codec may return a value that can't be cloned into a message; the call then fails. */
function post(
  port: Endpoint,
  response: ResponseMessage | ResponsePart,
  receipts: DeliveryReceipts,
  weight: number,
): void {
  const receipt = response.length === 2 ? undefined : receipts.add(weight);
  try {
    port.postMessage(
      receipt === undefined ? response : ([response[0], response[1], response[2], receipt] as ResponseMessage),
    );
  } catch (error) {
    receipts.acknowledge(receipt);
    const why = new DiskCacheError('BAD_VALUE', 'A value of this response can’t be sent to a page', { cause: error });
    port.postMessage([response[0], { refused: toPageErrorData(why) }] satisfies ResponseMessage);
  }
}

/** Handles requests among the incoming messages and passes the rest on. */
function routeRequests(inner: Endpoint, requests: RequestQueue): Endpoint {
  return {
    ...inner,
    addEventListener: (type, listener) =>
      inner.addEventListener(type, (event) => {
        if (Array.isArray(event.data)) requests.receive(event.data);
        else listener(event);
      }),
  };
}
