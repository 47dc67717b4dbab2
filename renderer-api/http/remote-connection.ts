import { rethrowLater } from '../../client/on-demand.ts';
import type { LazyHttpClient } from './lazy-http-client.ts';

/**
 * Whether the application has a way to the network: the `Connection` of `host.offline` of the page's session, which all its windows
 * share. Every method rejects with a `DiskCacheError`: `NOT_ALLOWED` without the grant `@fetch` (`'read'` to know, `'admin'` to
 * switch) or without `host.offline`, `DISCONNECTED`.
 */
export class RemoteConnection {
  readonly #http: LazyHttpClient;

  constructor(http: LazyHttpClient) {
    this.#http = http;
  }

  get online(): Promise<boolean> {
    return this.#http.use(({ connection }) => connection.online);
  }

  /**
   * Tells `listener` of every change from now on, whoever made it, also after the main process was restarted; `onError` hears why
   * there will be no more, and without it that is an uncaught error. Returns an unsubscribe function.
   */
  subscribe(
    listener: (online: boolean) => void,
    { onError = rethrowLater }: { onError?: (error: unknown) => void } = {},
  ): () => void {
    return this.#http.listen(listener, onError);
  }

  /** Requests fail at once, and what is stored stands in, for all windows of the session. */
  goOffline(): Promise<void> {
    return this.#http.use(({ connection }) => connection.goOffline());
  }

  goOnline(): Promise<void> {
    return this.#http.use(({ connection }) => connection.goOnline());
  }
}
