/** A deque as one would first think of it. */
export class ModelDeque {
  #items: unknown[] = [];

  get length(): number {
    return this.#items.length;
  }

  push(...values: readonly unknown[]): number {
    return this.#items.push(...values);
  }

  unshift(...values: readonly unknown[]): number {
    return this.#items.unshift(...values);
  }

  pop(): unknown {
    return this.#items.pop();
  }

  shift(): unknown {
    return this.#items.shift();
  }

  set(index: number, value: unknown): void {
    this.#items[index] = value;
  }

  delete(index: number): boolean {
    return this.#items.splice(index, 1).length > 0;
  }

  splice(start: number, count: number): unknown[] {
    return this.#items.splice(start, count);
  }

  rotate(count: number): void {
    if (this.#items.length === 0) return;
    const steps = ((count % this.#items.length) + this.#items.length) % this.#items.length;
    this.#items.unshift(...this.#items.splice(this.#items.length - steps, steps));
  }

  reverse(): void {
    this.#items.reverse();
  }

  clear(): void {
    this.#items = [];
  }

  at(index: number): unknown {
    return this.#items[index];
  }

  transact<T>(work: () => T): T {
    const before = [...this.#items];
    try {
      return work();
    } catch (error) {
      this.#items = before;
      throw error;
    }
  }
}
