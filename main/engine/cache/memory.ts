import type { Stored } from '../values/check.ts';
import type { KeyColumn } from '../values/key.ts';

/** A value in memory as it is on disk: encoded, so that nobody can change what another one reads. */
export interface Resident {
  readonly id: number;
  readonly mode: number;
  readonly data: Stored;
  readonly expiresAt: number | null;
  readonly bytes: number;
  visited: boolean;
}

/** What the engine itself needs for a resident: the map's slot, the object, the key. */
const RESIDENT_BYTES = 160;
/** A value may take this part of the budget, so that one large value doesn't displace all small ones. */
const LARGEST_PART = 1 / 64;

/**
 * Recently used values, bounded in bytes. A read marks its value; who has to make room goes round from the oldest and spares
 * the marked ones once (CLOCK: Corbató, "A paging experiment with the Multics system", 1968), so that a hit costs one look-up.
 * Invariant: what is in it is what is on disk, as of the last look at `data_version`.
 */
export class Memory {
  readonly #budget: number;
  readonly #residents = new Map<string | number, Resident>();
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

  find(key: KeyColumn): Resident | undefined {
    const resident = this.#residents.get(nameOf(key));
    if (resident !== undefined) resident.visited = true;
    return resident;
  }

  keep(key: KeyColumn, id: number, mode: number, data: Stored, expiresAt: number | null): void {
    const name = nameOf(key);
    const bytes = RESIDENT_BYTES + sizeOf(name) + sizeOf(data);
    if (bytes > this.#budget * LARGEST_PART) return;
    this.forget(key);
    this.#residents.set(name, { id, mode, data, expiresAt, bytes, visited: false });
    this.#bytes += bytes;
    if (this.#bytes > this.#budget) this.#makeRoom();
  }

  forget(key: KeyColumn): void {
    if (this.#residents.size === 0) return;
    const name = nameOf(key);
    const resident = this.#residents.get(name);
    if (resident === undefined) return;
    this.#residents.delete(name);
    this.#bytes -= resident.bytes;
  }

  clear(): void {
    if (this.#residents.size === 0) return;
    this.#residents.clear();
    this.#bytes = 0;
  }

  #makeRoom(): void {
    // What is spared moves behind the newest, so the walk meets it again only after everybody else.
    for (const [name, resident] of this.#residents) {
      this.#residents.delete(name);
      if (resident.visited) {
        resident.visited = false;
        this.#residents.set(name, resident);
        continue;
      }
      this.#bytes -= resident.bytes;
      if (this.#bytes <= this.#budget) return;
    }
  }
}

/** A key of a map. The marker begins no key that is a string: those are well-formed. */
const nameOf = (key: KeyColumn): string | number =>
  typeof key === 'object' ? `\udc00${Buffer.from(key.buffer, key.byteOffset, key.length).toString('latin1')}` : key;

/** Strings may hold two bytes per character. */
const sizeOf = (data: Stored): number =>
  typeof data === 'string' ? data.length * 2 : typeof data === 'number' ? 8 : data.length;
