interface WaitingCall {
  readonly start: () => Promise<unknown>;
  /** What comes after it waits until it has settled. */
  readonly exclusive: boolean;
  reject(reason: unknown): void;
}

/**
 * The order of calls on a store where one of them takes several messages: what comes after that waits here.
 *
 * Invariant: calls on one store are started in the order in which they came.
 */
export class StoreOrder {
  /** What waits, by store, where something holds the store. */
  readonly #waiting = new Map<string, WaitingCall[]>();

  /** Starts when the store is free, and with `holds` keeps it until what was started has settled. */
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

  /** Rejects what waits. */
  reject(reason: unknown): void {
    for (const waiting of this.#waiting.values()) for (const { reject } of waiting.splice(0)) reject(reason);
  }

  #releaseAfter(store: string, result: Promise<unknown>): void {
    const free = () => this.#release(store);
    result.then(free, free);
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
