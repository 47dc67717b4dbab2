import { dequal } from 'dequal';
import { isPromise, isRemote, type MaybePromise, type ValueStore } from './store.ts';

/** Receives the error if a change of another window can't be read, and in a page also if the subscription ends by itself. */
export type OnError = (error: unknown) => void;

/**
 * Values that other windows may change, too. A read includes what this window writes meanwhile, and a follower is told only of values that
 * this window has neither read nor written: an older value never replaces a newer one.
 */
export class SharedValues {
  readonly #store: ValueStore;
  readonly #onError: OnError | undefined;
  /** What this window last read or wrote, by key. */
  readonly #known = new Map<string, unknown>();
  /** How many times this window has written, by key; also has the keys that it has only read. */
  readonly #writeCounts = new Map<string, number>();

  constructor(store: ValueStore, onError?: OnError) {
    this.#store = store;
    this.#onError = onError;
  }

  /** Returns the value; undefined if there is none. */
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

  /** Calls `listener` with each value that is news to this window; undefined if it was deleted. Returns an unsubscribe function. */
  follow(key: string, listener: (value: unknown) => void): () => void {
    let isFollowing = true;
    const onRead = (value: unknown) => {
      if (!isFollowing || (this.#known.has(key) && dequal(this.#known.get(key), value))) return;
      this.#known.set(key, value);
      listener(value);
    };
    const onError = isRemote(this.#store) && this.#onError ? { onError: this.#onError } : {};
    const unsubscribe = this.#store.subscribe(
      (change) => {
        if (change.key === undefined || change.key === key) this.#check(key, onRead);
      },
      { prefix: key, ...onError },
    );
    // It may have changed between a former read and now.
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
