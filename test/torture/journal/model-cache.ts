import { type JournalKey, toKeyId } from './keys.ts';

interface Item {
  readonly key: JournalKey;
  readonly value: unknown;
  readonly expiresAt: number | undefined;
  readonly tag: string | undefined;
  /** The number of an item of the queue. */
  readonly number: number | undefined;
}

interface ModelSetOptions {
  readonly ttl?: number;
  readonly tag?: string;
}

type ModelEntry = readonly [JournalKey, unknown, ModelSetOptions?];

/** The first number of a queue, see docs/disk-format.md. */
const FIRST_NUMBER = 500_000_000_000_000;

/**
 * A cache as a `Map`, whose order of insertion is the stored order: fast enough to follow a million steps. An item that has expired is
 * missing.
 */
export class ModelCache {
  readonly #clock: () => number;
  #items = new Map<string, Item>();

  constructor(clock: () => number) {
    this.#clock = clock;
  }

  #find(key: JournalKey): Item | undefined {
    const item = this.#items.get(toKeyId(key));
    return item !== undefined && this.#isLive(item) ? item : undefined;
  }

  #isLive({ expiresAt }: Item): boolean {
    return expiresAt === undefined || this.#clock() < expiresAt;
  }

  #put(item: Item): void {
    const id = toKeyId(item.key);
    // A live item keeps its place, one in the place of an expired one is new.
    if (this.#find(item.key) === undefined) this.#items.delete(id);
    this.#items.set(id, item);
  }

  #toExpiry(ttl: number | undefined): number | undefined {
    return ttl === undefined ? undefined : this.#clock() + ttl;
  }

  #live(): Item[] {
    return [...this.#items.values()].filter((item) => this.#isLive(item));
  }

  get(key: JournalKey): unknown {
    return this.#find(key)?.value;
  }

  has(key: JournalKey): boolean {
    return this.#find(key) !== undefined;
  }

  getEntry(key: JournalKey): Pick<Item, 'value' | 'expiresAt' | 'tag'> | undefined {
    return this.#find(key);
  }

  set(key: JournalKey, value: unknown, { ttl, tag }: ModelSetOptions = {}): void {
    this.#put({ key, value, expiresAt: this.#toExpiry(ttl), tag, number: this.#find(key)?.number });
  }

  setMany(entries: Iterable<ModelEntry>, options: ModelSetOptions = {}): void {
    for (const [key, value, own] of entries) this.set(key, value, { ...options, ...own });
  }

  add(key: JournalKey, value: unknown, options?: ModelSetOptions): boolean {
    if (this.has(key)) return false;
    this.set(key, value, options);
    return true;
  }

  touch(key: JournalKey, { ttl }: ModelSetOptions = {}): boolean {
    const item = this.#find(key);
    if (item !== undefined) this.#put({ ...item, expiresAt: this.#toExpiry(ttl) });
    return item !== undefined;
  }

  update(key: JournalKey, next: (current: unknown) => unknown): unknown {
    const item = this.#find(key);
    const value = next(item?.value);
    this.#put({ expiresAt: undefined, tag: undefined, number: undefined, ...item, key, value });
    return value;
  }

  incr(key: JournalKey, delta = 1): number {
    return this.update(key, (current) => Number(current ?? 0) + delta) as number;
  }

  delete(key: JournalKey): boolean {
    const wasLive = this.has(key);
    this.#items.delete(toKeyId(key));
    return wasLive;
  }

  deleteMany(keys: Iterable<JournalKey>): number {
    return [...keys].filter((key) => this.delete(key)).length;
  }

  pop(key: JournalKey): unknown {
    const value = this.get(key);
    this.delete(key);
    return value;
  }

  #edge(side: 'front' | 'back'): Item | undefined {
    const queue = this.#live().filter(({ number }) => number !== undefined);
    queue.sort((one, other) => one.number! - other.number!);
    return queue.at(side === 'front' ? 0 : -1);
  }

  push(value: unknown, { side = 'back', ttl, tag }: ModelSetOptions & { side?: 'front' | 'back' } = {}): number {
    const step = side === 'back' ? 1 : -1;
    const edge = this.#edge(side);
    const number = edge === undefined ? FIRST_NUMBER : edge.number! + step;
    this.#put({ key: number, value, expiresAt: this.#toExpiry(ttl), tag, number });
    return number;
  }

  peek({ side = 'front' }: { side?: 'front' | 'back' } = {}): [JournalKey, unknown] | undefined {
    const item = this.#edge(side);
    return item && [item.key, item.value];
  }

  pull(options: { side?: 'front' | 'back' } = {}): [JournalKey, unknown] | undefined {
    const found = this.peek(options);
    if (found !== undefined) this.delete(found[0]);
    return found;
  }

  peekItem({ last = true }: { last?: boolean } = {}): [JournalKey, unknown] | undefined {
    const item = this.#live().at(last ? -1 : 0);
    return item && [item.key, item.value];
  }

  #removeLive(isChosen: (item: Item) => boolean): number {
    let live = 0;
    for (const [id, item] of this.#items) {
      if (!isChosen(item)) continue;
      if (this.#isLive(item)) live++;
      this.#items.delete(id);
    }
    return live;
  }

  expire(): void {
    this.#removeLive((item) => !this.#isLive(item));
  }

  evict(tag: string): number {
    return this.#removeLive((item) => item.tag === tag);
  }

  clear(): number {
    return this.#removeLive(() => true);
  }

  deletePrefix(prefix: string): number {
    return this.#removeLive(({ key }) => typeof key === 'string' && key.startsWith(prefix));
  }

  get size(): number {
    return this.#live().length;
  }

  keys({ prefix, tag, reverse = false }: { prefix?: string; tag?: string; reverse?: boolean } = {}): JournalKey[] {
    const found = this.#live()
      .filter(({ key }) => prefix === undefined || (typeof key === 'string' && key.startsWith(prefix)))
      .filter((item) => tag === undefined || item.tag === tag)
      .map(({ key }) => key);
    return reverse ? found.reverse() : found;
  }

  transact<T>(work: () => T): T {
    const before = new Map(this.#items);
    try {
      return work();
    } catch (error) {
      this.#items = before;
      throw error;
    }
  }
}
