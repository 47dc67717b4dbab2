import { DiskCacheError } from '../protocol/error.ts';
import { type Invalidation, isChangesMessage, isInvalidation } from '../protocol/notifications.ts';
import { ControlClient } from './control-client.ts';
import { NearCache } from './near-cache.ts';
import type { PortConnection } from './port-connection.ts';
import { type Subscription, Subscriptions } from './subscriptions.ts';
import { type WatchableStore, watch } from './watch.ts';

/** The subscriptions and near caches of a page, over successive connections. Loaded with the first of either. */
export class Updates {
  readonly #connect: () => Promise<unknown>;
  readonly #subscriptions: Subscriptions;
  /** By the name of the store. */
  readonly #nearCaches = new Map<string, NearCache>();
  #control: ControlClient | undefined;

  constructor(connect: () => Promise<unknown>) {
    this.#connect = connect;
    this.#subscriptions = new Subscriptions(connect);
  }

  /** Returns an unsubscribe function. With `mayConnect` it connects if there is no connection. */
  subscribe(subscription: Subscription, mayConnect: boolean): () => void {
    return this.#subscriptions.add(subscription, mayConnect);
  }

  /** Iterates over the states of a store: `watch` and `watchMany`. @throws {DiskCacheError} `BAD_OPTION` */
  watch(store: WatchableStore, method: string, args: readonly unknown[]): AsyncIterableIterator<unknown> {
    return watch(store, () => this.#control !== undefined, method, args);
  }

  nearCache(store: string): NearCache | undefined {
    return this.#nearCaches.get(store);
  }

  /** Caches up to `bytes` of a store's values in the page. Returns a function that ends it. */
  openNearCache(store: string, bytes: number): () => void {
    let isWarned = false;
    const near = new NearCache(
      bytes,
      () => this.#requestLease(store),
      (error) => {
        // A lost connection is opened again; a refusal by the main process is final.
        if (isWarned || !(error instanceof DiskCacheError) || error.code === 'DISCONNECTED') return;
        isWarned = true;
        console.warn(`deskcache: no near cache for store "${store}": ${error.message}`);
      },
    );
    this.#nearCaches.set(store, near);
    return () => {
      if (this.#nearCaches.get(store) !== near) return;
      this.#nearCaches.delete(store);
      this.#control?.notify('far', store);
    };
  }

  /** Called with a new connection. */
  resume(connection: PortConnection): void {
    this.#control = new ControlClient(connection);
    this.#subscriptions.resume(this.#control);
  }

  /** Called when the connection was lost or closed. */
  interrupted(): void {
    this.#control = undefined;
    for (const near of this.#nearCaches.values()) near.endLease();
    this.#subscriptions.interrupted();
  }

  /** Reconnects on behalf of the listeners, if the page is still there in a moment. */
  reconnect(): void {
    this.#subscriptions.reconnect();
  }

  receive(message: unknown): void {
    const control = this.#control;
    if (isChangesMessage(message)) {
      this.#subscriptions.dispatch(message.changes);
      control?.notify('seen', message.number);
    } else if (isInvalidation(message)) {
      this.#invalidate(message.changed);
      control?.notify('dropped', message.number);
    }
  }

  async #requestLease(store: string): Promise<boolean> {
    await this.#connect();
    if (this.#control === undefined)
      throw new DiskCacheError('DISCONNECTED', 'The connection to the main process was closed');
    return this.#control.requestLease(store);
  }

  #invalidate(changed: Invalidation['changed']): void {
    for (const [store, keys] of changed) {
      const near = this.#nearCaches.get(store);
      if (keys === undefined) near?.invalidate();
      else for (const key of keys) near?.invalidate(key);
    }
  }
}
