import { isChanges } from '../../protocol/changes.ts';
import { DiskCacheError } from '../../protocol/error.ts';
import { isStale, type Stale } from '../../protocol/near.ts';
import type { Line } from './line.ts';
import { LineFace } from './line-face.ts';
import { NearStore } from './near-store.ts';
import { type Subscription, Subscriptions } from './subscriptions.ts';

/** The subscriptions of a page and its near stores, over successive lines. Loaded with the first of either. */
export class Listening {
  readonly #connect: () => Promise<unknown>;
  readonly #subscriptions: Subscriptions;
  /** By the name of the store. */
  readonly #near = new Map<string, NearStore>();
  #face: LineFace | undefined;

  constructor(connect: () => Promise<unknown>) {
    this.#connect = connect;
    this.#subscriptions = new Subscriptions(connect);
  }

  /** Returns an unsubscribe function. With `mayConnect` it connects if there is no line. */
  subscribe(subscription: Subscription, mayConnect: boolean): () => void {
    return this.#subscriptions.add(subscription, mayConnect);
  }

  near(store: string): NearStore | undefined {
    return this.#near.get(store);
  }

  /** Keeps up to `bytes` of a store's values near. Returns a function that ends it. */
  keepNear(store: string, bytes: number): () => void {
    let isWarned = false;
    const near = new NearStore(
      bytes,
      () => this.#askForLease(store),
      (error) => {
        // A lost connection is opened again; a refusal by the main process is final.
        if (isWarned || !(error instanceof DiskCacheError) || error.code === 'DISCONNECTED') return;
        isWarned = true;
        console.warn(`deskcache: nothing of store "${store}" is kept near: ${error.message}`);
      },
    );
    this.#near.set(store, near);
    return () => {
      if (this.#near.get(store) !== near) return;
      this.#near.delete(store);
      this.#face?.far(store);
    };
  }

  /** A new line. */
  resume(line: Line): void {
    this.#face = new LineFace(line);
    this.#subscriptions.resume(this.#face);
  }

  /** The line was cut or given up. */
  interrupted(): void {
    this.#face = undefined;
    for (const near of this.#near.values()) near.end();
    this.#subscriptions.interrupted();
  }

  /** Reconnects on behalf of the listeners, if the page is still there in a moment. */
  reconnect(): void {
    this.#subscriptions.reconnect();
  }

  receive(message: unknown): void {
    const face = this.#face;
    if (isChanges(message)) {
      this.#subscriptions.tell(message.changes);
      face?.seen(message.number);
    } else if (isStale(message)) {
      this.#drop(message.changed);
      face?.dropped(message.number);
    }
  }

  async #askForLease(store: string): Promise<boolean> {
    await this.#connect();
    if (this.#face === undefined) throw new DiskCacheError('DISCONNECTED', 'The line to the main process was closed');
    return this.#face.near(store);
  }

  #drop(changed: Stale['changed']): void {
    for (const [store, keys] of changed) {
      const near = this.#near.get(store);
      if (keys === undefined) near?.drop();
      else for (const key of keys) near?.drop(key);
    }
  }
}
