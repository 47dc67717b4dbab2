import type { ChangeOrReset, ChangesMessage, StoreEvent, SubscriptionRange } from '../protocol/wire.ts';
import type { ControlClient } from './control-client.ts';
import { rethrowLater } from './on-demand.ts';
import { Reconnector } from './reconnect.ts';

/** Hears what has happened, in order; `reset` says that more has happened than could be told. */
export type UpdateListener = (change: ChangeOrReset) => void;

export interface Subscription {
  readonly store: string;
  readonly range: SubscriptionRange;
  readonly listener: (news: StoreEvent) => void;
  readonly onError: (error: unknown) => void;
}

/**
 * Everything a page listens to. Subscriptions outlive a line: when it was cut, the next one takes them up again and each
 * listener is told `reset`, because what happened in between is unknown.
 *
 * Invariant: a subscription hears of every change, or `reset`, or its `onError` is called and it has ended.
 */
export class Subscriptions {
  readonly #reconnector: Reconnector;
  readonly #byId = new Map<number, Subscription>();
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

  /** Returns an unsubscribe function. Without `mayConnect` it waits for the next line. */
  add(subscription: Subscription, mayConnect: boolean): () => void {
    const id = ++this.#lastId;
    this.#byId.set(id, subscription);
    if (this.#control !== undefined) this.#start(this.#control, id, subscription);
    else if (mayConnect) this.#reconnector.connectNow();
    return () => {
      if (this.#byId.delete(id)) this.#control?.notify('unwatch', id);
    };
  }

  /** After a reconnect: subscribes again for every listener. */
  resume(line: ControlClient): void {
    this.#control = line;
    for (const [id, subscription] of this.#byId) {
      this.#start(line, id, subscription);
      if (this.#wasInterrupted) notify(subscription, { kind: 'reset' });
    }
    this.#wasInterrupted = false;
  }

  /** The line was cut or given up; the next one takes up everything. */
  interrupted(): void {
    this.#control = undefined;
    this.#wasInterrupted = true;
    this.#reconnector.cancel();
  }

  /** Who listens wants to go on listening, without having to call something: if the page is still there in a moment. */
  reconnect(): void {
    this.#reconnector.connectLater();
  }

  dispatch(changes: ChangesMessage['changes']): void {
    for (const [id, told] of changes) {
      for (const change of told) {
        const subscription = this.#byId.get(id);
        if (subscription !== undefined) notify(subscription, change);
      }
    }
  }

  #start(line: ControlClient, id: number, { store, range }: Subscription): void {
    line.subscribe({ id, store, range }).catch((error: unknown) => this.#fail(id, error));
  }

  #fail(id: number, error: unknown): void {
    const subscription = this.#byId.get(id);
    this.#byId.delete(id);
    subscription?.onError(error);
  }
}

function notify({ listener }: Subscription, news: StoreEvent): void {
  try {
    listener(news);
  } catch (error) {
    // As with an event target: a listener's failure is its own and reported as uncaught.
    rethrowLater(error);
  }
}
