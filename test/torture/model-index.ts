/** An index as one would first think of it. */
export class ModelIndex {
  #map = new Map<unknown, unknown>();

  set(key: unknown, value: unknown): this {
    this.#map.set(key, value);
    return this;
  }

  setMany(entries: Iterable<readonly [unknown, unknown]>): void {
    for (const [key, value] of entries) this.#map.set(key, value);
  }

  setDefault(key: unknown, value: unknown): unknown {
    if (!this.#map.has(key)) this.#map.set(key, value);
    return this.#map.get(key);
  }

  update(key: unknown, next: (current: unknown) => unknown): unknown {
    this.#map.set(key, next(this.#map.get(key)));
    return this.#map.get(key);
  }

  delete(key: unknown): boolean {
    return this.#map.delete(key);
  }

  pop(key: unknown): unknown {
    const value = this.#map.get(key);
    this.#map.delete(key);
    return value;
  }

  popItem({ last = true }: { readonly last?: boolean } = {}): [unknown, unknown] | undefined {
    const item = [...this.#map].at(last ? -1 : 0);
    if (item !== undefined) this.#map.delete(item[0]);
    return item;
  }

  clear(): void {
    this.#map.clear();
  }

  get(key: unknown): unknown {
    return this.#map.get(key);
  }

  keys(): Iterable<unknown> {
    return this.#map.keys();
  }

  transact<T>(work: () => T): T {
    const before = new Map(this.#map);
    try {
      return work();
    } catch (error) {
      this.#map = before;
      throw error;
    }
  }
}
