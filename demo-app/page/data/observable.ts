import { useSyncExternalStore } from 'preact/compat';

/** A value that notifies its subscribers of changes. */
export interface Observable<T> {
  readonly get: () => T;
  readonly set: (value: T) => void;
  /** Returns an unsubscribe function. */
  readonly subscribe: (listener: () => void) => () => void;
}

export function observable<T>(value: T): Observable<T> {
  const listeners = new Set<() => void>();
  return {
    get: () => value,
    set(next) {
      if (Object.is(value, next)) return;
      value = next;
      for (const listener of listeners) listener();
    },
    subscribe(listener) {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
  };
}

/** The value in a component, which renders again when it changes. */
export const useObservable = <T>(observed: Observable<T>): T => useSyncExternalStore(observed.subscribe, observed.get);
