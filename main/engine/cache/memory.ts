import type { Stored } from '../values/check.ts';
import type { KeyColumn } from '../values/key.ts';
import type { Use } from './uses.ts';

/** A value in memory as it is on disk: encoded, so that nobody can change what another one reads. */
export interface Resident extends Use {
  readonly mode: number;
  /**
   * Bytes stand as a text with a character each: V8 keeps short texts in its heap, in one piece and without holes, and arrays
   * of more than 64 bytes outside of it.
   */
  readonly data: string | number;
  readonly isBytes: boolean;
  readonly expiresAt: number | null;
}

/** What is in memory as it stood in its column. Bytes may be a part of a pool: copy what outlives the call. */
export const storedOf = ({ data, isBytes }: Resident): Stored =>
  isBytes ? Buffer.from(data as string, 'latin1') : data;

interface Slot extends Resident {
  readonly name: string | number;
  readonly bytes: number;
  visited: boolean;
  /** Towards the newest. */
  newer: Slot | undefined;
  older: Slot | undefined;
}

/** What the engine itself needs for a resident: the map's slot, the object, the key. */
const SLOT_BYTES = 200;
/** A value may take this part of the budget, so that one large value doesn't displace all small ones. */
const LARGEST_PART = 1 / 64;

/** A text can't be longer than some 512 MiB, however large the budget is. */
const MAX_BYTES = 256 * 1024 * 1024;

/**
 * Recently used values, bounded in bytes. A read marks its value and moves nothing; a hand goes from the oldest to the newest
 * and lets go what is unmarked (SIEVE, see `policy/eviction.ts`). Invariant: what is in it is what is on disk, as of the last
 * look at `data_version`.
 */
export class Memory {
  readonly #budget: number;
  readonly #slots = new Map<string | number, Slot>();
  #newest: Slot | undefined;
  #oldest: Slot | undefined;
  #hand: Slot | undefined;
  #bytes = 0;

  constructor(budget: number) {
    this.#budget = budget;
  }

  get isOff(): boolean {
    return this.#budget === 0;
  }

  /** Bytes in use, about. */
  get bytes(): number {
    return this.#bytes;
  }

  /** Whether `find` would find it. Marks nothing. */
  holds(key: KeyColumn): boolean {
    return this.#slots.size > 0 && this.#slots.has(nameOf(key));
  }

  find(key: KeyColumn): Resident | undefined {
    const slot = this.#slots.get(nameOf(key));
    if (slot !== undefined) slot.visited = true;
    return slot;
  }

  /** Answers what it keeps; undefined for what is too large. */
  keep(key: KeyColumn, id: number, mode: number, data: Stored, expiresAt: number | null): Resident | undefined {
    const name = nameOf(key);
    const bytes = SLOT_BYTES + sizeOf(name) + sizeOf(data);
    if (bytes > Math.min(MAX_BYTES, this.#budget * LARGEST_PART) || this.#slots.has(name)) return undefined;
    const older = this.#newest;
    const slot: Slot = {
      id,
      mode,
      data: typeof data === 'object' ? characters(data) : data,
      isBytes: typeof data === 'object',
      expiresAt,
      at: 0,
      hits: 0,
      name,
      bytes,
      visited: false,
      newer: undefined,
      older,
    };
    if (older === undefined) this.#oldest = slot;
    else older.newer = slot;
    this.#newest = slot;
    this.#slots.set(name, slot);
    this.#bytes += bytes;
    while (this.#bytes > this.#budget) this.#letGo();
    return slot;
  }

  forget(key: KeyColumn): void {
    if (this.#slots.size === 0) return;
    const slot = this.#slots.get(nameOf(key));
    if (slot !== undefined) this.#remove(slot);
  }

  clear(): void {
    if (this.#slots.size === 0) return;
    this.#slots.clear();
    this.#newest = this.#oldest = this.#hand = undefined;
    this.#bytes = 0;
  }

  #letGo(): void {
    let slot = this.#hand ?? this.#oldest;
    while (slot?.visited) {
      slot.visited = false;
      slot = slot.newer ?? this.#oldest;
    }
    if (slot === undefined) return;
    this.#hand = slot.newer;
    this.#remove(slot);
  }

  #remove(slot: Slot): void {
    if (this.#hand === slot) this.#hand = slot.newer;
    if (slot.newer === undefined) this.#newest = slot.older;
    else slot.newer.older = slot.older;
    if (slot.older === undefined) this.#oldest = slot.newer;
    else slot.older.newer = slot.newer;
    this.#slots.delete(slot.name);
    this.#bytes -= slot.bytes;
  }
}

/** A key of a map. The marker begins no key that is a string: those are well-formed. */
const nameOf = (key: KeyColumn): string | number =>
  typeof key === 'object' ? `\udc00${characters(key ?? NO_BYTES)}` : key;

/** In the place of a key that damage has made NULL. */
const NO_BYTES = new Uint8Array(0);

/** A character for each byte. */
const characters = (bytes: Uint8Array): string =>
  Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length).toString('latin1');

/** Strings may hold two bytes per character; bytes as a text take one. */
const sizeOf = (data: Stored): number =>
  typeof data === 'string' ? data.length * 2 : typeof data === 'number' ? 8 : data.length;
