import { DiskCacheError } from '../protocol/error.ts';
import type { SubscribeOptions } from '../protocol/options.ts';
import type { StoreEvent } from '../protocol/wire.ts';
import { loadPart, rethrowLater, startWhenLoaded } from './on-demand.ts';
import type { PortConnection } from './port-connection.ts';
import type { RemoteSubscribeOptions } from './remote.ts';
import type { Updates } from './updates.ts';
import { toArgumentError, toWireArguments } from './wire-arguments.ts';

/**
 * Checks a listener and its options. Getters of the options may throw.
 *
 * @throws {DiskCacheError} `BAD_OPTION`, `BAD_KEY`
 */
export function parseListenerOptions(
  listener: unknown,
  options: RemoteSubscribeOptions = {},
): { readonly range: SubscribeOptions; readonly onError: (error: unknown) => void } {
  try {
    const { onError = rethrowLater, ...range } = options;
    if ([listener, onError].some((it) => typeof it !== 'function'))
      throw new DiskCacheError('BAD_OPTION', 'A listener must be a function');
    return { range: toWireArguments([range], ['range'])[0] as SubscribeOptions, onError };
  } catch (error) {
    throw toArgumentError(error);
  }
}

/**
 * The subscriptions and near caches of a page. Their code (updates.ts) is loaded with the first of either. Calls wait while it is loading,
 * so that a subscription made before a write receives the write's change.
 */
export class LazyUpdates {
  /** Undefined until the first subscription or near cache. */
  loaded: Updates | undefined;
  readonly #connect: () => Promise<unknown>;
  readonly #onLoaded: () => void;
  #loading: Promise<Updates> | undefined;
  #connection: PortConnection | undefined;
  #disconnects = 0;

  /** `onLoaded` is called when calls need not wait any longer. */
  constructor(connect: () => Promise<unknown>, onLoaded: () => void) {
    this.#connect = connect;
    this.#onLoaded = onLoaded;
  }

  get isLoading(): boolean {
    return this.#loading !== undefined;
  }

  /**
   * Subscribes to a store or queue. Returns an unsubscribe function.
   *
   * @throws {DiskCacheError} `BAD_OPTION`, `BAD_KEY`
   */
  subscribe(store: string, listener: (event: StoreEvent) => void, options?: RemoteSubscribeOptions): () => void {
    const { range, onError } = parseListenerOptions(listener, options);
    const before = this.#disconnects;
    return this.#startWhenLoaded(
      (updates) => updates.subscribe({ store, range, listener, onError }, this.#disconnects === before),
      onError,
    );
  }

  /** Iterates over the states of a store, from the first `next` on. */
  watch(...args: Parameters<Updates['watch']>): AsyncIterableIterator<unknown> {
    let loading: Promise<AsyncIterator<unknown>> | undefined;
    const call = async (method: 'next' | 'return'): Promise<IteratorResult<unknown>> => {
      loading ??= this.#load().then((updates) => updates.watch(...args));
      return (await loading)[method]!();
    };
    return {
      next: () => call('next'),
      return: () => call('return'),
      [Symbol.asyncIterator]() {
        return this;
      },
    };
  }

  /** Caches up to `bytes` of a store's values in the page. Returns a function that ends it. */
  openNearCache(store: string, bytes: number): () => void {
    return this.#startWhenLoaded((updates) => updates.openNearCache(store, bytes), rethrowLater);
  }

  /** Called with a new connection. */
  resume(connection: PortConnection): void {
    this.#connection = connection;
    this.loaded?.resume(connection);
  }

  /** Called when the connection was lost or closed. */
  interrupted(): void {
    this.#connection = undefined;
    this.loaded?.interrupted();
  }

  /** The page has closed its connection and doesn't want to reconnect by itself. */
  disconnected(): void {
    this.#disconnects++;
  }

  #startWhenLoaded(start: (updates: Updates) => () => void, onError: (error: unknown) => void): () => void {
    return this.loaded === undefined ? startWhenLoaded(this.#load(), start, onError) : start(this.loaded);
  }

  #load(): Promise<Updates> {
    if (this.loaded !== undefined) return Promise.resolve(this.loaded);
    if (this.#loading !== undefined) return this.#loading;
    const loading = loadPart('subscriptions', () => import('./updates.ts')).then((part) => {
      const updates = new part.Updates(this.#connect);
      this.loaded = updates;
      if (this.#connection !== undefined) updates.resume(this.#connection);
      return updates;
    });
    this.#loading = loading;
    // Waiting calls are sent in a later microtask than those in which everything starts that waits for this promise.
    const loaded = () => {
      this.#loading = undefined;
      this.#onLoaded();
    };
    loading.then(loaded, loaded);
    return loading;
  }
}
