import type { NearCache } from './near-cache.ts';
import { loadPart, rethrowLater, startWhenLoaded } from './on-demand.ts';
import type { PortConnection } from './port-connection.ts';
import type { Subscription } from './subscriptions.ts';
import type { Updates } from './updates.ts';

/**
 * The subscriptions of a page and its near stores. Their code (listening.ts) is loaded with the first of either. Calls wait while it
 * is loading, so that a subscription made before a write hears of the write.
 */
export class LazyUpdates {
  readonly #connect: () => Promise<unknown>;
  readonly #onLoaded: () => void;
  #loading: Promise<Updates> | undefined;
  #loaded: Updates | undefined;
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

  /** Returns an unsubscribe function. */
  subscribe(subscription: Subscription): () => void {
    const before = this.#disconnects;
    return this.#startWhenLoaded(
      (listeners) => listeners.subscribe(subscription, this.#disconnects === before),
      subscription.onError,
    );
  }

  /** Keeps up to `bytes` of a store's values near. Returns a function that ends it. */
  openNearCache(store: string, bytes: number): () => void {
    return this.#startWhenLoaded((listeners) => listeners.openNearCache(store, bytes), rethrowLater);
  }

  /** What is kept near of a store, if anything is. */
  nearCache(store: string): NearCache | undefined {
    return this.#loaded?.nearCache(store);
  }

  /** A new line. */
  resume(line: PortConnection): void {
    this.#connection = line;
    this.#loaded?.resume(line);
  }

  /** The line was cut or given up. */
  interrupted(): void {
    this.#connection = undefined;
    this.#loaded?.interrupted();
  }

  /** The page has closed its connection and doesn't want to reconnect by itself. */
  disconnected(): void {
    this.#disconnects++;
  }

  /** Reconnects on behalf of the listeners, if the page is still there in a moment. */
  reconnect(): void {
    this.#loaded?.reconnect();
  }

  receive(message: unknown): void {
    this.#loaded?.receive(message);
  }

  #startWhenLoaded(start: (listeners: Updates) => () => void, onError: (error: unknown) => void): () => void {
    return this.#loaded === undefined ? startWhenLoaded(this.#load(), start, onError) : start(this.#loaded);
  }

  #load(): Promise<Updates> {
    if (this.#loading !== undefined) return this.#loading;
    const loading = loadPart('subscriptions', () => import('./updates.ts')).then((part) => {
      const listeners = new part.Updates(this.#connect);
      this.#loaded = listeners;
      if (this.#connection !== undefined) listeners.resume(this.#connection);
      return listeners;
    });
    this.#loading = loading;
    // What waits is sent in a later microtask than those in which everything begins that waits for this promise.
    const loaded = () => {
      this.#loading = undefined;
      this.#onLoaded();
    };
    loading.then(loaded, loaded);
    return loading;
  }
}
