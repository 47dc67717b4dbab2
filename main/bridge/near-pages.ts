import { DiskCacheError } from '../../protocol/error.ts';
import type { Key } from '../../protocol/key.ts';
import { LEASE, type Stale } from '../../protocol/near.ts';
import { Deque } from '../engine/index.ts';
import { Queue } from '../offline/queue/index.ts';
import type { Store } from './verbs.ts';

/** More keys than this are told as the whole store. */
const MAX_KEYS = 1000;

interface Kept {
  readonly stop: () => void;
  /** What has changed and was not told yet; `undefined`: everything. */
  stale: Key[] | undefined;
}

/**
 * What one page keeps near, and what it has to drop. A lease in the manner of Gray and Cheriton, "Leases: An Efficient
 * Fault-Tolerant Mechanism for Distributed File Cache Consistency" (1989): a page reads near only while its lease lasts, so
 * nobody has to wait longer than that for a page that doesn't answer.
 *
 * Invariant: who waits for `dropped` knows after it that the page reads none of what had changed before.
 */
export class NearPage {
  readonly #send: (stale: Stale) => void;
  readonly #everybody: Set<NearPage>;
  readonly #kept = new Map<string, Kept>();
  readonly #waiting: { readonly number: number; resolve(): void }[] = [];
  #leaseEnd = 0;
  #number = 0;
  /** A message that was not answered while the lease lasted. */
  #overdue = 0;
  #scheduled: NodeJS.Immediate | undefined;
  #isStale = false;

  /** `everybody`: the pages whose reads have to be coherent with each other's writes. */
  constructor(everybody: Set<NearPage>, send: (stale: Stale) => void) {
    this.#everybody = everybody;
    this.#send = send;
  }

  /**
   * The page keeps values of a store while its lease lasts; false when what it has from before may be old.
   *
   * @throws {DiskCacheError} `BUSY` for a page that has let others wait for nothing, until it has answered.
   */
  keep(name: string, store: Store): boolean {
    if (this.#overdue > 0) throw new DiskCacheError('BUSY', `Drop what has changed before you keep more of "${name}"`);
    this.#leaseEnd = performance.now() + LEASE;
    if (this.#kept.has(name)) return true;
    if (store instanceof Deque || store instanceof Queue) {
      throw new DiskCacheError('BAD_OPTION', `"${name}" has no keys by which something could be kept near`);
    }
    const kept: Kept = { stop: store.subscribe(({ key }) => this.#changed(kept, key)), stale: [] };
    this.#kept.set(name, kept);
    this.#everybody.add(this);
    return false;
  }

  release(name: string): void {
    this.#kept.get(name)?.stop();
    this.#kept.delete(name);
    if (this.#kept.size === 0) this.#everybody.delete(this);
  }

  /** The page has dropped what a message named, and what those before it did. */
  dropped(number: number): void {
    if (number >= this.#overdue) this.#overdue = 0;
    while (this.#waiting.length > 0 && this.#waiting[0]!.number <= number) this.#waiting.shift()!.resolve();
  }

  close(): void {
    clearImmediate(this.#scheduled);
    this.#releaseAll();
    this.dropped(Number.POSITIVE_INFINITY);
  }

  /** Tells the page what has changed; a promise of its having dropped that, or undefined where nothing has. */
  tell(): Promise<void> | undefined {
    if (!this.#isStale) return undefined;
    this.#isStale = false;
    const left = this.#leaseEnd - performance.now();
    // It reads near no more, and is told so when it wants to again.
    if (left <= 0) {
      this.#releaseAll();
      return undefined;
    }
    const changed: [string, Key[]?][] = [];
    for (const [name, kept] of this.#kept) {
      if (kept.stale === undefined) changed.push([name]);
      else if (kept.stale.length > 0) changed.push([name, kept.stale]);
      kept.stale = [];
    }
    const number = ++this.#number;
    this.#send({ deskcache: 'stale', number, changed });
    return new Promise((resolve) => {
      const timer = setTimeout(() => {
        this.dropped(number);
        this.#overdue = number;
      }, left);
      this.#waiting.push({
        number,
        resolve: () => {
          clearTimeout(timer);
          resolve();
        },
      });
    });
  }

  #releaseAll(): void {
    for (const name of [...this.#kept.keys()]) this.release(name);
  }

  #changed(kept: Kept, key: Key | undefined): void {
    this.#isStale = true;
    if (key === undefined || kept.stale?.length === MAX_KEYS) kept.stale = undefined;
    else kept.stale?.push(key);
    // What the main process or another one has written: nobody waits for it.
    this.#scheduled ??= setImmediate(() => {
      this.#scheduled = undefined;
      void this.tell();
    });
  }
}

/**
 * All pages drop what has changed. A promise of that, or undefined where nobody has to; `writer` itself is told before it is
 * answered, and needn't be waited for.
 */
export function dropEverywhere(everybody: Iterable<NearPage>, writer: NearPage): Promise<unknown> | undefined {
  const waits: Promise<void>[] = [];
  for (const page of [...everybody]) {
    const wait = page.tell();
    if (wait !== undefined && page !== writer) waits.push(wait);
  }
  return waits.length === 0 ? undefined : Promise.all(waits);
}
