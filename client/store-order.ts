interface WaitingCall {
  readonly start: () => Promise<unknown>;
  /** Later calls wait until this one has settled. */
  readonly exclusive: boolean;
  reject(reason: unknown): void;
}

/**
 * Keeps calls on a store in order when one of them takes several messages: later calls wait here.
 *
 * Invariant: calls on one store start in the order in which they were made.
 */
export class StoreOrder {
  /** Waiting calls by store, for stores with an exclusive call. */
  readonly #waiting = new Map<string, WaitingCall[]>();

  /** Starts the call when the store is free. An exclusive call keeps the store until it has settled. */
  run<T>(store: string, start: () => Promise<T>, exclusive = false): Promise<T> {
    const waiting = this.#waiting.get(store);
    if (waiting !== undefined) {
      return new Promise((resolve, reject) => {
        const startNow = () => {
          const result = start();
          resolve(result);
          return result;
        };
        waiting.push({ start: startNow, exclusive, reject });
      });
    }
    if (!exclusive) return start();
    this.#waiting.set(store, []);
    const result = start();
    this.#releaseAfter(store, result);
    return result;
  }

  /** Rejects all waiting calls. */
  reject(reason: unknown): void {
    for (const waiting of this.#waiting.values()) for (const { reject } of waiting.splice(0)) reject(reason);
  }

  #releaseAfter(store: string, result: Promise<unknown>): void {
    const release = () => this.#release(store);
    result.then(release, release);
  }

  #release(store: string): void {
    const waiting = this.#waiting.get(store) ?? [];
    for (let next = waiting.shift(); next !== undefined; next = waiting.shift()) {
      const result = next.start();
      if (next.exclusive) {
        this.#releaseAfter(store, result);
        return;
      }
    }
    this.#waiting.delete(store);
  }
}
