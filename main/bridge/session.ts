import { expose } from 'comlink';
import { DiskCacheError } from '../../protocol/error.ts';
import { toPageErrorData } from '../../protocol/hidden-paths.ts';
import { type Outcome, outcomeOf } from '../../protocol/outcome.ts';
import { type Answer, FACE_METHODS, type Face, goodbye, type Watch } from '../../protocol/wire.ts';
import type { FindStore } from './admit.ts';
import type { Endpoint, Port } from './endpoint.ts';
import { gate } from './gate.ts';
import type { Grant } from './grant.ts';
import { Lobby } from './lobby.ts';
import { dropEverywhere, NearPage } from './near-pages.ts';
import { Permit, type Usage } from './permit.ts';
import { Requests } from './requests.ts';
import { runOperations } from './run.ts';
import { ValueStreams } from './value-streams.ts';
import { Watches } from './watches.ts';
import { whileOpen } from './while-open.ts';

/** One page's conversation, from its handshake to its goodbye. */
export interface Session {
  /** How many subscriptions the page has. */
  readonly watches: number;
  /** How many values it reads or stores as streams. */
  readonly streams: number;
  /** Tells the page why and closes the port. Idempotent. */
  close(reason: DiskCacheError): void;
}

/**
 * Answers a page over `port` with what `grant` allows, until it is closed. Sessions of one `lobby` take turns, and what one of
 * them writes the others don't keep; those of one `usage` share what their grants limit. Requests have messages of their own; what is rare goes through comlink, behind the gate.
 */
export function openSession(
  port: Port,
  grant: Grant,
  findStore: FindStore,
  lobby = new Lobby(),
  usage?: Usage,
): Session {
  let open = true;
  const permit = new Permit(grant, usage);
  const streams = new ValueStreams();
  const inner = whileOpen(port, () => open);
  const watches = new Watches((changes) => inner.postMessage(changes));
  const near = new NearPage(lobby.nearPages, (stale) => inner.postMessage(stale));
  const requests = new Requests(
    lobby.rota,
    (operations) => runOperations(operations, { permit, streams, findStore }),
    () => dropEverywhere(lobby.nearPages, near),
    (answer) => post(inner, answer),
    usage,
  );
  const face: Face = Object.freeze({
    watch: (watch: Watch) => outcomeForPage(() => startWatch(watches, watch, permit, findStore)),
    unwatch: (id: number) => watches.remove(id) as undefined,
    seen: (number: number) => watches.seen(number) as undefined,
    near: (store: string) => outcomeForPage(() => startNear(near, store, permit, findStore)),
    far: (store: string) => near.release(store) as undefined,
    dropped: (number: number) => near.dropped(number) as undefined,
  });
  expose(face, gate(withoutRequests(inner, requests), FACE_METHODS));
  return {
    get watches() {
      return watches.size;
    },
    get streams() {
      return streams.size;
    },
    close(reason) {
      if (!open) return;
      open = false;
      requests.close();
      streams.close();
      watches.close();
      near.close();
      port.postMessage(goodbye(toPageErrorData(reason)));
      port.close();
    },
  };
}

/** `outcomeOf`, for a page. */
function outcomeForPage<T>(work: () => T): Outcome<T> {
  return outcomeOf(work, toPageErrorData);
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
function post(port: Endpoint, answer: Answer): void {
  try {
    port.postMessage(answer);
  } catch (error) {
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
