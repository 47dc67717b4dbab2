import { rethrowLater } from '../../client/on-demand.ts';
import { Reconnector } from '../../client/reconnect.ts';
import { DiskCacheError } from '../../protocol/error.ts';
import type { HttpConnection } from './http-connection.ts';

type OnlineListener = (online: boolean) => void;

interface Subscriber {
  readonly listener: OnlineListener;
  readonly onError: (error: unknown) => void;
}

/** Does the work of `RemoteConnection`, over successive connections. */
export class NetworkStateClient {
  readonly #getConnection: () => Promise<HttpConnection>;
  readonly #reconnector: Reconnector;
  readonly #subscribers = new Set<Subscriber>();
  #connection: HttpConnection | undefined;
  /** The state that was reported last. */
  #lastReported: boolean | undefined;

  constructor(getConnection: () => Promise<HttpConnection>) {
    this.#getConnection = getConnection;
    this.#reconnector = new Reconnector({
      connect: getConnection,
      isWanted: () => this.#connection === undefined && this.#subscribers.size > 0,
      onFailure: (error) => this.#fail(error),
    });
  }

  get online(): Promise<boolean> {
    return this.#getConnection().then((connection) => connection.request('connection', null));
  }

  /**
   * Calls `listener` for every change from now on, and `onError` if no more will come. Without `mayConnect` it waits for the next
   * connection. Returns an unsubscribe function.
   */
  subscribe(listener: OnlineListener, onError: Subscriber['onError'], mayConnect: boolean): () => void {
    if (typeof listener !== 'function') {
      onError(new DiskCacheError('BAD_OPTION', 'subscribe takes a function'));
      return () => {};
    }
    const subscriber: Subscriber = { listener, onError };
    this.#subscribers.add(subscriber);
    if (this.#connection !== undefined) this.#requestState(this.#connection);
    else if (mayConnect) this.#reconnector.connectNow();
    return () => void this.#subscribers.delete(subscriber);
  }

  /** Makes requests fail at once, so that stored responses are served, for all windows of the session. */
  goOffline(): Promise<void> {
    return this.#set(false);
  }

  goOnline(): Promise<void> {
    return this.#set(true);
  }

  /** @internal Takes over the state that the main process reports. */
  report(online: boolean): void {
    const known = this.#lastReported;
    this.#lastReported = online;
    if (known === undefined || known === online) return;
    for (const { listener } of [...this.#subscribers]) {
      try {
        listener(online);
      } catch (error) {
        // As with an event target, the error of a listener is reported as uncaught and doesn't affect the others.
        rethrowLater(error);
      }
    }
  }

  /** @internal Takes over a new connection. */
  resume(connection: HttpConnection): void {
    this.#connection = connection;
    if (this.#subscribers.size > 0) this.#requestState(connection);
  }

  /** @internal The connection was lost or closed. */
  interrupted(): void {
    this.#connection = undefined;
    this.#reconnector.cancel();
    if (this.#subscribers.size === 0) this.#lastReported = undefined;
  }

  /** @internal Reconnects for the listeners after a moment, if the page still exists then. */
  reconnect(): void {
    this.#reconnector.connectLater();
  }

  async #set(online: boolean): Promise<void> {
    await (await this.#getConnection()).request('setOnline', online);
  }

  /** The state arrives by `report`, in order with all changes. */
  #requestState(connection: HttpConnection): void {
    connection.request('connection', null).catch((error: unknown) => {
      if (this.#connection === connection) this.#fail(error);
    });
  }

  #fail(error: unknown): void {
    for (const subscriber of [...this.#subscribers]) {
      this.#subscribers.delete(subscriber);
      subscriber.onError(error);
    }
  }
}
