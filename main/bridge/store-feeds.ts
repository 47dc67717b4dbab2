import type { StoreEvent } from '../../protocol/wire.ts';
import { Deque, Settings } from '../engine/index.ts';
import { unrefTimer } from '../engine/internal.ts';
import type { BridgeStore } from './handlers.ts';

type StoreEventListener = (event: StoreEvent) => void;

/**
 * How long a feed without listeners stays open. Starting and stopping it are transactions of the store, which a page could otherwise cause at
 * will by small messages.
 */
const FEED_LINGER_MS = 1000;

interface StoreFeed {
  readonly listeners: Set<StoreEventListener>;
  readonly stop: () => void;
  /** The timer that ends the feed; undefined while it has listeners. */
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

/** Runs work that has no caller to report to, and warns if it fails. Unsubscribing writes to the store, so it may fail. */
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
