import type { Line } from './line.ts';
import type { LoadedListeners } from './loaded-listeners.ts';
import type { NearStore } from './near-store.ts';
import { loadPart, rethrowLater } from './on-demand.ts';
import type { Subscription } from './subscriptions.ts';

/**
 * What a page listens to and what it keeps near (loaded-listeners.ts), of which the code is loaded with the first of either. Whoever makes
 * calls waits for it while it is loaded: what was subscribed before a write hears of the write.
 */
export class Listeners {
  readonly #connect: () => Promise<unknown>;
  readonly #onLoaded: () => void;
  #loading: Promise<LoadedListeners> | undefined;
  #loaded: LoadedListeners | undefined;
  #line: Line | undefined;
  #disconnects = 0;

  /** `onLoaded` hears that nothing has to wait any more. */
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

  /** Keeps values of a store near, at most so many bytes of them. Returns a function that ends it. */
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

  /** The page has given its line up, and wants no other by itself. */
  disconnected(): void {
    this.#disconnects++;
  }

  /** Whoever listens gets a line again, if the page is still there in a moment. */
  reconnect(): void {
    this.#loaded?.reconnect();
  }

  receive(message: unknown): void {
    this.#loaded?.receive(message);
  }

  #begin(start: (listeners: LoadedListeners) => () => void, onError: (error: unknown) => void): () => void {
    if (this.#loaded !== undefined) return start(this.#loaded);
    let isStopped = false;
    let stop: (() => void) | undefined;
    this.#load().then((listeners) => {
      if (!isStopped) stop = start(listeners);
    }, onError);
    return () => {
      isStopped = true;
      stop?.();
    };
  }

  #load(): Promise<LoadedListeners> {
    if (this.#loading !== undefined) return this.#loading;
    const loading = loadPart('subscriptions', () => import('./loaded-listeners.ts')).then((part) => {
      const listeners = new part.LoadedListeners(this.#connect);
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
