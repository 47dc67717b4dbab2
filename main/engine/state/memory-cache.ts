import type { Stored } from '../values/encoding.ts';
import type { KeyColumn } from '../values/key.ts';
import { createTemplate, type ObjectTemplate } from '../values/object-template.ts';
import type { BufferedAccess } from './row-stats.ts';

/** What a row says about the value file that it names; `check` as in the row. */
export interface CachedFile {
  readonly name: string;
  readonly bytes: number;
  readonly check: number;
}

/** A value in memory, encoded as on disk, so that a caller can't change what another one reads. */
export interface CachedRow extends BufferedAccess {
  readonly mode: number;
  /**
   * Bytes are kept as a string with a character each: V8 keeps short strings in its heap, in one piece, and arrays of more than 64
   * bytes outside of it.
   */
  readonly data: string | number;
  readonly isBytes: boolean;
  /** Of a large value, whose row alone is in memory; `data` is empty then. */
  readonly file: CachedFile | undefined;
  readonly expiresAt: number | null;
  /** Made for an object that is read again and again; null if none can be made. */
  readonly template: ObjectTemplate | null | undefined;
}

/** Returns a cached value as it was in its column. Bytes may be a part of a pool: copy them if they outlive the call. */
export const toStored = ({ data, isBytes }: CachedRow): Stored =>
  isBytes ? Buffer.from(data as string, 'latin1') : data;

interface MemoryCacheNode extends CachedRow {
  readonly name: string | number;
  /** Whether the name stands for a key of bytes. */
  readonly hasBytesKey: boolean;
  /** What the entry takes, without its template. */
  readonly bytes: number;
  template: ObjectTemplate | null | undefined;
  visited: boolean;
  /** Whether it was read from memory more than once since it was stored here. */
  isRepeated: boolean;
  /** Towards the newest. */
  newer: MemoryCacheNode | undefined;
  older: MemoryCacheNode | undefined;
}

/** Bytes that V8 needs for an entry: the slot of the map, the object, the key. */
const NODE_OVERHEAD_BYTES = 200;
/** A value may take this part of the budget, so that one large value doesn't displace all small ones. */
const MAX_VALUE_FRACTION = 1 / 64;

/** A template is made only where there is room for this many times what its value takes. */
const EXPECTED_TEMPLATE_RATIO = 2;

/** A string can't be longer than about 512 MiB, however large the budget is. */
const MAX_VALUE_BYTES = 256 * 1024 * 1024;

/**
 * Recently used values, bounded in bytes. A read marks its value and moves nothing; a hand goes from the oldest to the newest and evicts
 * unmarked values (SIEVE, see `space/policy.ts`). Invariant: every value equals the one on disk, as of the last check of
 * `data_version`.
 */
export class MemoryCache {
  readonly #maxBytes: number;
  readonly #maxValueBytes: number;
  readonly #nodes = new Map<string | number, MemoryCacheNode>();
  #newest: MemoryCacheNode | undefined;
  #oldest: MemoryCacheNode | undefined;
  #hand: MemoryCacheNode | undefined;
  #bytes = 0;
  /** Counts how often everything was dropped: entries that were found before are no longer valid then. */
  clears = 0;
  readonly isOff: boolean;

  constructor(budget: number) {
    this.#maxBytes = budget;
    this.#maxValueBytes = Math.min(MAX_VALUE_BYTES, budget * MAX_VALUE_FRACTION);
    this.isOff = budget === 0;
  }

  /** About how many bytes are in use. */
  get bytes(): number {
    return this.#bytes;
  }

  get(key: KeyColumn): CachedRow | undefined {
    return this.#find(typeof key === 'object' ? toMapKey(key) : key);
  }

  #find(name: string | number): MemoryCacheNode | undefined {
    const node = this.#nodes.get(name);
    if (node === undefined) return undefined;
    if (node.visited) node.isRepeated = true;
    else node.visited = true;
    return node;
  }

  /** Same as `get`, for a string that was not checked: one that isn't well-formed is never a key, so nothing is found. */
  getByText(text: string): CachedRow | undefined {
    const node = this.#find(text);
    return node?.hasBytesKey === true ? undefined : node;
  }

  /**
   * Keeps a template of the decoded value of an entry that is read again and again, while there is room for it: no value is evicted for a
   * template. `value` is what `JSON.parse` has returned, and stays the caller's.
   */
  keepTemplate(row: CachedRow, value: object): void {
    const node = row as MemoryCacheNode;
    if (!node.isRepeated || node.template !== undefined) return;
    const room = this.#maxBytes - this.#bytes;
    // Not tried at each read while the memory is full. An entry that was dropped since it was found must not be counted.
    if (room < node.bytes * EXPECTED_TEMPLATE_RATIO || this.#nodes.get(node.name) !== node) return;
    const template = createTemplate(value, Math.min(room, this.#maxValueBytes - node.bytes)) ?? null;
    node.template = template;
    if (template !== null) this.#bytes += template.bytes;
  }

  /** Returns the new entry; undefined for a value that is too large. */
  set(
    key: KeyColumn,
    id: number,
    mode: number,
    data: Stored,
    expiresAt: number | null,
    file?: CachedFile,
  ): CachedRow | undefined {
    const name = toMapKey(key);
    const bytes = NODE_OVERHEAD_BYTES + estimateBytes(name) + estimateBytes(data) + estimateBytes(file?.name ?? '');
    if (bytes > this.#maxValueBytes || this.#nodes.has(name)) return undefined;
    const older = this.#newest;
    const node: MemoryCacheNode = {
      id,
      mode,
      data: typeof data === 'object' ? toLatin1(data) : data,
      isBytes: typeof data === 'object',
      file,
      expiresAt,
      accessedAt: 0,
      hits: 0,
      name,
      hasBytesKey: typeof key === 'object',
      bytes,
      template: undefined,
      visited: false,
      isRepeated: false,
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
    this.clears++;
    this.#nodes.clear();
    this.#newest = this.#oldest = this.#hand = undefined;
    this.#bytes = 0;
  }

  #evictOne(): void {
    let node = this.#hand ?? this.#oldest;
    while (node?.visited) {
      node.visited = false;
      node.isRepeated = false;
      // Templates give way before values.
      if (this.#dropTemplate(node) > 0 && this.#bytes <= this.#maxBytes) {
        this.#hand = node.newer;
        return;
      }
      node = node.newer ?? this.#oldest;
    }
    if (node === undefined) return;
    this.#hand = node.newer;
    this.#remove(node);
  }

  /** Returns how many bytes became free. */
  #dropTemplate(node: MemoryCacheNode): number {
    const bytes = node.template?.bytes ?? 0;
    node.template = undefined;
    this.#bytes -= bytes;
    return bytes;
  }

  #remove(node: MemoryCacheNode): void {
    this.#dropTemplate(node);
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
const toMapKey = (key: KeyColumn): string | number =>
  typeof key === 'object' ? `\udc00${toLatin1(key ?? NO_BYTES)}` : key;

/** Stands for a key that damage has made NULL. */
const NO_BYTES = new Uint8Array(0);

/** A character for each byte. */
const toLatin1 = (bytes: Uint8Array): string =>
  Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length).toString('latin1');

/** Strings may hold two bytes per character; bytes as a text take one. */
const estimateBytes = (data: Stored): number =>
  typeof data === 'string' ? data.length * 2 : typeof data === 'number' ? 8 : data.length;
