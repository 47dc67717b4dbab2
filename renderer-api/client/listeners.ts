import type { Line } from './line.ts';
import type { Listening } from './listening.ts';
import type { NearStore } from './near-store.ts';
import { loadPart, rethrowLater, startWhenLoaded } from './on-demand.ts';
import type { Subscription } from './subscriptions.ts';

/**
 * The subscriptions of a page and its near stores. Their code (listening.ts) is loaded with the first of either. Calls wait while it
 * is loading, so that a subscription made before a write hears of the write.
 */
export class Listeners {
  readonly #connect: () => Promise<unknown>;
  readonly #onLoaded: () => void;
  #loading: Promise<Listening> | undefined;
  #loaded: Listening | undefined;
  #line: Line | undefined;
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
    return this.#begin(
      (listeners) => listeners.subscribe(subscription, this.#disconnects === before),
      subscription.onError,
    );
  }

  /** Keeps up to `bytes` of a store's values near. Returns a function that ends it. */
  keepNear(store: string, bytes: number): () => void {
    return this.#begin((listeners) => listeners.keepNear(store, bytes), rethrowLater);
  }

  /** What is kept near of a store, if anything is. */
  near(store: string): NearStore | undefined {
    return this.#loaded?.near(store);
  }

  /** A new line. */
  resume(line: Line): void {
    this.#line = line;
    this.#loaded?.resume(line);
  }

  /** The line was cut or given up. */
  interrupted(): void {
    this.#line = undefined;
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

  #begin(start: (listeners: Listening) => () => void, onError: (error: unknown) => void): () => void {
    return this.#loaded === undefined ? startWhenLoaded(this.#load(), start, onError) : start(this.#loaded);
  }

  #load(): Promise<Listening> {
    if (this.#loading !== undefined) return this.#loading;
    const loading = loadPart('subscriptions', () => import('./listening.ts')).then((part) => {
      const listeners = new part.Listening(this.#connect);
      this.#loaded = listeners;
      if (this.#line !== undefined) listeners.resume(this.#line);
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
