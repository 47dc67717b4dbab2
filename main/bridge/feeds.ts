import type { News } from '../../protocol/wire.ts';
import { Deque } from '../engine/index.ts';
import type { Store } from './verbs.ts';

type Listener = (news: News) => void;

interface Feed {
  readonly listeners: Set<Listener>;
  readonly stop: () => void;
}

/** What one session hears of its stores. Invariant: one subscription for each store, however many listen to it here. */
export class Feeds {
  readonly #open = new Map<Store, Feed>();

  /** Tells every change of the store from now on. Returns an unsubscribe function. */
  subscribe(store: Store, listener: Listener): () => void {
    const feed = this.#open.get(store) ?? this.#start(store);
    feed.listeners.add(listener);
    return () => {
      if (!feed.listeners.delete(listener) || feed.listeners.size > 0) return;
      this.#open.delete(store);
      feed.stop();
    };
  }

  #start(store: Store): Feed {
    const listeners = new Set<Listener>();
    const hear = (news: News) => {
      for (const listener of listeners) listener(news);
    };
    const feed: Feed = { listeners, stop: listen(store, hear) };
    this.#open.set(store, feed);
    return feed;
  }
}

/** Of a deque it is told that something changed, of a queue what happened to its jobs. */
function listen(store: Store, hear: Listener): () => void {
  if (store instanceof Deque) return store.subscribe(({ kind }) => hear({ kind }));
  return store.subscribe(hear);
}
