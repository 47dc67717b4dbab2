import { shownValue } from '../../protocol/fault.ts';
import { DiskCacheError } from '../engine/index.ts';
import { asListener, demandFunction } from '../engine/internal.ts';

type Listener = (online: boolean) => void;

/**
 * Whether there is a way to the network, as somebody says who knows: Electron's `net.isOnline()`, the `online` events of a page, a
 * switch in the menu. Offline, requests fail at once instead of after a time-out, and what is stored stands in.
 */
export class Connection {
  #online: boolean;
  readonly #listeners = new Set<Listener>();

  /** @throws {DiskCacheError} `BAD_OPTION` for what is neither true nor false. */
  constructor(online = true) {
    this.#online = parseOnline(online);
  }

  /** For whoever asks now and then, such as `queue.process`. */
  readonly isOnline = (): boolean => this.#online;

  /**
   * Says how it is; tells the listeners when that is new.
   *
   * @throws {DiskCacheError} `BAD_OPTION` for what is neither true nor false: nothing is changed.
   */
  set(online: boolean): void {
    if (parseOnline(online) === this.#online) return;
    this.#online = online;
    for (const listener of [...this.#listeners]) listener(online);
  }

  /** Tells of every change from now on; answers the way out. */
  subscribe(listener: Listener): () => void {
    demandFunction(listener, 'a listener');
    const own = asListener(listener, 'the connection');
    this.#listeners.add(own);
    return () => void this.#listeners.delete(own);
  }

  /** The same way to the origin, closed while offline: it rejects with a `TypeError`, as `fetch` does without a network. */
  guard(fetch: (request: Request) => Promise<Response>): (request: Request) => Promise<Response> {
    return async (request) => {
      if (!this.#online) throw new TypeError(`Offline: ${request.method} ${request.url} was not sent`);
      return fetch(request);
    };
  }
}

/** Texts such as 'no' would all stand for true. */
function parseOnline(online: unknown): boolean {
  if (typeof online === 'boolean') return online;
  throw new DiskCacheError('BAD_OPTION', `A connection is set to true or false, not to ${shownValue(online, "'")}`);
}
