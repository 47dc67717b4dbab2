import { createSubscriber } from 'svelte/reactivity';
import { toStore } from 'svelte/store';
import type { Observer, Snapshot } from '../bindings/index.ts';

/** What a component shows: `entry.value` is reactive in effects, templates and `$derived`, and `$entry` is the same by Svelte's store contract. */
export interface Live<V> {
  readonly value: V;
  /** Why the data can't be read, or why the last write failed; undefined while all is well. `value` keeps the last known value. */
  readonly error: unknown;
  /** Nothing was read yet, and nothing failed. */
  readonly isLoading: boolean;
  /** Resolves with the value as soon as there is one, for `{#await}`; rejects if the data can't be read. */
  readonly loaded: Promise<V>;
  /** Calls `run` with the value at once, and whenever it changes. Returns an unsubscribe function. */
  subscribe(run: (value: V) => void): () => void;
  /** Reads and follows again after an error. */
  retry(): void;
}

/** What a component shows and writes: `entry.value = …`, `$entry = …`, `bind:value={entry.value}`. */
export interface WritableLive<V> extends Live<V> {
  value: V;
  /** Shows the value at once and stores it. Resolves when it is on disk; rejects, with the reason also in `error`, if it can't be stored. */
  set(value: V): Promise<void>;
  /** Like `set`, with what `change` makes of the value that is shown. */
  update(change: (value: V) => V): Promise<void>;
}

/** A value, or a function that returns it and reads `$state` or props. */
export type ValueOrGetter<T> = T | (() => T);

export const getValue = <T>(source: ValueOrGetter<T>): T =>
  typeof source === 'function' ? (source as () => T)() : source;

/** While there is no key. Only entries may have none, and their value may be undefined. */
const IDLE: Snapshot<never> = { value: undefined as never, error: undefined, isLoading: false };

/** What an object of this entry point follows. */
export class LiveData<T> {
  readonly #getObserver: () => Observer<T> | undefined;
  #observer: Observer<T> | undefined;
  /** Runs an effect that has called it again when something changes. */
  #track: (() => void) | undefined;
  #notify: (() => void) | undefined;
  #writeError: unknown;

  /** `getObserver` is called whenever the data is read; it returns undefined while there is nothing to follow. */
  constructor(getObserver: () => Observer<T> | undefined) {
    this.#getObserver = getObserver;
  }

  /** What to show now. Effects that read it run again when it changes. */
  get snapshot(): Snapshot<T> {
    const observer = this.#getObserver();
    if (observer !== this.#observer) {
      this.#observer = observer;
      this.#writeError = undefined;
      this.#track = observer && this.#createTracker(observer);
    }
    // Before it is subscribed to: what is known at once is no change.
    const snapshot = observer?.getSnapshot() ?? IDLE;
    this.#track?.();
    return snapshot;
  }

  /** Returns the result of a write. A failure is the error from then on, so it need not be caught: `$entry = …` can't. */
  track<R>(write: Promise<R>): Promise<R> {
    const tracked = write.then(
      (result) => {
        this.#setWriteError(undefined);
        return result;
      },
      (error: unknown) => {
        this.#setWriteError(error);
        throw error;
      },
    );
    tracked.catch(() => {});
    return tracked;
  }

  /** Returns a view of a part of what is shown, with `members`, among which may be getters. */
  toLive<V, Members extends object>(part: (value: T) => V, members: Members): Live<V> & Members {
    const data = this;
    const live: Live<V> = {
      get value() {
        return part(data.snapshot.value);
      },
      get error() {
        const { error } = data.snapshot;
        return data.#writeError ?? error;
      },
      get isLoading() {
        return data.snapshot.isLoading;
      },
      get loaded() {
        return data.#load().then(part);
      },
      subscribe: (run) => toStore(() => live.value).subscribe(run),
      retry: () => data.#observer?.retry(),
    };
    return Object.defineProperties(live, Object.getOwnPropertyDescriptors(members)) as Live<V> & Members;
  }

  /** Like `toLive`; `write` stores a value. */
  toWritable<Members extends object, Options extends readonly unknown[] = []>(
    write: (value: T, ...options: Options | []) => Promise<void>,
    members: Members,
  ): WritableLive<T> & Members & { set(value: T, ...options: Options | []): Promise<void> } {
    const set = (value: T, ...options: Options | []): Promise<void> =>
      this.#isFilledInByElement() ? Promise.resolve() : this.track(write(value, ...options));
    const update = (change: (value: T) => T): Promise<void> => this.track(write(change(live.value)));
    const live = this.toLive((value) => value, { ...members, set, update });
    return Object.defineProperty(live, 'value', { set: (value: T) => set(value) });
  }

  /**
   * `<select bind:value={…}>` sets its first option in an effect when it is mounted with a value that is undefined. While the value is still
   * loading, that must not replace the stored one.
   */
  #isFilledInByElement(): boolean {
    return this.snapshot.isLoading && isInEffect();
  }

  #createTracker(observer: Observer<T>): () => void {
    return createSubscriber((update) => {
      this.#notify = update;
      return observer.subscribe(update);
    });
  }

  #setWriteError(error: unknown): void {
    if (error === this.#writeError) return;
    this.#writeError = error;
    this.#notify?.();
  }

  async #load(): Promise<T> {
    let observer: Observer<T> | undefined;
    // The key may change in the meantime.
    while (observer !== this.#getObserver()) {
      observer = this.#getObserver();
      await observer?.settled;
    }
    const { error, value } = observer?.getSnapshot() ?? IDLE;
    if (error !== undefined) throw error;
    return value;
  }
}

/** Svelte tells outside its components by this alone: a subscriber starts in effects only. */
function isInEffect(): boolean {
  let isStarted = false;
  createSubscriber(() => {
    isStarted = true;
  })();
  return isStarted;
}
