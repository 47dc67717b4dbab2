import { rethrowLater } from '../../client/on-demand.ts';
import type { LazyHttpClient } from './lazy-http-client.ts';

/**
 * Whether the application can reach the network: the `NetworkState` of `host.offline` for the page's session, which all its windows share.
 * Every method rejects with a `DiskCacheError`: `NOT_ALLOWED` without the grant `@fetch` (`'read'` to read it, `'admin'` to set it) or
 * without `host.offline`, `DISCONNECTED`.
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
   * Calls `listener` for every change from now on, also after a restart of the main process. `onError` gets the error if no more changes
   * will come; without it, that is an uncaught error. Returns an unsubscribe function.
   */
  subscribe(
    listener: (online: boolean) => void,
    { onError = rethrowLater }: { onError?: (error: unknown) => void } = {},
  ): () => void {
    return this.#http.listen(listener, onError);
  }

  /** Makes requests fail at once, so that stored responses are served, for all windows of the session. */
  goOffline(): Promise<void> {
    return this.#http.use(({ connection }) => connection.goOffline());
  }

  goOnline(): Promise<void> {
    return this.#http.use(({ connection }) => connection.goOnline());
  }
}
