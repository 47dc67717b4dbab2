import type { Stored } from '../values/encoding.ts';
import type { KeyColumn } from '../values/key.ts';
import type { BufferedAccess } from './row-stats.ts';

/** A value in memory, encoded as on disk, so that a caller can't change what another one reads. */
export interface CachedRow extends BufferedAccess {
  readonly mode: number;
  /**
   * Bytes are kept as a string with a character each: V8 keeps short strings in its heap, in one piece, and arrays of more than 64
   * bytes outside of it.
   */
  readonly data: string | number;
  readonly isBytes: boolean;
  readonly expiresAt: number | null;
}

/** Returns a cached value as it was in its column. Bytes may be a part of a pool: copy them if they outlive the call. */
export const toStored = ({ data, isBytes }: CachedRow): Stored =>
  isBytes ? Buffer.from(data as string, 'latin1') : data;

interface MemoryCacheNode extends CachedRow {
  readonly name: string | number;
  readonly bytes: number;
  visited: boolean;
  /** Towards the newest. */
  newer: MemoryCacheNode | undefined;
  older: MemoryCacheNode | undefined;
}

/** Bytes that V8 needs for an entry: the slot of the map, the object, the key. */
const NODE_OVERHEAD_BYTES = 200;
/** A value may take this part of the budget, so that one large value doesn't displace all small ones. */
const MAX_VALUE_FRACTION = 1 / 64;

/** A string can't be longer than about 512 MiB, however large the budget is. */
const MAX_VALUE_BYTES = 256 * 1024 * 1024;

/**
 * Recently used values, bounded in bytes. A read marks its value and moves nothing; a hand goes from the oldest to the newest and evicts
 * unmarked values (SIEVE, see `space/policy.ts`). Invariant: every value equals the one on disk, as of the last check of
 * `data_version`.
 */
export class MemoryCache {
  readonly #maxBytes: number;
  readonly #nodes = new Map<string | number, MemoryCacheNode>();
  #newest: MemoryCacheNode | undefined;
  #oldest: MemoryCacheNode | undefined;
  #hand: MemoryCacheNode | undefined;
  #bytes = 0;

  constructor(budget: number) {
    this.#maxBytes = budget;
  }

  get isOff(): boolean {
    return this.#maxBytes === 0;
  }

  /** About how many bytes are in use. */
  get bytes(): number {
    return this.#bytes;
  }

  /** Returns whether there is a value for the key, without marking it. */
  holds(key: KeyColumn): boolean {
    return this.#nodes.size > 0 && this.#nodes.has(toMapKey(key));
  }

  get(key: KeyColumn): CachedRow | undefined {
    const node = this.#nodes.get(toMapKey(key));
    if (node !== undefined) node.visited = true;
    return node;
  }

  /** Returns the new entry; undefined for a value that is too large. */
  set(key: KeyColumn, id: number, mode: number, data: Stored, expiresAt: number | null): CachedRow | undefined {
    const name = toMapKey(key);
    const bytes = NODE_OVERHEAD_BYTES + estimateBytes(name) + estimateBytes(data);
    if (bytes > Math.min(MAX_VALUE_BYTES, this.#maxBytes * MAX_VALUE_FRACTION) || this.#nodes.has(name))
      return undefined;
    const older = this.#newest;
    const node: MemoryCacheNode = {
      id,
      mode,
      data: typeof data === 'object' ? toLatin1(data) : data,
      isBytes: typeof data === 'object',
      expiresAt,
      accessedAt: 0,
      hits: 0,
      name,
      bytes,
      visited: false,
      newer: undefined,
      older,
    };
    if (older === undefined) this.#oldest = node;
    else older.newer = node;
    this.#newest = node;
    this.#nodes.set(name, node);
    this.#bytes += bytes;
    while (this.#bytes > this.#maxBytes) this.#evictOne();
    return node;
  }

  delete(key: KeyColumn): void {
    if (this.#nodes.size === 0) return;
    const node = this.#nodes.get(toMapKey(key));
    if (node !== undefined) this.#remove(node);
  }

  clear(): void {
    if (this.#nodes.size === 0) return;
    this.#nodes.clear();
    this.#newest = this.#oldest = this.#hand = undefined;
    this.#bytes = 0;
  }

  #evictOne(): void {
    let node = this.#hand ?? this.#oldest;
    while (node?.visited) {
      node.visited = false;
      node = node.newer ?? this.#oldest;
    }
    if (node === undefined) return;
    this.#hand = node.newer;
    this.#remove(node);
  }

  #remove(node: MemoryCacheNode): void {
    if (this.#hand === node) this.#hand = node.newer;
    if (node.newer === undefined) this.#newest = node.older;
    else node.newer.older = node.older;
    if (node.older === undefined) this.#oldest = node.newer;
    else node.older.newer = node.newer;
    this.#nodes.delete(node.name);
    this.#bytes -= node.bytes;
  }
}

/** Returns the key of a map for a key column. No string key begins with the marker: string keys are well-formed. */
export const toMapKey = (key: KeyColumn): string | number =>
  typeof key === 'object' ? `\udc00${toLatin1(key ?? NO_BYTES)}` : key;

/** Stands for a key that damage has made NULL. */
const NO_BYTES = new Uint8Array(0);

/** A character for each byte. */
const toLatin1 = (bytes: Uint8Array): string =>
  Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length).toString('latin1');

/** Strings may hold two bytes per character; bytes as a text take one. */
const estimateBytes = (data: Stored): number =>
  typeof data === 'string' ? data.length * 2 : typeof data === 'number' ? 8 : data.length;
