// Imported, for a test's fake timers replace the globals and would stop the pages' calls.
import { clearImmediate, setImmediate } from 'node:timers';
import { estimateBytes } from '../../protocol/clone.ts';
import { DiskCacheError } from '../../protocol/error.ts';
import type { SubscribeOptions } from '../../protocol/options.ts';
import type { ChangesMessage, StoreEvent } from '../../protocol/wire.ts';
import { Deque, Settings } from '../engine/index.ts';
import { type KeyFilter, parseSubscribeOptions } from '../engine/internal.ts';
import { Queue } from '../queue/index.ts';
import { ChangeValues, type ValueStore } from './change-values.ts';
import type { BridgeStore } from './handlers.ts';
import { MatchingStore } from './matching-subscriptions.ts';
import type { StoreFeeds } from './store-feeds.ts';

/** Maximum number of subscriptions of a page, not counting those to exact keys. */
const MAX_SUBSCRIPTIONS = 256;
/** Limits of a page's subscriptions to exact keys: their number, and the bytes of the keys. */
const MAX_KEYS = 4096;
const MAX_KEYS_BYTES = 2 ** 20;
/** Bytes of changes that the page hasn't acknowledged; beyond this it gets a `reset`. */
const MAX_PENDING_BYTES = 256 * 1024;
/** Keys compared with ranges for one message, about 2 ms. */
const MAX_COMPARISONS = 16_384;

type SubscriptionChanges = ChangesMessage['changes'][number];

/** A store with subscriptions. */
interface SubscribedStore {
  readonly matching: MatchingStore;
  readonly stop: () => void;
  /** Changes that were not sent yet; undefined: too many. */
  pending: StoreEvent[] | undefined;
  pendingBytes: number;
}

interface SessionSubscription {
  readonly keys: number;
  readonly keyBytes: number;
  end(): void;
}

/**
 * The subscriptions of one page. The changes of one turn of the main process go into one message, and while the page hasn't acknowledged it
 * the following ones are collected: a slow page gets fewer and larger messages. A change is only recorded when it happens, however many
 * subscriptions there are; it is compared with their keys, and its value is read, when it is sent.
 *
 * Invariant: at most one message is in flight; the collected changes, and the comparisons and values for a message, are bounded. An excess
 * of changes is reported as `reset`, never lost; an excess of values waits for the next message.
 */
export class SessionSubscriptions {
  readonly #feeds: StoreFeeds;
  readonly #send: (changes: ChangesMessage) => void;
  readonly #enqueue: (task: () => boolean) => void;
  readonly #stores = new Map<BridgeStore, SubscribedStore>();
  readonly #subscriptions = new Map<number, SessionSubscription>();
  #keys = 0;
  #keyBytes = 0;
  #exact = 0;
  /** The events that new subscriptions receive first. */
  #known: SubscriptionChanges[] = [];
  #knownValues = new ChangeValues();
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
    return this.#subscriptions.size;
  }

  /**
   * Adds a subscription. If it is for exact keys and with values, it first receives their present values.
   *
   * @throws {DiskCacheError} `TOO_LARGE` for too many subscriptions; `BAD_OPTION` or `BAD_KEY` for invalid options.
   */
  add(id: number, store: BridgeStore, options: SubscribeOptions): void {
    if (this.#subscriptions.has(id))
      throw new DiskCacheError('BAD_OPTION', `Subscription ${id} exists already; use another number`);
    const { filter, hasValues } = parseOptions(store, options);
    const keys = filter?.exactKeys?.size ?? 0;
    const keyBytes = keys === 0 ? 0 : estimateBytes([...filter!.exactKeys!.values()]);
    const isExact = filter?.exactKeys !== undefined;
    if (isExact) this.#assertKeysFit(keys, keyBytes);
    else if (this.#subscriptions.size - this.#exact === MAX_SUBSCRIPTIONS) {
      throw new DiskCacheError(
        'TOO_LARGE',
        `A page can have ${MAX_SUBSCRIPTIONS} subscriptions, not counting those to keys; end some`,
      );
    }
    const subscribed = this.#stores.get(store) ?? this.#subscribe(store);
    const endMatching = subscribed.matching.add(id, filter, hasValues, subscribed.pending?.length ?? 0);
    this.#keys += keys;
    this.#keyBytes += keyBytes;
    this.#exact += Number(isExact);
    this.#subscriptions.set(id, {
      keys,
      keyBytes,
      end: () => {
        this.#keys -= keys;
        this.#keyBytes -= keyBytes;
        this.#exact -= Number(isExact);
        endMatching();
        if (subscribed.matching.isEmpty) this.#unsubscribe(store, subscribed);
      },
    });
    if (hasValues && isExact) this.#enqueue(() => this.#readKnown(id, store as ValueStore, filter!.exactKeys!));
  }

  #readKnown(id: number, store: ValueStore, keys: NonNullable<KeyFilter['exactKeys']>): false {
    const known = this.#subscriptions.has(id) ? this.#knownValues.readKnown(store, keys) : [];
    if (known.length > 0) this.#known.push([id, known]);
    this.#schedule();
    return false;
  }

  remove(id: number): void {
    const subscription = this.#subscriptions.get(id);
    this.#subscriptions.delete(id);
    subscription?.end();
  }

  /** The page has processed a message, so the next one may follow. */
  acknowledge(number: number): void {
    if (number !== this.#lastNumber) return;
    this.#acknowledged = number;
    this.#schedule();
  }

  close(): void {
    clearImmediate(this.#scheduled);
    this.#subscriptions.clear();
    for (const [store, subscribed] of [...this.#stores]) this.#unsubscribe(store, subscribed);
  }

  #assertKeysFit(keys: number, bytes: number): void {
    if (this.#keys + keys <= MAX_KEYS && this.#keyBytes + bytes <= MAX_KEYS_BYTES) return;
    throw tooManyKeys();
  }

  #subscribe(store: BridgeStore): SubscribedStore {
    const stop = this.#feeds.subscribe(store, (event) => this.#record(subscribed, event));
    const subscribed: SubscribedStore = { matching: new MatchingStore(store), stop, pending: [], pendingBytes: 0 };
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
      if (this.#pendingBytes > MAX_PENDING_BYTES) this.#setPending(subscribed, undefined);
    }
    this.#schedule();
  }

  #setPending(subscribed: SubscribedStore, pending: StoreEvent[] | undefined): void {
    this.#pendingBytes -= subscribed.pendingBytes;
    subscribed.pending = pending;
    subscribed.pendingBytes = pending?.reduce((bytes, event) => bytes + estimateBytes(event), 0) ?? 0;
    this.#pendingBytes += subscribed.pendingBytes;
  }

  #schedule(): void {
    if (this.#acknowledged === this.#lastNumber) this.#scheduled ??= setImmediate(() => this.#enqueue(this.#dispatch));
  }

  readonly #dispatch = (): false => {
    this.#scheduled = undefined;
    let comparisonsLeft = MAX_COMPARISONS;
    const values = new ChangeValues();
    const changes = this.#known;
    this.#known = [];
    this.#knownValues = new ChangeValues();
    for (const [store, subscribed] of [...this.#stores]) {
      const { matching, pending } = subscribed;
      if (pending?.length === 0) continue;
      comparisonsLeft -= (pending?.length ?? 0) * matching.ranges;
      const isReset = pending === undefined || comparisonsLeft < 0;
      if (isReset) matching.reset(changes);
      const rest = isReset ? [] : pending.slice(matching.match(pending, values, changes));
      this.#setPending(subscribed, rest);
      // Moved to the end, so that the other stores come first in the next message.
      this.#stores.delete(store);
      this.#stores.set(store, subscribed);
    }
    if (changes.length > 0) this.#post(changes);
    else if (this.#hasPending()) this.#schedule();
    return false;
  };

  #hasPending(): boolean {
    return [...this.#stores.values()].some(({ pending }) => pending?.length !== 0);
  }

  #post(changes: ChangesMessage['changes']): void {
    const number = ++this.#lastNumber;
    try {
      this.#send({ deskcache: 'changes', number, changes });
    } catch {
      // Values of a custom codec may not be cloneable. On `reset` the page reads them, and gets the error.
      this.#send({ deskcache: 'changes', number, changes: changes.map(([id]) => [id, [{ kind: 'reset' }]]) });
    }
  }
}

const countItems = (items: unknown): number =>
  items instanceof Set || items instanceof Map ? items.size : Number(Object(items).length ?? 0);

const tooManyKeys = (): DiskCacheError =>
  new DiskCacheError(
    'TOO_LARGE',
    `A page can subscribe to ${MAX_KEYS} keys of ${MAX_KEYS_BYTES} bytes in all; subscribe to a range of keys, or end some`,
  );

const WITHOUT_KEYS =
  'has no keys to subscribe to, and its changes carry no values; read it again when it changes, or use watch';

function parseOptions(
  store: BridgeStore,
  options: SubscribeOptions,
): { readonly filter: KeyFilter | undefined; readonly hasValues: boolean } {
  if (store instanceof Deque || store instanceof Queue || store instanceof Settings) {
    const { key, keys, values } = options;
    if (key === undefined && keys === undefined && values === undefined) return { filter: undefined, hasValues: false };
    throw new DiskCacheError('BAD_OPTION', `A deque, a queue or settings ${WITHOUT_KEYS}`);
  }
  // Checked first, because parsing encodes each key.
  if (countItems(options.keys) > MAX_KEYS) throw tooManyKeys();
  const { filter, hasValues } = parseSubscribeOptions(options);
  return { filter: filter.isUnbounded ? undefined : filter, hasValues };
}
