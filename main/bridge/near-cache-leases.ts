// Imported, for a test's fake timers replace the globals and would stop the pages' calls.
import { clearImmediate, setImmediate } from 'node:timers';
import { DiskCacheError } from '../../protocol/error.ts';
import type { Key } from '../../protocol/key.ts';
import { type Invalidation, NEAR_LEASE_MS } from '../../protocol/notifications.ts';
import { Deque, Settings } from '../engine/index.ts';
import { Queue } from '../queue/index.ts';
import type { BridgeStore } from './handlers.ts';
import type { Principal } from './principal.ts';
import type { StoreFeeds } from './store-feeds.ts';

/** More changed keys than this are reported as a change of the whole store. */
const MAX_INVALIDATED_KEYS = 1000;

/** Milliseconds a page has to drop something before it counts as late. */
const ACKNOWLEDGE_GRACE_MS = 20;

interface LeasedStore {
  readonly store: BridgeStore;
  readonly stop: () => void;
  leaseEnd: number;
  /** Changes that were not sent yet; `undefined`: the whole store. */
  changedKeys: Key[] | undefined;
  /** The last message that named the store. */
  lastInvalidation: PendingInvalidation | undefined;
}

/** A message about changes that the page hasn't acknowledged. */
interface PendingInvalidation {
  readonly number: number;
  /** From this time on the page doesn't read the named items, whether it has dropped them or not. */
  deadline: number;
  isAcknowledged: boolean;
  writersWaiting: { readonly since: number; readonly done: Promise<void>; resolve(): void } | undefined;
}

/**
 * The near-cache leases of one page, and the items it has yet to drop. Leases as in Gray and Cheriton, "Leases: An Efficient Fault-Tolerant
 * Mechanism for Distributed File Cache Consistency" (1989): a page reads its near cache only while its lease lasts, so a writer never waits
 * longer than that. A page for which writers have waited too long in total gets no further lease.
 *
 * Invariant: when a writer has waited, the page no longer reads any of the items that it changed.
 */
export class NearCacheLease {
  readonly #send: (stale: Invalidation) => void;
  readonly #peers: Set<NearCacheLease>;
  readonly #feeds: StoreFeeds;
  readonly #principal: Principal;
  readonly #stores = new Map<string, LeasedStore>();
  /** Messages that the page has not acknowledged, in order. */
  readonly #pending: PendingInvalidation[] = [];
  /** Lateness up to this time has already been counted. */
  #latenessCountedUntil = 0;
  #lastNumber = 0;
  #scheduled: NodeJS.Immediate | undefined;
  #hasChanges = false;

  /** `peers`: the pages whose reads must be coherent with each other's writes. */
  constructor(
    peers: Set<NearCacheLease>,
    feeds: StoreFeeds,
    principal: Principal,
    send: (stale: Invalidation) => void,
  ) {
    this.#peers = peers;
    this.#feeds = feeds;
    this.#principal = principal;
    this.#send = send;
  }

  /**
   * Grants or renews the lease of a store; returns false if values that the page cached before may be stale.
   *
   * @throws {DiskCacheError} `BUSY` for a page that is late to drop something, until it has; and, for about a minute, for one that others
   * have waited for too long.
   */
  grant(name: string, store: BridgeStore): boolean {
    const now = performance.now();
    if (now >= (this.#pending[0]?.deadline ?? Number.POSITIVE_INFINITY)) {
      throw new DiskCacheError(
        'BUSY',
        `The page has not dropped the changed items of its near caches yet; "${name}" gets no lease before that`,
      );
    }
    if (!this.#principal.mayUseNearCache) {
      throw new DiskCacheError(
        'BUSY',
        'Writers had to wait too long for this page to drop changed items; for a while it reads from the main process',
      );
    }
    const known = this.#stores.get(name);
    if (known !== undefined) {
      known.leaseEnd = now + NEAR_LEASE_MS;
      return true;
    }
    if (store instanceof Deque || store instanceof Queue || store instanceof Settings) {
      throw new DiskCacheError(
        'BAD_OPTION',
        `A near cache needs a cache or an index; "${name}" is a deque, a queue or settings`,
      );
    }
    const stop = this.#feeds.subscribe(store, (event) =>
      this.#recordChange(leased, (event as { readonly key?: Key }).key),
    );
    const leased: LeasedStore = {
      store,
      stop,
      leaseEnd: now + NEAR_LEASE_MS,
      changedKeys: [],
      lastInvalidation: undefined,
    };
    this.#stores.set(name, leased);
    this.#peers.add(this);
    return false;
  }

  revoke(name: string): void {
    const leased = this.#stores.get(name);
    this.#stores.delete(name);
    if (this.#stores.size === 0) this.#peers.delete(this);
    leased?.stop();
  }

  /** The page has dropped the items of a message and of those before it. */
  acknowledge(number: number): void {
    while (this.#pending.length > 0 && this.#pending[0]!.number <= number) this.#settle(this.#pending.shift()!);
  }

  close(): void {
    clearImmediate(this.#scheduled);
    for (const name of [...this.#stores.keys()]) this.revoke(name);
    this.acknowledge(Number.POSITIVE_INFINITY);
  }

  /** Sends the page its pending changes. */
  invalidate(): void {
    if (!this.#hasChanges) return;
    this.#hasChanges = false;
    const now = performance.now();
    const message: PendingInvalidation = {
      number: this.#lastNumber + 1,
      deadline: now,
      isAcknowledged: false,
      writersWaiting: undefined,
    };
    const changed: [string, Key[]?][] = [];
    for (const [name, leased] of [...this.#stores]) {
      if (leased.changedKeys?.length === 0) continue;
      // Its lease has ended, so it doesn't read the store; it learns of the change when it asks for a new lease.
      if (now >= leased.leaseEnd) {
        this.revoke(name);
        continue;
      }
      changed.push(leased.changedKeys === undefined ? [name] : [name, leased.changedKeys]);
      leased.changedKeys = [];
      leased.lastInvalidation = message;
      message.deadline = Math.max(message.deadline, leased.leaseEnd);
    }
    if (changed.length === 0) return;
    this.#lastNumber = message.number;
    this.#pending.push(message);
    this.#send({ deskcache: 'stale', number: message.number, changed });
  }

  /** Returns a promise that resolves when the page no longer reads stale values of these stores; undefined if that is already so. */
  waitForAcknowledgement(stores: ReadonlySet<BridgeStore>): Promise<unknown> | undefined {
    const waits: Promise<void>[] = [];
    for (const { store, lastInvalidation } of this.#stores.values()) {
      if (lastInvalidation === undefined || lastInvalidation.isAcknowledged || !stores.has(store)) continue;
      const wait = this.#waitFor(lastInvalidation);
      if (wait !== undefined) waits.push(wait);
    }
    return waits.length === 0 ? undefined : Promise.all(waits);
  }

  #waitFor(message: PendingInvalidation): Promise<void> | undefined {
    if (message.writersWaiting === undefined) {
      const since = performance.now();
      const remainingMs = message.deadline - since;
      if (remainingMs <= 0) return undefined;
      let resolve = () => {};
      const done = new Promise<void>((settle) => {
        resolve = settle;
      });
      // The page must still acknowledge the message before it gets another lease.
      const timer = setTimeout(() => this.#settle(message), remainingMs);
      message.writersWaiting = {
        since,
        done,
        resolve: () => {
          clearTimeout(timer);
          resolve();
        },
      };
    }
    return message.writersWaiting.done;
  }

  /** If writers waited for several messages at the same time, the time counts once. */
  #settle(message: PendingInvalidation): void {
    if (message.isAcknowledged) return;
    message.isAcknowledged = true;
    if (message.writersWaiting === undefined) return;
    const now = performance.now();
    const from = Math.max(message.writersWaiting.since + ACKNOWLEDGE_GRACE_MS, this.#latenessCountedUntil);
    if (now > from) this.#principal.addLate(now - from);
    this.#latenessCountedUntil = Math.max(this.#latenessCountedUntil, now);
    message.writersWaiting.resolve();
  }

  #recordChange(leased: LeasedStore, key: Key | undefined): void {
    this.#hasChanges = true;
    if (key === undefined || leased.changedKeys?.length === MAX_INVALIDATED_KEYS) leased.changedKeys = undefined;
    else leased.changedKeys?.push(key);
    // A write by the main process or by another process: no writer waits for the acknowledgement.
    this.#scheduled ??= setImmediate(() => {
      this.#scheduled = undefined;
      this.invalidate();
    });
  }
}

/**
 * Sends all pages their changes. Returns a promise that resolves when they have dropped what `writer` wrote; undefined if there is nothing
 * to wait for: `writer` only read, or no other page has these stores in its near cache. `writer` itself gets its changes before its
 * response.
 */
export function invalidateAll(
  leases: ReadonlySet<NearCacheLease>,
  writer: NearCacheLease,
  written: ReadonlySet<BridgeStore> | undefined,
): Promise<unknown> | undefined {
  if (leases.size === 0) return undefined;
  const waits: Promise<unknown>[] = [];
  for (const page of [...leases]) {
    page.invalidate();
    const wait = written && page !== writer ? page.waitForAcknowledgement(written) : undefined;
    if (wait !== undefined) waits.push(wait);
  }
  return waits.length === 0 ? undefined : Promise.all(waits);
}
