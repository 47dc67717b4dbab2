import type { MessagePortMain } from 'electron';
import { DiskCacheError } from '../../protocol/error.ts';
import { WINDOW_STORE } from '../../protocol/stores.ts';
import type { FindStore } from '../bridge/authorize.ts';
import type { EndpointListener, Port } from '../bridge/gate.ts';
import type { Grant } from '../bridge/grant.ts';
import { Principal, Principals } from '../bridge/principal.ts';
import { openSession, SharedSessionState } from '../bridge/session.ts';
import type { Lifetime, WindowShards } from './window-stores.ts';

/** Electron's main-process port, in the shape comlink knows. */
export function fromPortMain(port: MessagePortMain): Port {
  const wrappers = new Map<EndpointListener, EndpointListener>();
  return {
    postMessage: (message) => port.postMessage(message),
    addEventListener(type, listener) {
      if (type !== 'message') return;
      const received: EndpointListener = ({ data }) => listener({ data });
      wrappers.set(listener, received);
      port.on('message', received);
    },
    removeEventListener(_type, listener) {
      const received = wrappers.get(listener);
      if (received) port.off('message', received);
      wrappers.delete(listener);
    },
    start: () => port.start(),
    close: () => port.close(),
  };
}

/** Whoever answers pages over their ports: the engine in this process, or that of the utility process. */
export interface EngineEndpoint {
  /**
   * A window is there, and holds its shard until it is released.
   *
   * @throws {DiskCacheError} `BAD_OPTION` for another `keep` than there is.
   */
  attach(name: string, keep: Lifetime): WindowEndpoint;
}

/** Whoever answers the pages of one window. */
export interface SessionOpener {
  /** The port is theirs from now on. `onEnd` is told when the session has ended by itself. */
  openSession(port: MessagePortMain, rights: SessionRights, onEnd: (how: EndReason) => void): ClosableSession;
}

/** One attached window, as the engine knows it. */
export interface WindowEndpoint extends SessionOpener {
  release(): void;
}

/** What one page may use. */
export interface SessionRights {
  readonly grant: Grant;
  /** Whether it has what the window keeps for itself, too. */
  readonly hasShard: boolean;
  /** Pages of one origin in one window share what is limited, over all their connections. */
  readonly origin?: string | undefined;
  /** What they have used; an engine in another process keeps its own account. */
  readonly principal?: Principal | undefined;
}

/** The page closed its port; or the engine has died, and nobody told the page. */
export type EndReason = 'closed' | 'died';

export interface ClosableSession {
  /** Tells the page why and closes the port. Idempotent. */
  close(reason: DiskCacheError): void;
}

/** Open stores that answer pages from this process, whichever it is. */
export class LocalEngine implements EngineEndpoint {
  readonly #findStore: FindStore;
  readonly #windows: Pick<WindowShards, 'attach'>;
  readonly #shared = new SharedSessionState();

  constructor(windows: Pick<WindowShards, 'attach'>, find: FindStore) {
    this.#windows = windows;
    this.#findStore = find;
  }

  attach(name: string, keep: Lifetime): WindowEndpoint {
    const own = this.#windows.attach(name, keep);
    const principals = new Principals();
    const withShard: FindStore = (store) => (store === WINDOW_STORE ? own.open() : this.#findStore(store));
    return {
      openSession: (port, rights, onEnd) => {
        const { hasShard, origin, principal = principals.get(origin) } = rights;
        return this.#openSession(port, rights.grant, hasShard ? withShard : this.#findWithoutShard, onEnd, principal);
      },
      release: () => own.release(),
    };
  }

  /** A session without a window. */
  openSession(
    port: MessagePortMain,
    { grant, principal = new Principal() }: SessionRights,
    onEnd: (how: EndReason) => void,
  ): ClosableSession {
    return this.#openSession(port, grant, this.#findWithoutShard, onEnd, principal);
  }

  #openSession(
    port: MessagePortMain,
    grant: Grant,
    find: FindStore,
    onEnd: (how: EndReason) => void,
    principal: Principal,
  ): ClosableSession {
    const session = openSession(fromPortMain(port), grant, find, this.#shared, principal);
    port.on('close', () => {
      session.close(new DiskCacheError('DISCONNECTED', 'The page closed its port'));
      onEnd('closed');
    });
    return session;
  }

  /** What a window keeps belongs to its top page; `'*'` in the grant of a subframe doesn't mean it. */
  readonly #findWithoutShard: FindStore = (name) => {
    if (name !== WINDOW_STORE) return this.#findStore(name);
    throw new DiskCacheError(
      'NOT_ALLOWED',
      `A subframe has the window's own shard when its grant names "${WINDOW_STORE}"`,
    );
  };
}
