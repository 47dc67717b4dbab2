import type { Session, WebContents } from 'electron';
import { DiskCacheError } from '../../protocol/error.ts';
import type { Grant } from '../bridge/grant.ts';
import { type Attachment, attach } from './attach.ts';
import type { PageAnswering, PageEngine } from './page-engine.ts';
import type { Authorize } from './sender.ts';
import type { Keep } from './windows.ts';

export interface AttachOptions {
  /**
   * Stays the same between runs: the window's own shard is found by it. Windows of one name share it. Default: `window-1`,
   * `window-2`, …, the lowest number no open window has.
   */
  readonly name?: string;
  /** How long the window's own shard is kept. Default `'forever'`. */
  readonly keep?: Keep;
}

/** A window that is attached, and the way to end that. */
interface Attached extends Attachment {
  readonly name: string;
}

/**
 * The windows whose pages may connect. Invariant: a window is attached at most once, and has left when it was closed, with all
 * that it held.
 */
export class AttachedWindows {
  readonly #authorize: Authorize;
  readonly #engine: PageEngine;
  readonly #offlineOf: (session: Session) => PageAnswering;
  readonly #open = new Map<WebContents, Attached>();

  /** `offlineOf`: what answers the pages of a session about HTTP. */
  constructor(authorize: Authorize, engine: PageEngine, offlineOf: (session: Session) => PageAnswering) {
    this.#authorize = authorize;
    this.#engine = engine;
    this.#offlineOf = offlineOf;
  }

  /**
   * A window that is attached already gets another name; its pages connect anew. Answers the way out.
   *
   * @throws {DiskCacheError} `BAD_OPTION` for a name that is none, and what attaching to the engine throws.
   */
  attach(
    contents: WebContents,
    { name = this.#open.get(contents)?.name ?? this.freeName(), keep = 'forever' }: AttachOptions = {},
  ): (why: string) => void {
    if (typeof name !== 'string' || name === '') {
      throw new DiskCacheError(
        'BAD_OPTION',
        `name is ${JSON.stringify(name)}; a window is attached under a name of its own`,
      );
    }
    const own = this.#engine.attach(name, keep);
    this.#open.get(contents)?.detach(disconnected(`The window is called "${name}" now`));
    const attachment = attach(contents, name, this.#authorize, own, this.#offlineOf(contents.session));
    const attached: Attached = {
      name,
      get sessions() {
        return attachment.sessions;
      },
      grantsOf: attachment.grantsOf,
      detach: (reason) => {
        contents.off('destroyed', onDestroyed);
        this.#open.delete(contents);
        attachment.detach(reason);
        own.release();
      },
    };
    const onDestroyed = () => attached.detach(disconnected('The window was closed'));
    contents.on('destroyed', onDestroyed);
    this.#open.set(contents, attached);
    return (why) => {
      if (this.#open.get(contents) === attached) attached.detach(disconnected(why));
    };
  }

  has(contents: WebContents): boolean {
    return this.#open.has(contents);
  }

  /** The lowest number no open window has, as a name: windows opened in the same order have the same names in the next run. */
  freeName(): string {
    const taken = new Set([...this.#open.values()].map(({ name }) => name));
    for (let number = 1; ; number++) if (!taken.has(`window-${number}`)) return `window-${number}`;
  }

  /** Pages connected at this moment. */
  get sessions(): number {
    return [...this.#open.values()].reduce((sum, { sessions }) => sum + sessions, 0);
  }

  /** What the documents of an origin are granted that windows of a session show now. */
  grantsOf(origin: string, session: Session): readonly Grant[] {
    return [...this.#open.values()].flatMap((attached) => attached.grantsOf(origin, session));
  }

  close(why: string): void {
    for (const attached of [...this.#open.values()]) attached.detach(disconnected(why));
  }
}

const disconnected = (why: string) => new DiskCacheError('DISCONNECTED', why);
