// Imported, for a test's fake timers replace the globals and would stop the pages' calls.
import { clearImmediate, setImmediate } from 'node:timers';
import { estimateBytes } from '../../protocol/clone.ts';
import { DiskCacheError } from '../../protocol/error.ts';
import type { Key } from '../../protocol/key.ts';
import type { ChangesMessage, StoreEvent, SubscriptionRange } from '../../protocol/wire.ts';
import { Deque, Settings } from '../engine/index.ts';
import { encodeKey, type KeyColumn, type KeyRange, parseKeyRange, unrefTimer } from '../engine/internal.ts';
import { Queue } from '../queue/index.ts';
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

/** Maximum number of subscriptions of a page. */
const MAX_SUBSCRIPTIONS = 256;
/** Bytes of changes that the page hasn't acknowledged; beyond this it gets a `reset`. */
const MAX_PENDING_BYTES = 256 * 1024;
/** Keys compared with ranges for one message, about 2 ms. */
const MAX_COMPARISONS = 16_384;

const RESET: readonly StoreEvent[] = Object.freeze([Object.freeze({ kind: 'reset' })]);

/** The subscriptions with the same range. */
interface Filter {
  /** Undefined matches every key. */
  readonly range: KeyRange | undefined;
  /** By the page's number of the subscription: how many of the pending changes preceded it. */
  readonly skippedBySubscription: Map<number, number>;
}

/** A store with subscriptions. */
interface SubscribedStore {
  readonly filters: Map<string, Filter>;
  readonly stop: () => void;
  /** Changes that were not sent yet; undefined: too many. */
  pending: StoreEvent[] | undefined;
  pendingBytes: number;
}

type SubscriptionChanges = [subscription: number, events: readonly StoreEvent[]];

/**
 * The subscriptions of one page. The changes of one turn of the main process go into one message, and while the page hasn't acknowledged it
 * the following ones are collected: a slow page gets fewer and larger messages. A change is only recorded when it happens, however many
 * subscriptions there are; it is compared with their ranges when it is sent.
 *
 * Invariant: at most one message is in flight; the collected changes, and the comparisons for a message, are bounded. An excess is reported
 * as `reset`, never lost.
 */
export class SessionSubscriptions {
  readonly #feeds: StoreFeeds;
  readonly #send: (changes: ChangesMessage) => void;
  readonly #enqueue: (task: () => boolean) => void;
  readonly #stores = new Map<BridgeStore, SubscribedStore>();
  readonly #unsubscribes = new Map<number, () => void>();
  #pendingBytes = 0;
  #lastNumber = 0;
  #acknowledged = 0;
  #scheduled: NodeJS.Immediate | undefined;

  /** `enqueue` schedules a task for this page's next turn. */
  constructor(feeds: StoreFeeds, send: (changes: ChangesMessage) => void, enqueue: (task: () => boolean) => void) {
    this.#feeds = feeds;
    this.#send = send;
    this.#enqueue = enqueue;
  }

  get size(): number {
    return this.#unsubscribes.size;
  }

  /** @throws {DiskCacheError} `TOO_LARGE` for too many subscriptions; `BAD_OPTION` or `BAD_KEY` for an invalid range. */
  add(id: number, store: BridgeStore, range: SubscriptionRange): void {
    if (this.#unsubscribes.has(id))
      throw new DiskCacheError('BAD_OPTION', `Subscription ${id} exists already; use another number`);
    if (this.#unsubscribes.size === MAX_SUBSCRIPTIONS) {
      throw new DiskCacheError('TOO_LARGE', `A page can have ${MAX_SUBSCRIPTIONS} subscriptions; end some`);
    }
    const { id: name, ...parsed } = parseFilter(store, range);
    const subscribed = this.#stores.get(store) ?? this.#subscribe(store);
    const filter = subscribed.filters.get(name) ?? { ...parsed, skippedBySubscription: new Map() };
    subscribed.filters.set(name, filter);
    filter.skippedBySubscription.set(id, subscribed.pending?.length ?? 0);
    this.#unsubscribes.set(id, () => {
      filter.skippedBySubscription.delete(id);
      if (filter.skippedBySubscription.size === 0) subscribed.filters.delete(name);
      if (subscribed.filters.size === 0) this.#unsubscribe(store, subscribed);
    });
  }

  remove(id: number): void {
    const end = this.#unsubscribes.get(id);
    this.#unsubscribes.delete(id);
    end?.();
  }

  /** The page has processed a message, so the next one may follow. */
  acknowledge(number: number): void {
    if (number !== this.#lastNumber) return;
    this.#acknowledged = number;
    this.#schedule();
  }

  close(): void {
    clearImmediate(this.#scheduled);
    this.#unsubscribes.clear();
    for (const [store, subscribed] of [...this.#stores]) this.#unsubscribe(store, subscribed);
  }

  #subscribe(store: BridgeStore): SubscribedStore {
    const stop = this.#feeds.subscribe(store, (event) => this.#record(subscribed, event));
    const subscribed: SubscribedStore = { filters: new Map(), stop, pending: [], pendingBytes: 0 };
    this.#stores.set(store, subscribed);
    return subscribed;
  }

  #unsubscribe(store: BridgeStore, subscribed: SubscribedStore): void {
    this.#stores.delete(store);
    this.#pendingBytes -= subscribed.pendingBytes;
    subscribed.stop();
  }

  #record(subscribed: SubscribedStore, event: StoreEvent): void {
    if (subscribed.pending !== undefined) {
      const weight = estimateBytes(event);
      subscribed.pending.push(event);
      subscribed.pendingBytes += weight;
      this.#pendingBytes += weight;
      if (this.#pendingBytes > MAX_PENDING_BYTES) this.#reset(subscribed);
    }
    this.#schedule();
  }

  #reset(subscribed: SubscribedStore): void {
    this.#pendingBytes -= subscribed.pendingBytes;
    subscribed.pending = undefined;
    subscribed.pendingBytes = 0;
  }

  #schedule(): void {
    if (this.#acknowledged === this.#lastNumber) this.#scheduled ??= setImmediate(() => this.#enqueue(this.#dispatch));
  }

  readonly #dispatch = (): false => {
    this.#scheduled = undefined;
    let comparisonsLeft = MAX_COMPARISONS;
    const changes: SubscriptionChanges[] = [];
    for (const subscribed of this.#stores.values()) {
      if (subscribed.pending?.length === 0) continue;
      const filters = [...subscribed.filters.values()];
      comparisonsLeft -= (subscribed.pending?.length ?? 0) * filters.filter(({ range }) => range).length;
      for (const change of matchChanges(filters, comparisonsLeft < 0 ? undefined : subscribed.pending))
        changes.push(change);
      this.#pendingBytes -= subscribed.pendingBytes;
      subscribed.pending = [];
      subscribed.pendingBytes = 0;
      for (const { skippedBySubscription } of filters)
        for (const id of skippedBySubscription.keys()) skippedBySubscription.set(id, 0);
    }
    if (changes.length > 0) this.#send({ deskcache: 'changes', number: ++this.#lastNumber, changes });
    return false;
  };
}

function parseFilter(
  store: BridgeStore,
  range: SubscriptionRange,
): { readonly id: string; readonly range: KeyRange | undefined } {
  if (store instanceof Deque || store instanceof Queue || store instanceof Settings)
    return { id: '', range: undefined };
  const parsed = parseKeyRange(range as object);
  return { id: parsed.id, range: parsed.isUnbounded ? undefined : parsed };
}

/** Returns the matching changes of `pending` for each subscription; `reset` if there were too many. */
function matchChanges(filters: readonly Filter[], pending: readonly StoreEvent[] | undefined): SubscriptionChanges[] {
  if (pending === undefined) {
    return filters.flatMap(({ skippedBySubscription }) =>
      [...skippedBySubscription.keys()].map((id): SubscriptionChanges => [id, RESET]),
    );
  }
  const keys = filters.some(({ range }) => range) ? pending.map(toColumn) : [];
  return filters.flatMap(({ range, skippedBySubscription }) => {
    const places = [...pending.keys()].filter((place) => matchesRange(keys[place], range));
    const all = places.map((place) => pending[place]!);
    return [...skippedBySubscription].flatMap(([id, first]): SubscriptionChanges[] => {
      const before = first === 0 ? 0 : places.filter((place) => place < first).length;
      return before === all.length ? [] : [[id, before === 0 ? all : all.slice(before)]];
    });
  });
}

function toColumn(event: StoreEvent): KeyColumn | undefined {
  const { key } = event as { readonly key?: Key };
  return key === undefined ? undefined : encodeKey(key);
}

/** A change without a key, such as `clear`, matches every range. */
const matchesRange = (key: KeyColumn | undefined, range: KeyRange | undefined): boolean =>
  range === undefined || key === undefined || range.has(key);
