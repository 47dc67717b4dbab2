import type { MessagePortMain } from 'electron';
import { DiskCacheError } from '../../protocol/error.ts';
import { WINDOW_STORE } from '../../protocol/stores.ts';
import type { FindStore } from '../bridge/admit.ts';
import type { Grant } from '../bridge/grant.ts';
import { Lobby } from '../bridge/lobby.ts';
import { Principal, Principals } from '../bridge/principal.ts';
import { openSession } from '../bridge/session.ts';
import type { End, EngineWindow, PageEngine, PageRights, PageSession } from './page-engine.ts';
import { fromPortMain } from './port.ts';
import type { Keep, Windows } from './windows.ts';

/** Open stores that answer pages from this process, whichever it is. */
export class EngineHere implements PageEngine {
  readonly #find: FindStore;
  readonly #windows: Pick<Windows, 'attach'>;
  readonly #lobby = new Lobby();

  constructor(windows: Pick<Windows, 'attach'>, find: FindStore) {
    this.#windows = windows;
    this.#find = find;
  }

  attach(name: string, keep: Keep): EngineWindow {
    const own = this.#windows.attach(name, keep);
    const principals = new Principals();
    const withShard: FindStore = (store) => (store === WINDOW_STORE ? own.shard() : this.#find(store));
    return {
      openSession: (port, rights, onEnd) => {
        const { hasShard, origin, principal = principals.get(origin) } = rights;
        return this.#answer(port, rights.grant, hasShard ? withShard : this.#withoutShard, onEnd, principal);
      },
      release: () => own.release(),
    };
  }

  /** A session without a window. */
  openSession(
    port: MessagePortMain,
    { grant, principal = new Principal() }: PageRights,
    onEnd: (how: End) => void,
  ): PageSession {
    return this.#answer(port, grant, this.#withoutShard, onEnd, principal);
  }

  #answer(
    port: MessagePortMain,
    grant: Grant,
    find: FindStore,
    onEnd: (how: End) => void,
    principal: Principal,
  ): PageSession {
    const session = openSession(fromPortMain(port), grant, find, this.#lobby, principal);
    port.on('close', () => {
      session.close(new DiskCacheError('DISCONNECTED', 'The page closed its port'));
      onEnd('closed');
    });
    return session;
  }

  /** What a window keeps belongs to its top page; `'*'` in the grant of a subframe doesn't mean it. */
  readonly #withoutShard: FindStore = (name) => {
    if (name !== WINDOW_STORE) return this.#find(name);
    throw new DiskCacheError(
      'NOT_ALLOWED',
      `A subframe has the window's own shard when its grant names "${WINDOW_STORE}"`,
    );
  };
}
