import type { StoreEvent } from '../../protocol/wire.ts';
import { Deque, Settings } from '../engine/index.ts';
import { unrefTimer } from '../engine/internal.ts';
import type { BridgeStore } from './handlers.ts';

type StoreEventListener = (event: StoreEvent) => void;

/**
 * Milliseconds for which a feed without listeners stays open: starting and stopping it are transactions of the store, and a page can request
 * both again and again with small messages.
 */
const FEED_LINGER_MS = 1000;

interface StoreFeed {
  readonly listeners: Set<StoreEventListener>;
  readonly stop: () => void;
  /** Ends the feed, while nothing listens to it. */
  lingering: NodeJS.Timeout | undefined;
}

/** The store subscriptions of one session. Invariant: one subscription per store, however many listeners it has here. */
export class StoreFeeds {
  readonly #feeds = new Map<BridgeStore, StoreFeed>();

  /** Calls the listener for every change of the store from now on. Returns an unsubscribe function. */
  subscribe(store: BridgeStore, listener: StoreEventListener): () => void {
    const feed = this.#feeds.get(store) ?? this.#start(store);
    clearTimeout(feed.lingering);
    feed.listeners.add(listener);
    return () => {
      if (!feed.listeners.delete(listener) || feed.listeners.size > 0 || this.#feeds.get(store) !== feed) return;
      feed.lingering = unrefTimer(setTimeout(() => this.#stop(store, feed), FEED_LINGER_MS));
    };
  }

  /** Ends every feed, also those that linger. */
  close(): void {
    for (const [store, feed] of [...this.#feeds]) this.#stop(store, feed);
  }

  #stop(store: BridgeStore, feed: StoreFeed): void {
    clearTimeout(feed.lingering);
    this.#feeds.delete(store);
    runOrWarn(feed.stop);
  }

  #start(store: BridgeStore): StoreFeed {
    const listeners = new Set<StoreEventListener>();
    const dispatch = (event: StoreEvent) => {
      for (const listener of listeners) listener(event);
    };
    const feed: StoreFeed = { listeners, stop: subscribeToStore(store, dispatch), lingering: undefined };
    this.#feeds.set(store, feed);
    return feed;
  }
}

/** Runs what no caller waits for, and only warns if it fails: to unsubscribe writes to the store, which may fail. */
export function runOrWarn(work: () => void): void {
  try {
    work();
  } catch (error) {
    process.emitWarning(error instanceof Error ? error : String(error));
  }
}

/** Deques and settings report only that something changed, queues report job events. */
function subscribeToStore(store: BridgeStore, listener: StoreEventListener): () => void {
  if (store instanceof Deque) return store.subscribe(({ kind }) => listener({ kind }));
  if (store instanceof Settings) return store.subscribe(({ kind, key }) => listener({ kind, key }));
  return store.subscribe(listener);
}
