import { expose } from 'comlink';
import { DiskCacheError } from '../../protocol/error.ts';
import { toPageErrorData } from '../../protocol/hidden-paths.ts';
import { type Outcome, outcomeOf } from '../../protocol/outcome.ts';
import { type Answer, type AnswerPart, FACE_METHODS, type Face, goodbye, type Watch } from '../../protocol/wire.ts';
import type { FindStore } from './admit.ts';
import type { Endpoint, Port } from './endpoint.ts';
import { Feeds } from './feeds.ts';
import { gate } from './gate.ts';
import type { Grant } from './grant.ts';
import { Lobby } from './lobby.ts';
import { Misbehaviour } from './misbehaviour.ts';
import { dropEverywhere, NearPage } from './near-pages.ts';
import { Permit } from './permit.ts';
import { Receipts } from './receipts.ts';
import { Requests } from './requests.ts';
import type { Lane } from './rota.ts';
import { runOperations } from './run.ts';
import { ValueStreams } from './value-streams.ts';
import { Watches } from './watches.ts';
import { whileOpen } from './while-open.ts';

/** One page's conversation, from its handshake to its goodbye. */
export interface Session {
  readonly isOpen: boolean;
  /** How many subscriptions the page has. */
  readonly watches: number;
  /** How many values it reads or stores as streams. */
  readonly streams: number;
  /** Tells the page why and closes the port. Idempotent. */
  close(reason: DiskCacheError): void;
}

/**
 * Answers a page over `port` with what `grant` allows, until it is closed. Sessions of one `lobby` take turns, and what one of
 * them writes the others don't keep. Requests have messages of their own; what is rare goes through comlink, behind the gate.
 *
 * Invariant: what the page has here is bounded, with all other sessions of its `principal`. A port that misbehaves is closed, and the
 * page is told why.
 */
export function openSession(
  port: Port,
  grant: Grant,
  findStore: FindStore,
  lobby = new Lobby(),
  principal = lobby.principals.get(undefined),
): Session {
  let open = true;
  const permit = new Permit(grant, principal.usage);
  const streams = new ValueStreams(principal);
  const inner = whileOpen(port, () => open);
  const receipts = new Receipts(principal);
  const misbehaviour = new Misbehaviour(principal, close);
  const feeds = new Feeds();
  const lane: Lane = [];
  const watches = new Watches(
    feeds,
    (changes) => inner.postMessage(changes),
    (job) => lobby.rota.enter(lane, job),
  );
  const near = new NearPage(lobby.nearPages, feeds, principal, (stale) => inner.postMessage(stale));
  const requests = new Requests(
    lobby.rota,
    (operations, maxWeight) => runOperations(operations, { permit, streams, findStore }, maxWeight),
    ({ written }) => dropEverywhere(lobby.nearPages, near, written),
    (answer, ran) => misbehaviour.counted(() => post(inner, answer, receipts, ran?.weight ?? 0)),
    (request, why) => (why === 'odd' ? misbehaviour.addOdd(request) : misbehaviour.addRefused(request)),
    principal,
    () => misbehaviour.counted(() => !principal.isBehind) ?? false,
  );

  /** The outcome of a rare call, for a page. What is refused is counted. */
  function outcomeForPage<T>(argument: unknown, work: () => T): Outcome<T> {
    const outcome = outcomeOf(work, toPageErrorData);
    if ('error' in outcome) misbehaviour.addRefused(argument);
    return outcome;
  }
  /** A rare call without an outcome, which takes a number or a name. */
  function told(argument: unknown, type: 'number' | 'string', work: () => void): undefined {
    if (typeof argument === type) work();
    else misbehaviour.addOdd(argument);
  }

  const face: Face = Object.freeze({
    watch: (watch: Watch) => outcomeForPage(watch, () => startWatch(watches, watch, permit, findStore)),
    unwatch: (id: number) => told(id, 'number', () => watches.remove(id)),
    seen: (number: number) => told(number, 'number', () => watches.seen(number)),
    near: (store: string) => outcomeForPage(store, () => startNear(near, store, permit, findStore)),
    far: (store: string) => told(store, 'string', () => near.release(store)),
    dropped: (number: number) => told(number, 'number', () => near.dropped(number)),
  });
  expose(
    face,
    gate(withoutRequests(receipts.takenFrom(inner), requests), FACE_METHODS, (message) => misbehaviour.addOdd(message)),
  );

  function close(reason: DiskCacheError): void {
    if (!open) return;
    open = false;
    lane.length = 0;
    for (const part of [requests, streams, watches, near, receipts]) closeOrWarn(part);
    port.postMessage(goodbye(toPageErrorData(reason)));
    port.close();
  }
  return {
    get isOpen() {
      return open;
    },
    get watches() {
      return watches.size;
    },
    get streams() {
      return streams.size;
    },
    close,
  };
}

/** To stop listening to a store is to write to it, which may fail. The rest is closed all the same. */
function closeOrWarn(part: { close(): void }): void {
  try {
    part.close();
  } catch (error) {
    process.emitWarning(error instanceof Error ? error : String(error));
  }
}

function startWatch(watches: Watches, watch: Watch, permit: Permit, findStore: FindStore): undefined {
  const { id, store, range } = Object(watch) as Record<keyof Watch, unknown>;
  if (!Number.isSafeInteger(id) || typeof store !== 'string' || typeof range !== 'object' || range === null) {
    throw new DiskCacheError('BAD_OPTION', 'A subscription takes a number, the name of a store and a range');
  }
  permit.demand(store, 'read');
  watches.add(id as number, findStore(store), range);
}

function startNear(near: NearPage, store: unknown, permit: Permit, findStore: FindStore): boolean {
  if (typeof store !== 'string') throw new DiskCacheError('BAD_OPTION', 'What is kept near is named by its store');
  permit.demand(store, 'read');
  return near.keep(store, findStore(store));
}

/** What a codec of the application's own gives may be something that no message can hold. */
function post(port: Endpoint, answer: Answer | AnswerPart, receipts: Receipts, weight: number): void {
  const receipt = answer.length === 2 ? undefined : receipts.add(weight);
  try {
    port.postMessage(receipt === undefined ? answer : ([answer[0], answer[1], answer[2], receipt] as Answer));
  } catch (error) {
    receipts.take(receipt);
    const why = new DiskCacheError('BAD_VALUE', 'A value of this turn can’t be sent to a page', { cause: error });
    port.postMessage([answer[0], { refused: toPageErrorData(why) }] satisfies Answer);
  }
}

/** Takes the requests out of what comes; the rest goes on. */
function withoutRequests(inner: Endpoint, requests: Requests): Endpoint {
  return {
    ...inner,
    addEventListener: (type, listener) =>
      inner.addEventListener(type, (event) => {
        if (Array.isArray(event.data)) requests.receive(event.data);
        else listener(event);
      }),
  };
}
