import type { MessagePortMain } from 'electron';
import { DiskCacheError } from '../../protocol/error.ts';
import { WINDOW_STORE } from '../../protocol/stores.ts';
import type { FindStore } from '../bridge/authorize.ts';
import type { EndpointListener, Port } from '../bridge/gate.ts';
import type { Grant } from '../bridge/grant.ts';
import { Principal, Principals } from '../bridge/principal.ts';
import { openSession, SharedSessionState } from '../bridge/session.ts';
import { readSnapshot, type SettingsSnapshot } from './settings-snapshot.ts';
import type { Lifetime, WindowShards } from './window-stores.ts';

export type { SettingsSnapshot };

/** Adapts Electron's main-process port to the interface that comlink expects. */
export function fromPortMain(port: MessagePortMain): Port {
  const wrappers = new Map<EndpointListener, EndpointListener>();
  return {
    postMessage: (message) => port.postMessage(message),
    addEventListener(type, listener) {
      if (type !== 'message') return;
      const wrapper: EndpointListener = ({ data }) => listener({ data });
      wrappers.set(listener, wrapper);
      port.on('message', wrapper);
    },
    removeEventListener(_type, listener) {
      const wrapper = wrappers.get(listener);
      if (wrapper) port.off('message', wrapper);
      wrappers.delete(listener);
    },
    start: () => port.start(),
    close: () => port.close(),
  };
}

/** Serves pages over their ports: the engine in this process, or the one in the utility process. */
export interface EngineEndpoint {
  /**
   * Registers a window, which holds its shard until it is released.
   *
   * @throws {DiskCacheError} `BAD_OPTION` for an unknown `lifetime`.
   */
  attach(name: string, lifetime: Lifetime): WindowEndpoint;
  /**
   * Reads all settings of a store, for a page that waits for them.
   *
   * @throws {DiskCacheError} `BAD_OPTION` for another kind of store; `NO_SUCH_STORE`; what reading throws.
   */
  readSettings(store: string): SettingsSnapshot | Promise<SettingsSnapshot>;
}

/** Opens sessions for the pages of one window. */
export interface SessionOpener {
  /** Opens a session, which owns the port from now on. `onEnd` is called when the session ends by itself. */
  openSession(port: MessagePortMain, rights: SessionRights, onEnd: (reason: EndReason) => void): ClosableSession;
}

/** An attached window, as the engine sees it. */
export interface WindowEndpoint extends SessionOpener {
  release(): void;
}

/** What a page may access. */
export interface SessionRights {
  readonly grant: Grant;
  /** Whether the page may also use the window's own shard. */
  readonly hasShard: boolean;
  /** Pages of one origin in one window share limits over all their connections. */
  readonly origin?: string | undefined;
  /** Their usage; an engine in another process counts for itself. */
  readonly principal?: Principal | undefined;
}

/** `closed`: the page closed its port. `died`: the engine died, and the page got no message. */
export type EndReason = 'closed' | 'died';

export interface ClosableSession {
  /** Sends the page the reason and closes the port. Idempotent. */
  close(reason: DiskCacheError): void;
}

/** Serves pages from stores that are open in the same process. */
export class LocalEngine implements EngineEndpoint {
  readonly #findStore: FindStore;
  readonly #windows: Pick<WindowShards, 'attach'>;
  readonly #shared = new SharedSessionState();

  constructor(windows: Pick<WindowShards, 'attach'>, find: FindStore) {
    this.#windows = windows;
    this.#findStore = find;
  }

  attach(name: string, lifetime: Lifetime): WindowEndpoint {
    const shard = this.#windows.attach(name, lifetime);
    const principals = new Principals(name);
    const withShard: FindStore = (store) => (store === WINDOW_STORE ? shard.open() : this.#findStore(store));
    return {
      openSession: (port, rights, onEnd) => {
        const { hasShard, origin, principal = principals.get(origin) } = rights;
        return this.#openSession(port, rights.grant, hasShard ? withShard : this.#findWithoutShard, onEnd, principal);
      },
      release: () => shard.release(),
    };
  }

  readSettings(store: string): SettingsSnapshot {
    return readSnapshot(store, this.#findStore(store));
  }

  /** Opens a session without a window. */
  openSession(
    port: MessagePortMain,
    { grant, principal = new Principal() }: SessionRights,
    onEnd: (reason: EndReason) => void,
  ): ClosableSession {
    return this.#openSession(port, grant, this.#findWithoutShard, onEnd, principal);
  }

  #openSession(
    port: MessagePortMain,
    grant: Grant,
    find: FindStore,
    onEnd: (reason: EndReason) => void,
    principal: Principal,
  ): ClosableSession {
    const session = openSession(fromPortMain(port), grant, find, this.#shared, principal);
    port.on('close', () => {
      session.close(new DiskCacheError('DISCONNECTED', 'The page closed its port'));
      onEnd('closed');
    });
    return session;
  }

  /** A window's shard belongs to its top page; `'*'` in the grant of a subframe doesn't include it. */
  readonly #findWithoutShard: FindStore = (name) => {
    if (name !== WINDOW_STORE) return this.#findStore(name);
    throw new DiskCacheError(
      'NOT_ALLOWED',
      `A subframe can use the window's own shard only if its grant names "${WINDOW_STORE}"`,
    );
  };
}
