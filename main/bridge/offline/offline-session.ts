import { expose } from 'comlink';
import type { DiskCacheError } from '../../../protocol/error.ts';
import { toPageErrorData } from '../../../protocol/hidden-paths.ts';
import {
  type CachesAnswer,
  type CachesCall,
  type ConnectionNews,
  FETCH,
  type FetchCall,
  isOurs,
  OFFLINE_FACE_METHODS,
  type OfflineFace,
  type Piece,
  type Reply,
  type WireResponse,
} from '../../../protocol/offline.ts';
import { provenanceOf } from '../../../protocol/provenance.ts';
import { weightOf } from '../../../protocol/weight.ts';
import { goodbye } from '../../../protocol/wire.ts';
import type { Port } from '../endpoint.ts';
import { gate } from '../gate.ts';
import type { Grant } from '../grant.ts';
import { Misbehaviour } from '../misbehaviour.ts';
import { Permit } from '../permit.ts';
import { Principal } from '../principal.ts';
import { Receipts } from '../receipts.ts';
import { whileOpen } from '../while-open.ts';
import type { Backing } from './backing.ts';
import { isReading, runCachesCall } from './cache-calls.ts';
import { Calls } from './calls.ts';
import { asError, replyOf } from './fault.ts';
import { readPlan, readRequest, sayWithoutCookies } from './messages.ts';
import { Pace } from './pace.ts';
import { ReceivedBodies } from './received-bodies.ts';
import { isSafe } from './safe-request.ts';
import { SentBodies } from './sent-bodies.ts';

/** One page's conversation about HTTP, from its handshake to its goodbye. */
export interface OfflineSession {
  /** Calls under way, and bodies that are open in either direction. */
  readonly open: number;
  /** Gives up what is under way, tells the page why and closes the port. Idempotent. */
  close(reason: DiskCacheError): void;
}

/**
 * Answers a page's `fetch` and `CacheStorage` over `port` by what `backing` has and `grant` allows, until it is closed. A page
 * that goes half-way leaves nothing: requests are aborted, bodies cancelled, what was put half is not there.
 */
export function openOfflineSession(
  port: Port,
  grant: Grant,
  backing: Backing,
  principal = new Principal(),
): OfflineSession {
  let isOpen = true;
  const permit = new Permit(grant, principal.usage);
  const inner = whileOpen(port, () => isOpen);
  const calls = new Calls(principal.calls);
  const received = new ReceivedBodies();
  const receipts = new Receipts(principal);
  const misbehaviour = new Misbehaviour(principal, close);
  const pace = new Pace(
    () => misbehaviour.counted(() => !principal.isBehind) ?? false,
    () => isOpen,
  );
  const sent = new SentBodies(principal.bodies, () => pace.whenTaken());
  let unsubscribe: (() => void) | undefined;

  async function answer({ request, body, plan }: FetchCall, signal: AbortSignal): Promise<WireResponse> {
    const isRead = /^(get|head)$/i.test(String(Object(request).method));
    permit.demandNamed(FETCH, isRead ? 'read' : 'write');
    const uploaded = received.receive(body);
    try {
      const asked = readRequest(request, { body: uploaded, signal });
      if (!isSafe(asked)) permit.demandNamed(FETCH, 'write');
      const response = await backing.offline(new URL(asked.url).protocol).respond(asked, readPlan(plan));
      // What isn't from the network is on disk, all of it.
      const isStored = !['miss', undefined].includes(provenanceOf(response));
      const said = sayWithoutCookies(response);
      // Not every fetch that is handed in tells the address.
      const url = said.url === '' ? withoutFragment(asked.url) : said.url;
      return { ...said, url, body: await sent.send(response.body, isStored) };
    } catch (error) {
      received.discard(body, asError(error));
      throw error;
    }
  }

  /** Runs a call once the page has taken what it asked for before. */
  const run = <T>(id: number, work: (signal: AbortSignal) => Promise<T>): Promise<T> =>
    calls.run(id, async (signal) => {
      await pace.whenTaken();
      signal.throwIfAborted();
      return work(signal);
    });

  /** Answers with whole bodies are made one after the other: many at once would fill the memory before one of them is counted. */
  async function replyFromCaches(call: CachesCall): Promise<Reply<CachesAnswer>> {
    let leave = () => {};
    const made = await reply(call, () =>
      run(call.id, async (signal) => {
        if (isReading(call)) {
          leave = await pace.enterTurn();
          await pace.whenTaken();
        }
        return runCachesCall(call, { permit, caches: backing.caches, sent, received, signal });
      }),
    );
    leave();
    return made;
  }

  /** As `replyOf`; counts what the page has to take, and what it has asked for in vain. */
  async function reply<T>(argument: unknown, work: () => T | Promise<T>): Promise<Reply<T>> {
    const made = await replyOf(work);
    if ('fault' in made && isOurs(made.fault) && made.fault.code === 'NOT_ALLOWED') misbehaviour.addRefused(argument);
    if (!isOpen || !('value' in made)) return made;
    const receipt = misbehaviour.counted(() => receipts.add(weightOf(made.value)));
    return receipt === undefined ? made : { ...made, receipt };
  }
  /** A call without an outcome, which takes a number. */
  function told(argument: unknown, work: () => void): undefined {
    if (typeof argument === 'number') work();
    else misbehaviour.addOdd(argument);
  }

  const face: OfflineFace = Object.freeze({
    fetch: (call: FetchCall) => reply(call, () => run(call.id, (signal) => answer(call, signal))),
    caches: replyFromCaches,
    abort: (call: number) => told(call, () => calls.abort(call)),
    pull: (body: number) => reply(body, () => sent.pull(body)),
    cancel: (body: number) => told(body, () => sent.cancel(body, wantedNoMore())),
    push: (piece: Piece) => reply(piece, () => received.push(piece)),
    connection: () =>
      replyOf(() => {
        permit.demandNamed(FETCH, 'read');
        const { connection } = backing.offline();
        const tell = (online: boolean) =>
          inner.postMessage({ deskcache: 'connection', online } satisfies ConnectionNews);
        unsubscribe ??= connection.subscribe(tell);
        tell(connection.isOnline());
        return connection.isOnline();
      }),
    setOnline: (online: boolean) =>
      replyOf(() => {
        permit.demandNamed(FETCH, 'admin');
        backing.offline().connection.set(online);
        return null;
      }),
  });
  expose(
    face,
    gate(receipts.takenFrom(inner), OFFLINE_FACE_METHODS, (message) => misbehaviour.addOdd(message)),
  );

  function close(reason: DiskCacheError): void {
    if (!isOpen) return;
    isOpen = false;
    unsubscribe?.();
    unsubscribe = undefined;
    calls.close(reason);
    sent.close(reason);
    received.close(reason);
    receipts.close();
    port.postMessage(goodbye(toPageErrorData(reason)));
    port.close();
  }
  return {
    get open() {
      return calls.size + sent.size + received.size + (unsubscribe === undefined ? 0 : 1);
    },
    close,
  };
}

const wantedNoMore = () => new DOMException('Nobody wants any more of this body', 'AbortError');
const withoutFragment = (url: string): string => url.replace(/#.*$/s, '');
