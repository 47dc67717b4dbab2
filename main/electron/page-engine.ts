import type { MessagePortMain } from 'electron';
import type { DiskCacheError } from '../../protocol/error.ts';
import type { Grant } from '../bridge/grant.ts';
import type { Principal } from '../bridge/principal.ts';
import type { Keep } from './windows.ts';

/** Whoever answers pages over their ports: the engine in this process, or that of the utility process. */
export interface PageEngine {
  /**
   * A window is there, and holds its shard until it is released.
   *
   * @throws {DiskCacheError} `BAD_OPTION` for another `keep` than there is.
   */
  attach(name: string, keep: Keep): EngineWindow;
}

/** Whoever answers the pages of one window. */
export interface PageAnswering {
  /** The port is theirs from now on. `onEnd` is told when the session has ended by itself. */
  openSession(port: MessagePortMain, rights: PageRights, onEnd: (how: End) => void): PageSession;
}

/** One attached window, as the engine knows it. */
export interface EngineWindow extends PageAnswering {
  release(): void;
}

/** What one page may use. */
export interface PageRights {
  readonly grant: Grant;
  /** Whether it has what the window keeps for itself, too. */
  readonly hasShard: boolean;
  /** Pages of one origin in one window share what is limited, over all their connections. */
  readonly origin?: string | undefined;
  /** What they have used; an engine in another process keeps its own account. */
  readonly principal?: Principal | undefined;
}

/** The page closed its port; or the engine has died, and nobody told the page. */
export type End = 'closed' | 'died';

export interface PageSession {
  /** Tells the page why and closes the port. Idempotent. */
  close(reason: DiskCacheError): void;
}
