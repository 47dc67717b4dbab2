import type { Index, Key, Range } from '../engine/index.ts';
import { toJson } from '../engine/values/json-value.ts';
import { matchesGlob } from './glob.ts';
import type { KeyedStore } from './inspected-stores.ts';
import { createSlices } from './time-slices.ts';

/** Keys by their positions in a list. */
export interface KeyList {
  /** Keys found so far or, if it is known before, of all. */
  readonly total: number;
  readonly isComplete: boolean;
  readonly isCut: boolean;
  /** Returns the keys from a position on, fewer at the end; waits until they have been found. Undefined: gone since. */
  read(from: number, count: number): Promise<(Key | undefined)[]>;
  close(): void;
}

/** Returns a key as people read it: text as it is, everything else as JSON. */
export const formatKey = (key: Key): string => (typeof key === 'string' ? key : JSON.stringify(toJson(key)));

/** Matches that a list with a pattern keeps. */
const MAX_MATCHES = 50_000;
type StoreRange = Pick<Range, 'order' | 'reverse' | 'prefix'>;

/** Where a result page of the store begins. */
interface PageStart {
  readonly position: number;
  readonly cursor: unknown;
}

/**
 * The keys of a store, walked once in slices of the main thread's time. Without a pattern it remembers where each result page begins, about one cursor
 * for 512 keys, and reads pages again as they are shown: a million keys take 2,000 cursors. With a pattern it keeps the matches.
 *
 * Invariant: pages begin at keys, not at counts, so that what is added or deleted meanwhile shifts rows within a page only, and no key is in two rows.
 */
export class StoreKeyList implements KeyList {
  readonly #store: Pick<Index, 'page' | 'size'>;
  readonly #range: StoreRange;
  readonly #glob: string | undefined;
  readonly #pages: PageStart[] = [];
  readonly #matches: Key[] = [];
  /** Called when more has been found. */
  readonly #waiting = new Set<() => void>();
  #found = 0;
  #isClosed = false;
  #error: unknown;
  isComplete = false;
  isCut = false;

  constructor({ store }: KeyedStore, range: StoreRange, glob: string | undefined) {
    this.#store = store as Pick<Index, 'page' | 'size'>;
    this.#range = range;
    this.#glob = glob;
    void this.#walk();
  }

  get total(): number {
    const isWhole = this.#glob === undefined && this.#range.prefix === undefined;
    return isWhole && !this.isComplete ? Math.max(this.#found, this.#store.size) : this.#found;
  }

  async read(from: number, count: number): Promise<(Key | undefined)[]> {
    await this.#waitFor(from + count);
    if (this.#glob !== undefined) return this.#matches.slice(from, from + count);
    return this.#readPages(from, count);
  }

  close(): void {
    this.#isClosed = true;
    this.#notify();
  }

  /** Never rejects: `read` throws its error. */
  async #walk(): Promise<void> {
    const pause = createSlices();
    try {
      let cursor: unknown;
      do {
        const { items, next } = this.#store.page('keys', this.#range, cursor);
        this.#add(items as readonly Key[], cursor);
        cursor = next;
        this.#notify();
        await pause();
      } while (cursor !== undefined && !this.#isClosed && !this.isCut);
      this.isComplete = true;
    } catch (error) {
      this.#error = error;
    }
    this.#notify();
  }

  #add(keys: readonly Key[], cursor: unknown): void {
    const glob = this.#glob;
    if (glob === undefined) {
      this.#pages.push({ position: this.#found, cursor });
      this.#found += keys.length;
      return;
    }
    for (const key of keys) {
      if (!matchesGlob(formatKey(key), glob)) continue;
      if (this.#matches.length >= MAX_MATCHES) {
        this.isCut = true;
        return;
      }
      this.#found = this.#matches.push(key);
    }
  }

  #notify(): void {
    for (const resolve of this.#waiting) resolve();
    this.#waiting.clear();
  }

  async #waitFor(count: number): Promise<void> {
    while (this.#found < count && !this.isComplete && !this.#isClosed && this.#error === undefined)
      await new Promise<void>((resolve) => this.#waiting.add(resolve));
    if (this.#error !== undefined) throw this.#error;
  }

  #readPages(from: number, count: number): (Key | undefined)[] {
    const keys: (Key | undefined)[] = [];
    let index = Math.max(0, this.#findPage(from));
    for (; index < this.#pages.length && keys.length < count; index++) {
      const start = from + keys.length - this.#pages[index]!.position;
      keys.push(...this.#readPage(index).slice(start, start + count - keys.length));
    }
    return keys;
  }

  /** Returns the keys that a page has now, at the positions that it had; what it reads of the next page, where keys are gone, is left to that. */
  #readPage(index: number): (Key | undefined)[] {
    const { position } = this.#pages[index]!;
    const keys: (Key | undefined)[] = this.#readKeysAt(index);
    const next = this.#pages[index + 1];
    if (next !== undefined) {
      const following = new Set(this.#readKeysAt(index + 1).map(formatKey));
      const end = keys.findIndex((key) => following.has(formatKey(key!)));
      if (end >= 0) keys.length = end;
    }
    const length = (next?.position ?? this.#found) - position;
    return Array.from({ length }, (_, offset) => keys[offset]);
  }

  readonly #readKeysAt = (index: number): Key[] =>
    this.#store.page('keys', this.#range, this.#pages[index]!.cursor).items as Key[];

  /** Returns the index of the last page that begins at a position or before it. O(log pages). */
  #findPage(position: number): number {
    let [low, high] = [0, this.#pages.length];
    while (low < high) {
      const middle = (low + high) >> 1;
      if (this.#pages[middle]!.position <= position) low = middle + 1;
      else high = middle;
    }
    return low - 1;
  }
}

/** Keys that are known at once: positions of a deque, paths of settings. */
export class ComputedKeyList implements KeyList {
  readonly #count: number;
  readonly #at: (position: number) => Key;
  readonly isComplete = true;
  readonly isCut = false;

  constructor(count: number, at: (position: number) => Key) {
    this.#count = count;
    this.#at = at;
  }

  get total(): number {
    return this.#count;
  }

  async read(from: number, count: number): Promise<Key[]> {
    const length = Math.max(0, Math.min(count, this.#count - from));
    return Array.from({ length }, (_, index) => this.#at(from + index));
  }

  close(): void {}
}
