import { createSubscriber } from 'svelte/reactivity';
import { toStore } from 'svelte/store';
import type { Observer, Snapshot } from '../bindings/index.ts';
import { copyKey } from '../bindings/key-copy.ts';
import { IDLE, waitUntilLoaded } from '../bindings/loading.ts';

/** Reactive data of a store: `entry.value` in effects, templates and `$derived`, or `$entry` by Svelte's store contract. */
export interface Live<V> {
  /** The value that is shown. */
  readonly value: V;
  /** Why the data can't be read, or why the last write failed; otherwise undefined. `value` keeps the last known value. */
  readonly error: unknown;
  /** Whether the first read has neither succeeded nor failed yet. */
  readonly isLoading: boolean;
  /** Resolves with the value as soon as there is one, for `{#await}`; rejects if the data can't be read. */
  readonly loaded: Promise<V>;
  /** Calls `run` with the value at once, and whenever it changes. Returns an unsubscribe function. */
  subscribe(run: (value: V) => void): () => void;
  /** Reads and follows again after an error. */
  retry(): void;
}

/** Reactive data that can also be written: `entry.value = …`, `$entry = …`, `bind:value={entry.value}`. */
export interface WritableLive<V> extends Live<V> {
  /** The value that is shown. Assigning to it calls `set`. */
  value: V;
  /** Shows the value at once and stores it. Resolves when it is stored. If it can't be stored, rejects, with the reason also in `error`. */
  set(value: V): Promise<void>;
  /** Like `set`, with the result of `change` for the value that is shown. */
  update(change: (value: V) => V): Promise<void>;
}

/** A value, or a function that returns it and reads `$state` or props. */
export type ValueOrGetter<T> = T | (() => T);

/** Returns a copy of the present key, path or range. */
export const getKey = <T>(source: ValueOrGetter<T>): T =>
  copyKey(typeof source === 'function' ? (source as () => T)() : source);

/** Returns the promise of a write. A failure is the error from then on, so it need not be caught: `$entry = …` can't. */
export type TrackWrite = <R>(write: Promise<R>) => Promise<R>;

/**
 * Returns an object with the data of an observer. `getObserver` is called at every read; it returns undefined while there is nothing to follow.
 * `createMembers` creates more members, which may be getters, and may replace `value`.
 */
export function createLive<T, Members extends object = object>(
  getObserver: () => Observer<T> | undefined,
  createMembers?: (getSnapshot: () => Snapshot<T>, track: TrackWrite) => Members,
): Live<T> & Members {
  let current: Observer<T> | undefined;
  let writeError: unknown;
  /** Registers the effect that calls it, so that the effect runs again after a change. */
  let subscribe: (() => void) | undefined;
  let notify: (() => void) | undefined;

  function getSnapshot(): Snapshot<T> {
    const observer = getObserver();
    if (observer !== current) {
      current = observer;
      writeError = undefined;
      subscribe =
        observer &&
        createSubscriber((update) => {
          notify = update;
          return observer.subscribe(update);
        });
    }
    // Read before subscribing, so that a value that is known at once doesn't count as a change.
    const snapshot = observer?.getSnapshot() ?? IDLE;
    subscribe?.();
    return snapshot;
  }

  async function load(): Promise<T> {
    await waitUntilLoaded(getObserver);
    return live.value;
  }

  function track<R>(write: Promise<R>): Promise<R> {
    const setError = (error: unknown) => {
      writeError = error;
      notify?.();
    };
    write.then(() => setError(undefined), setError);
    return write;
  }

  const live: Live<T> = {
    get value() {
      return getSnapshot().value;
    },
    get error() {
      const { error } = getSnapshot();
      return writeError ?? error;
    },
    get isLoading() {
      return getSnapshot().isLoading;
    },
    get loaded() {
      return load();
    },
    subscribe: (run) => toStore(() => live.value).subscribe(run),
    retry: () => current?.retry(),
  };
  const members = Object.getOwnPropertyDescriptors(createMembers?.(getSnapshot, track) ?? {});
  return Object.defineProperties(live, members) as Live<T> & Members;
}

/** Like `createLive`; `write` stores a value. */
export function createWritableLive<T, Options extends readonly unknown[], Members extends object>(
  getObserver: () => Observer<T> | undefined,
  write: (value: T, ...options: Options | []) => Promise<void>,
  createMembers: (track: TrackWrite) => Members,
): WritableLive<T> & Members & { set(value: T, ...options: Options | []): Promise<void> } {
  return createLive(getObserver, (getSnapshot, track) => {
    /**
     * `<select bind:value={…}>` that is mounted with an undefined value sets its first option, in an effect. While the value is still loading,
     * that must not replace the stored one.
     */
    const set = (value: T, ...options: Options | []): Promise<void> =>
      getSnapshot().isLoading && isInEffect() ? Promise.resolve() : track(write(value, ...options));
    return {
      ...createMembers(track),
      get value() {
        return getSnapshot().value;
      },
      set value(value) {
        void set(value);
      },
      set,
      update: (change: (value: T) => T) => set(change(getSnapshot().value)),
    };
  });
}

/** Returns whether an effect is running. `createSubscriber` starts only in effects, which is the only way to detect one from plain JavaScript. */
function isInEffect(): boolean {
  let isStarted = false;
  createSubscriber(() => {
    isStarted = true;
  })();
  return isStarted;
}
