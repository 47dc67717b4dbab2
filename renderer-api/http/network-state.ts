import { rethrowLater } from '../../client/on-demand.ts';
import { Reconnector } from '../../client/reconnect.ts';
import { DiskCacheError } from '../../protocol/error.ts';
import type { HttpConnection } from './http-connection.ts';

type OnlineListener = (online: boolean) => void;

interface Subscriber {
  readonly listener: OnlineListener;
  readonly onError: (error: unknown) => void;
}

/** What `RemoteConnection` does, over successive lines. */
export class NetworkStateClient {
  readonly #getConnection: () => Promise<HttpConnection>;
  readonly #reconnector: Reconnector;
  readonly #subscribers = new Set<Subscriber>();
  #connection: HttpConnection | undefined;
  /** The state that the listeners know. */
  #lastReported: boolean | undefined;

  constructor(connected: () => Promise<HttpConnection>) {
    this.#getConnection = connected;
    this.#reconnector = new Reconnector({
      connect: connected,
      isWanted: () => this.#connection === undefined && this.#subscribers.size > 0,
      onFailure: (error) => this.#fail(error),
    });
  }

  get online(): Promise<boolean> {
    return this.#getConnection().then((line) => line.request('connection', null));
  }

  /**
   * Calls `listener` for every change from now on, and `onError` if there will be no more. Without `mayConnect` it waits for the
   * next line. Returns an unsubscribe function.
   */
  subscribe(listener: OnlineListener, onError: Subscriber['onError'], mayConnect: boolean): () => void {
    if (typeof listener !== 'function') {
      onError(new DiskCacheError('BAD_OPTION', 'subscribe takes a function'));
      return () => {};
    }
    const hearing: Subscriber = { listener, onError };
    this.#subscribers.add(hearing);
    if (this.#connection !== undefined) this.#requestState(this.#connection);
    else if (mayConnect) this.#reconnector.connectNow();
    return () => void this.#subscribers.delete(hearing);
  }

  /** Requests fail at once, and what is stored stands in, for all windows of the session. */
  goOffline(): Promise<void> {
    return this.#set(false);
  }

  goOnline(): Promise<void> {
    return this.#set(true);
  }

  /** @internal The state, as the main process reports it. */
  report(online: boolean): void {
    const known = this.#lastReported;
    this.#lastReported = online;
    if (known === undefined || known === online) return;
    for (const { listener } of [...this.#subscribers]) {
      try {
        listener(online);
      } catch (error) {
        // As with an event target: a listener's failure is its own and reported as uncaught.
        rethrowLater(error);
      }
    }
  }

  /** @internal A new line. */
  resume(line: HttpConnection): void {
    this.#connection = line;
    if (this.#subscribers.size > 0) this.#requestState(line);
  }

  /** @internal The line was cut or given up. */
  interrupted(): void {
    this.#connection = undefined;
    this.#reconnector.cancel();
    if (this.#subscribers.size === 0) this.#lastReported = undefined;
  }

  /** @internal Reconnects on behalf of the listeners, if the page is still there in a moment. */
  reconnect(): void {
    this.#reconnector.connectLater();
  }

  async #set(online: boolean): Promise<void> {
    await (await this.#getConnection()).request('setOnline', online);
  }

  /** The answer comes as news, in order with all others. */
  #requestState(line: HttpConnection): void {
    line.request('connection', null).catch((error: unknown) => {
      if (this.#connection === line) this.#fail(error);
    });
  }

  #fail(error: unknown): void {
    for (const hearing of [...this.#subscribers]) {
      this.#subscribers.delete(hearing);
      hearing.onError(error);
    }
  }
}
