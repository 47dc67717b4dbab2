import { dequal } from 'dequal';
import { getErrorOption, isPromise, type MaybePromise, type OnError, type ValueStore } from './store.ts';

/**
 * Values that other windows change as well. A read that overlaps a write of this window is repeated, and a follower only gets values that this
 * window doesn't have yet. So an older value never replaces a newer one.
 */
export class SharedValues {
  readonly #store: ValueStore;
  readonly #onError: OnError | undefined;
  /** What this window last read or wrote, by key. */
  readonly #known = new Map<string, unknown>();
  /** How many times this window has written each key; 0 for a key that it has only read. */
  readonly #writeCounts = new Map<string, number>();

  constructor(store: ValueStore, onError?: OnError) {
    this.#store = store;
    this.#onError = onError;
  }

  /** Returns the value; undefined if the key is missing. */
  read(key: string): MaybePromise<unknown> {
    const learn = (value: unknown) => {
      this.#known.set(key, value);
      return value;
    };
    const read = this.#readLatest(key);
    return isPromise(read) ? read.then(learn) : learn(read);
  }

  write(key: string, value: unknown): MaybePromise<void> {
    return this.#change(key, value, () => this.#store.set(key, value));
  }

  remove(key: string): MaybePromise<void> {
    return this.#change(key, undefined, () => this.#store.delete(key));
  }

  /** Calls `listener` with each value that this window doesn't have yet; undefined for a deleted one. Returns an unsubscribe function. */
  follow(key: string, listener: (value: unknown) => void): () => void {
    let isFollowing = true;
    const onRead = (value: unknown) => {
      if (!isFollowing || (this.#known.has(key) && dequal(this.#known.get(key), value))) return;
      this.#known.set(key, value);
      listener(value);
    };
    const unsubscribe = this.#store.subscribe(
      (change) => {
        if (change.key === undefined || change.key === key) this.#check(key, onRead);
      },
      { prefix: key, ...getErrorOption(this.#store, this.#onError) },
    );
    // The value may have changed between an earlier read and the subscription.
    if (this.#writeCounts.has(key)) this.#check(key, onRead);
    return () => {
      isFollowing = false;
      unsubscribe();
    };
  }

  #check(key: string, onRead: (value: unknown) => void): void {
    try {
      const read = this.#readLatest(key);
      if (isPromise(read)) void read.then(onRead, this.#onError);
      else onRead(read);
    } catch (error) {
      if (this.#onError === undefined) throw error;
      this.#onError(error);
    }
  }

  #readLatest(key: string): MaybePromise<unknown> {
    const count = this.#writeCounts.get(key) ?? 0;
    this.#writeCounts.set(key, count);
    const read = this.#store.get(key);
    if (!isPromise(read)) return read;
    return read.then((value) => (this.#writeCounts.get(key) === count ? value : this.#readLatest(key)));
  }

  #change(key: string, value: unknown, change: () => unknown): MaybePromise<void> {
    this.#writeCounts.set(key, (this.#writeCounts.get(key) ?? 0) + 1);
    this.#known.set(key, value);
    const forget = (error: unknown): never => {
      this.#known.delete(key);
      throw error;
    };
    try {
      const changed = change();
      if (isPromise(changed)) return changed.then(() => undefined, forget);
    } catch (error) {
      forget(error);
    }
  }
}
