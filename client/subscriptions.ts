import type { SubscribeOptions } from '../protocol/options.ts';
import { toQueueAddress } from '../protocol/stores.ts';
import type { ChangeOrReset, ChangesMessage, StoreEvent } from '../protocol/wire.ts';
import type { ControlClient } from './control-client.ts';
import { rethrowLater } from './on-demand.ts';
import { Reconnector } from './reconnect.ts';
import { SubscriptionValues } from './subscription-values.ts';

/** Receives changes in order; `reset` means that some were lost. */
export type UpdateListener = (change: ChangeOrReset) => void;

export interface Subscription {
  readonly store: string;
  readonly range: SubscribeOptions;
  readonly listener: (event: StoreEvent) => void;
  readonly onError: (error: unknown) => void;
}

interface ActiveSubscription extends Subscription {
  /** Undefined if its changes carry no values. */
  readonly values: SubscriptionValues | undefined;
}

/**
 * The subscriptions of a page. They outlive a connection: the next one subscribes again, and each listener receives `reset`, because the
 * changes in between are unknown.
 *
 * Invariant: a subscription receives every change, or `reset`, or its `onError` is called and it has ended.
 */
export class Subscriptions {
  readonly #reconnector: Reconnector;
  readonly #byId = new Map<number, ActiveSubscription>();
  #control: ControlClient | undefined;
  #lastId = 0;
  #wasInterrupted = false;

  constructor(connect: () => Promise<unknown>) {
    this.#reconnector = new Reconnector({
      connect,
      isWanted: () => this.#control === undefined && this.#byId.size > 0,
      onFailure: (error) => {
        for (const id of [...this.#byId.keys()]) this.#fail(id, error);
      },
    });
  }

  /** Returns an unsubscribe function. Without `mayConnect` the subscription waits for the next connection. */
  add(subscription: Subscription, mayConnect: boolean): () => void {
    const id = ++this.#lastId;
    const values = subscription.range.values ? new SubscriptionValues(subscription.range) : undefined;
    this.#byId.set(id, { ...subscription, values });
    if (this.#control !== undefined) this.#start(this.#control, id, subscription);
    else if (mayConnect) this.#reconnector.connectNow();
    return () => {
      if (this.#byId.delete(id)) this.#control?.notify('unwatch', id);
    };
  }

  /** After a reconnect: subscribes again for every listener. */
  resume(connection: ControlClient): void {
    this.#control = connection;
    for (const [id, subscription] of this.#byId) {
      this.#start(connection, id, subscription);
      if (this.#wasInterrupted) notify(subscription, RESET);
    }
    this.#wasInterrupted = false;
  }

  /** Called when the connection was lost or closed; the next one subscribes again. */
  interrupted(): void {
    this.#control = undefined;
    this.#wasInterrupted = true;
    this.#reconnector.cancel();
  }

  /** Reconnects on behalf of the listeners, which make no calls that would, if the page is still there in a moment. */
  reconnect(): void {
    this.#reconnector.connectLater();
  }

  dispatch(changes: ChangesMessage['changes']): void {
    for (const [id, events] of changes) {
      for (const change of events) {
        const subscription = this.#byId.get(id);
        if (subscription !== undefined) notify(subscription, change);
      }
    }
  }

  #start(connection: ControlClient, id: number, { store, range }: Subscription): void {
    connection.subscribe({ id, store, range }).catch((error: unknown) => this.#fail(id, error));
  }

  #fail(id: number, error: unknown): void {
    const subscription = this.#byId.get(id);
    this.#byId.delete(id);
    subscription?.onError(error);
  }
}

const RESET: StoreEvent = { kind: 'reset' };

function notify({ store, listener, values }: ActiveSubscription, sent: StoreEvent): void {
  try {
    const event = values === undefined ? sent : values.receive(sent);
    if (event === undefined) return;
    const isQueue = store.startsWith(toQueueAddress(''));
    listener(isQueue && event.kind === 'reset' ? { kind: 'missed' } : event);
  } catch (error) {
    // As in an EventTarget: an error in a listener is reported as uncaught.
    rethrowLater(error);
  }
}
