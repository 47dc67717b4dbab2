import { DiskCacheError } from '../../protocol/error.ts';
import type { Key } from '../../protocol/key.ts';
import { LEASE, type Stale } from '../../protocol/near.ts';
import { Deque } from '../engine/index.ts';
import { Queue } from '../offline/queue/index.ts';
import type { Feeds } from './feeds.ts';
import type { Principal } from './principal.ts';
import type { Store } from './verbs.ts';

/** More keys than this are told as the whole store. */
const MAX_KEYS = 1000;

/** Milliseconds that a page may take to drop something, without being late. */
const DROP_MS = 20;

interface Kept {
  readonly store: Store;
  readonly stop: () => void;
  leaseEnd: number;
  /** What has changed and was not told yet; `undefined`: everything. */
  stale: Key[] | undefined;
  /** The last message that named the store. */
  told: Told | undefined;
}

/** A message about what has changed. */
interface Told {
  readonly number: number;
  /** From then on the page reads nothing of what the message names, whether it has dropped it or not. */
  deadline: number;
  isDropped: boolean;
  waiting: { readonly since: number; readonly done: Promise<void>; resolve(): void } | undefined;
}

/**
 * What one page keeps near, and what it has to drop. Leases in the manner of Gray and Cheriton, "Leases: An Efficient
 * Fault-Tolerant Mechanism for Distributed File Cache Consistency" (1989): a page reads near only while its lease lasts, so
 * a writer never waits longer than that. A page for which writers have waited too long in sum gets no further lease.
 *
 * Invariant: a writer that has waited knows that the page reads none of what it has changed.
 */
export class NearPage {
  readonly #send: (stale: Stale) => void;
  readonly #everybody: Set<NearPage>;
  readonly #feeds: Feeds;
  readonly #principal: Principal;
  readonly #kept = new Map<string, Kept>();
  /** What the page has not dropped yet, in order. */
  readonly #told: Told[] = [];
  /** Until then its lateness is counted. */
  #lateUntil = 0;
  #number = 0;
  #scheduled: NodeJS.Immediate | undefined;
  #isStale = false;

  /** `everybody`: the pages whose reads have to be coherent with each other's writes. */
  constructor(everybody: Set<NearPage>, feeds: Feeds, principal: Principal, send: (stale: Stale) => void) {
    this.#everybody = everybody;
    this.#feeds = feeds;
    this.#principal = principal;
    this.#send = send;
  }

  /**
   * The page keeps values of a store while its lease lasts; false when what it has from before may be old.
   *
   * @throws {DiskCacheError} `BUSY` for a page that has not dropped something in time, until it has; and for one that others have
   * waited for too long, for about a minute.
   */
  keep(name: string, store: Store): boolean {
    const now = performance.now();
    if (now >= (this.#told[0]?.deadline ?? Number.POSITIVE_INFINITY)) {
      throw new DiskCacheError('BUSY', `Drop what has changed before you keep more of "${name}"`);
    }
    if (!this.#principal.mayKeepNear) {
      throw new DiskCacheError(
        'BUSY',
        'This page was late to drop what had changed, and writers had to wait for it; for a while it reads from the main process',
      );
    }
    const known = this.#kept.get(name);
    if (known !== undefined) {
      known.leaseEnd = now + LEASE;
      return true;
    }
    if (store instanceof Deque || store instanceof Queue) {
      throw new DiskCacheError('BAD_OPTION', `"${name}" has no keys by which something could be kept near`);
    }
    const stop = this.#feeds.subscribe(store, (news) => this.#changed(kept, (news as { readonly key?: Key }).key));
    const kept: Kept = { store, stop, leaseEnd: now + LEASE, stale: [], told: undefined };
    this.#kept.set(name, kept);
    this.#everybody.add(this);
    return false;
  }

  release(name: string): void {
    const kept = this.#kept.get(name);
    this.#kept.delete(name);
    if (this.#kept.size === 0) this.#everybody.delete(this);
    kept?.stop();
  }

  /** The page has dropped what a message named, and what those before it did. */
  dropped(number: number): void {
    while (this.#told.length > 0 && this.#told[0]!.number <= number) this.#settle(this.#told.shift()!);
  }

  close(): void {
    clearImmediate(this.#scheduled);
    for (const name of [...this.#kept.keys()]) this.release(name);
    this.dropped(Number.POSITIVE_INFINITY);
  }

  /** Tells the page what has changed. */
  tell(): void {
    if (!this.#isStale) return;
    this.#isStale = false;
    const now = performance.now();
    const told: Told = { number: this.#number + 1, deadline: now, isDropped: false, waiting: undefined };
    const changed: [string, Key[]?][] = [];
    for (const [name, kept] of [...this.#kept]) {
      if (kept.stale?.length === 0) continue;
      // It reads near no more, and is told so when it wants to again.
      if (now >= kept.leaseEnd) {
        this.release(name);
        continue;
      }
      changed.push(kept.stale === undefined ? [name] : [name, kept.stale]);
      kept.stale = [];
      kept.told = told;
      told.deadline = Math.max(told.deadline, kept.leaseEnd);
    }
    if (changed.length === 0) return;
    this.#number = told.number;
    this.#told.push(told);
    this.#send({ deskcache: 'stale', number: told.number, changed });
  }

  /** A promise that the page reads nothing old of these stores any more; undefined where that is so already. */
  waitUntilDropped(stores: ReadonlySet<Store>): Promise<unknown> | undefined {
    const waits: Promise<void>[] = [];
    for (const { store, told } of this.#kept.values()) {
      if (told === undefined || told.isDropped || !stores.has(store)) continue;
      const wait = this.#wait(told);
      if (wait !== undefined) waits.push(wait);
    }
    return waits.length === 0 ? undefined : Promise.all(waits);
  }

  #wait(told: Told): Promise<void> | undefined {
    if (told.waiting === undefined) {
      const since = performance.now();
      const left = told.deadline - since;
      if (left <= 0) return undefined;
      let resolve = () => {};
      const done = new Promise<void>((settle) => {
        resolve = settle;
      });
      // The page has yet to say that it has dropped it, before it gets another lease.
      const timer = setTimeout(() => this.#settle(told), left);
      told.waiting = {
        since,
        done,
        resolve: () => {
          clearTimeout(timer);
          resolve();
        },
      };
    }
    return told.waiting.done;
  }

  /** Of several messages that others waited for at the same time the time counts once. */
  #settle(told: Told): void {
    if (told.isDropped) return;
    told.isDropped = true;
    if (told.waiting === undefined) return;
    const now = performance.now();
    const from = Math.max(told.waiting.since + DROP_MS, this.#lateUntil);
    if (now > from) this.#principal.addLate(now - from);
    this.#lateUntil = Math.max(this.#lateUntil, now);
    told.waiting.resolve();
  }

  #changed(kept: Kept, key: Key | undefined): void {
    this.#isStale = true;
    if (key === undefined || kept.stale?.length === MAX_KEYS) kept.stale = undefined;
    else kept.stale?.push(key);
    // What the main process or another one has written: nobody waits for it.
    this.#scheduled ??= setImmediate(() => {
      this.#scheduled = undefined;
      this.tell();
    });
  }
}

/**
 * All pages are told what has changed. A promise that they have dropped what `writer` has written; undefined where nothing has to be
 * waited for: by one that has only read, or where no other page keeps anything of these stores. `writer` itself is told before it is answered.
 */
export function dropEverywhere(
  everybody: ReadonlySet<NearPage>,
  writer: NearPage,
  written: ReadonlySet<Store> | undefined,
): Promise<unknown> | undefined {
  if (everybody.size === 0) return undefined;
  const waits: Promise<unknown>[] = [];
  for (const page of [...everybody]) {
    page.tell();
    const wait = written && page !== writer ? page.waitUntilDropped(written) : undefined;
    if (wait !== undefined) waits.push(wait);
  }
  return waits.length === 0 ? undefined : Promise.all(waits);
}
