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

/** What the members of an object are made with. */
export interface LiveParts<T> {
  /** Returns the promise of a write. A failure is the error from then on, so it need not be caught: `$entry = …` can't. */
  track<R>(write: Promise<R>): Promise<R>;
  /** Returns what is shown. Effects that call it run again when that changes. */
  getSnapshot(): Snapshot<T>;
}

/**
 * Returns an object that shows what an observer does. `getObserver` is called whenever it is read; it returns undefined while there is nothing
 * to follow. `createMembers` makes more members, among which may be getters, and another `value`.
 */
export function createLive<T, Members extends object = object>(
  getObserver: () => Observer<T> | undefined,
  createMembers: (parts: LiveParts<T>) => Members = () => ({}) as Members,
): Live<T> & Members {
  let current: Observer<T> | undefined;
  let writeError: unknown;
  /** Runs an effect that has called it again when something changes. */
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
    // Before it is subscribed to: what is known at once is no change.
    const snapshot = observer?.getSnapshot() ?? IDLE;
    subscribe?.();
    return snapshot;
  }

  async function load(): Promise<T> {
    let observer: Observer<T> | undefined;
    do {
      observer = getObserver();
      await observer?.getSettled();
      // The key may have changed in the meantime, or something was written.
    } while (observer !== getObserver() || observer?.getSnapshot().isLoading);
    const error = observer?.getSnapshot().error;
    if (error !== undefined) throw error;
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
  const members = createMembers({ track, getSnapshot });
  return Object.defineProperties(live, Object.getOwnPropertyDescriptors(members)) as Live<T> & Members;
}

/** Like `createLive`; `write` stores a value. */
export function createWritableLive<T, Options extends readonly unknown[], Members extends object>(
  getObserver: () => Observer<T> | undefined,
  write: (value: T, ...options: Options | []) => Promise<void>,
  createMembers: (track: LiveParts<T>['track']) => Members,
): WritableLive<T> & Members & { set(value: T, ...options: Options | []): Promise<void> } {
  return createLive(getObserver, ({ track, getSnapshot }) => {
    /**
     * `<select bind:value={…}>` sets its first option in an effect when it is mounted with a value that is undefined. While the value is still
     * loading, that must not replace the stored one.
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

/** Svelte tells outside its components by this alone: a subscriber starts in effects only. */
function isInEffect(): boolean {
  let isStarted = false;
  createSubscriber(() => {
    isStarted = true;
  })();
  return isStarted;
}
