import { hashKey } from '../values/encoding.ts';
import type { KeyColumn } from '../values/key.ts';

/** Up to this many items are found by looking at each of them. */
const MAX_SCANNED_ITEMS = 8;
const MIN_SLOTS = 64;

interface Keyed {
  readonly key: KeyColumn;
}

/**
 * Items by key, in the order in which they were added; none is removed alone. A hash table with open addressing and linear probing: with the
 * short-lived keys of writes it takes a third of the time of a `Map`, which stores an entry in several places, hashes each new string, and
 * hashes all of them again when it grows. Keys chosen to have one hash make each call O(n); a journal bounds n.
 */
export class ItemTable<T extends Keyed> {
  #items: T[] = [];
  /** Numbers of items, from 1; 0 is free. Undefined while there are few items. At most half of the slots are in use. */
  #slots: Int32Array | undefined;
  #hashes: Int32Array | undefined;

  get size(): number {
    return this.#items.length;
  }

  /** O(1). */
  get(key: KeyColumn): T | undefined {
    const items = this.#items;
    if (items.length === 0) return undefined;
    if (this.#slots !== undefined) return this.#find(key, hashKey(key));
    for (const item of items) if (isSameKey(item.key, key)) return item;
    return undefined;
  }

  /** Adds an item unless there is one with its key, which is returned then. O(1). */
  addIfAbsent(item: T): T | undefined {
    const { key } = item;
    if (this.#slots === undefined) {
      const found = this.get(key);
      if (found !== undefined) return found;
      this.#items.push(item);
      if (this.#items.length > MAX_SCANNED_ITEMS) this.#index(MIN_SLOTS);
      return undefined;
    }
    const hash = hashKey(key);
    const found = this.#find(key, hash);
    if (found !== undefined) return found;
    const slots = this.#slots;
    this.#hashes![this.#items.length] = hash;
    this.#items.push(item);
    occupy(slots, hash, this.#items.length);
    if (this.#items.length * 2 >= slots.length) this.#index(slots.length * 2);
    return undefined;
  }

  /** Returns all items. */
  items(): T[] {
    return this.#items.slice();
  }

  clear(): void {
    this.#items = [];
    this.#slots = this.#hashes = undefined;
  }

  #find(key: KeyColumn, hash: number): T | undefined {
    const slots = this.#slots!;
    const hashes = this.#hashes!;
    const mask = slots.length - 1;
    for (let at = getFirstSlot(hash, mask); slots[at] !== 0; at = (at + 1) & mask) {
      const nth = slots[at]! - 1;
      if (hashes[nth] !== hash) continue;
      const item = this.#items[nth]!;
      if (isSameKey(item.key, key)) return item;
    }
    return undefined;
  }

  /** Makes the index with a number of slots, a power of 2. O(n), without reading a key that was hashed before. */
  #index(count: number): void {
    const items = this.#items;
    const slots = new Int32Array(count);
    const hashes = new Int32Array(count / 2);
    if (this.#hashes !== undefined) hashes.set(this.#hashes);
    else for (let nth = 0; nth < items.length; nth++) hashes[nth] = hashKey(items[nth]!.key);
    for (let nth = 0; nth < items.length; nth++) occupy(slots, hashes[nth]!, nth + 1);
    this.#slots = slots;
    this.#hashes = hashes;
  }
}

/** The upper bits of the hash are better mixed than the lower ones. */
const getFirstSlot = (hash: number, mask: number): number => (hash ^ (hash >>> 15)) & mask;

function occupy(slots: Int32Array, hash: number, number: number): void {
  const mask = slots.length - 1;
  let at = getFirstSlot(hash, mask);
  while (slots[at] !== 0) at = (at + 1) & mask;
  slots[at] = number;
}

const isSameKey = (one: KeyColumn, other: KeyColumn): boolean =>
  one === other ||
  (typeof one === 'object' &&
    typeof other === 'object' &&
    one.length === other.length &&
    Buffer.compare(one, other) === 0);
