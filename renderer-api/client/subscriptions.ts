import type { Changes, News, Told, WatchRange } from '../../protocol/wire.ts';
import { Comeback } from './comeback.ts';
import type { LineFace } from './line-face.ts';
import { rethrowLater } from './on-demand.ts';

/** Hears what has happened, in order; `reset` says that more has happened than could be told. */
export type Listener = (change: Told) => void;

export interface Subscription {
  readonly store: string;
  readonly range: WatchRange;
  readonly listener: (news: News) => void;
  readonly onError: (error: unknown) => void;
}

/**
 * Everything a page listens to. Subscriptions outlive a line: when it was cut, the next one takes them up again and each
 * listener is told `reset`, for nobody knows what happened meanwhile.
 *
 * Invariant: a subscription hears of every change, or `reset`, or its `onError` is called and it has ended.
 */
export class Subscriptions {
  readonly #comeback: Comeback;
  readonly #open = new Map<number, Subscription>();
  #line: LineFace | undefined;
  #lastId = 0;
  #interrupted = false;

  constructor(connect: () => Promise<unknown>) {
    this.#comeback = new Comeback({
      connect,
      isWanted: () => this.#line === undefined && this.#open.size > 0,
      onFailure: (error) => {
        for (const id of [...this.#open.keys()]) this.#fail(id, error);
      },
    });
  }

  /** Returns an unsubscribe function. Without `mayConnect` it waits for the next line. */
  add(subscription: Subscription, mayConnect: boolean): () => void {
    const id = ++this.#lastId;
    this.#open.set(id, subscription);
    if (this.#line !== undefined) this.#start(this.#line, id, subscription);
    else if (mayConnect) this.#comeback.now();
    return () => {
      if (this.#open.delete(id)) this.#line?.unwatch(id);
    };
  }

  /** A new line: everything is asked for anew. */
  resume(line: LineFace): void {
    this.#line = line;
    for (const [id, subscription] of this.#open) {
      this.#start(line, id, subscription);
      if (this.#interrupted) hear(subscription, { kind: 'reset' });
    }
    this.#interrupted = false;
  }

  /** The line was cut or given up; the next one takes up everything. */
  interrupted(): void {
    this.#line = undefined;
    this.#interrupted = true;
    this.#comeback.cancel();
  }

  /** Who listens wants to go on listening, without having to call something: if the page is still there in a moment. */
  reconnect(): void {
    this.#comeback.later();
  }

  tell(changes: Changes['changes']): void {
    for (const [id, told] of changes) {
      for (const change of told) {
        const subscription = this.#open.get(id);
        if (subscription !== undefined) hear(subscription, change);
      }
    }
  }

  #start(line: LineFace, id: number, { store, range }: Subscription): void {
    line.watch({ id, store, range }).catch((error: unknown) => this.#fail(id, error));
  }

  #fail(id: number, error: unknown): void {
    const subscription = this.#open.get(id);
    this.#open.delete(id);
    subscription?.onError(error);
  }
}

function hear({ listener }: Subscription, news: News): void {
  try {
    listener(news);
  } catch (error) {
    // As with an event target: a listener's failure is its own and reported as uncaught.
    rethrowLater(error);
  }
}
