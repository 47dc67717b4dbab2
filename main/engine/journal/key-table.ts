import { hashKey } from '../values/encoding.ts';
import type { KeyColumn } from '../values/key.ts';

/** Up to this many keys are found by looking at each of them. */
const MAX_SCANNED_KEYS = 8;
const MIN_SLOTS = 64;

/**
 * Keys, numbered from 0 in the order in which they were added; none is removed alone. A hash table with open addressing and linear probing: with
 * the short-lived keys of writes it takes a third of the time of a `Map`, which stores an entry in several places, hashes each new string, and
 * hashes all of them again when it grows. Keys chosen to have one hash make each call O(n); a journal bounds n.
 */
export class KeyTable {
  #keys: KeyColumn[] = [];
  /** Numbers of keys, plus 1; 0 is free. Undefined while there are few keys. At most half of the slots are in use. */
  #slots: Int32Array | undefined;
  #hashes: Int32Array | undefined;

  get size(): number {
    return this.#keys.length;
  }

  /** Returns the key of a number below `size`. */
  at(nth: number): KeyColumn {
    return this.#keys[nth]!;
  }

  /** Returns the number of a key; -1 if it isn't there. O(1). */
  find(key: KeyColumn): number {
    const keys = this.#keys;
    if (keys.length === 0) return -1;
    if (this.#slots !== undefined) return this.#find(key, toHash(key));
    for (let nth = 0; nth < keys.length; nth++) if (isSameKey(keys[nth]!, key)) return nth;
    return -1;
  }

  /** Returns the number of a key. Adds it unless it is there: then its number is what `size` was. O(1). */
  add(key: KeyColumn): number {
    const keys = this.#keys;
    const slots = this.#slots;
    const hash = slots === undefined ? 0 : toHash(key);
    const found = slots === undefined ? this.find(key) : this.#find(key, hash);
    if (found >= 0) return found;
    keys.push(key);
    if (slots === undefined) {
      if (keys.length > MAX_SCANNED_KEYS) this.#index(MIN_SLOTS);
    } else {
      this.#hashes![keys.length - 1] = hash;
      occupy(slots, hash, keys.length);
      if (keys.length * 2 >= slots.length) this.#index(slots.length * 2);
    }
    return keys.length - 1;
  }

  clear(): void {
    this.#keys = [];
    this.#slots = this.#hashes = undefined;
  }

  #find(key: KeyColumn, hash: number): number {
    const slots = this.#slots!;
    const hashes = this.#hashes!;
    const mask = slots.length - 1;
    for (let at = getFirstSlot(hash, mask); slots[at] !== 0; at = (at + 1) & mask) {
      const nth = slots[at]! - 1;
      if (hashes[nth] === hash && isSameKey(this.#keys[nth]!, key)) return nth;
    }
    return -1;
  }

  /** Makes the index with a number of slots, a power of 2. O(n), without reading a key that was hashed before. */
  #index(count: number): void {
    const keys = this.#keys;
    const slots = new Int32Array(count);
    const hashes = new Int32Array(count / 2);
    if (this.#hashes !== undefined) hashes.set(this.#hashes);
    else for (let nth = 0; nth < keys.length; nth++) hashes[nth] = hashKey(keys[nth]!);
    for (let nth = 0; nth < keys.length; nth++) occupy(slots, hashes[nth]!, nth + 1);
    this.#slots = slots;
    this.#hashes = hashes;
  }
}

/** Signed, as the table keeps it: the hash of an empty key is not. */
const toHash = (key: KeyColumn): number => hashKey(key) | 0;

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
