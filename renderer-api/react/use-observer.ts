import { useSyncExternalStore } from 'react';
import type { Observer, Snapshot } from '../bindings/index.ts';

export interface SuspenseOptions {
  /**
   * True: while nothing was read the component suspends, so that the nearest `Suspense` shows its fallback, and an error is thrown to the
   * nearest error boundary. False, the default of all hooks but `useSetting`: the result tells both.
   */
  readonly suspense?: boolean;
}

/** The state of the data that a hook returns. */
export interface DataState {
  /** Why the data can't be read, a `DiskCacheError`; undefined while all is well. What was read before is still returned. */
  readonly error: unknown;
  /** Nothing was read yet, and nothing failed. */
  readonly isLoading: boolean;
  /** Reads again after an error. */
  readonly retry: () => void;
}

/** Returns what an observer shows; the component renders again when that changes. */
export function useObserver<T>(observer: Observer<T>, suspends: boolean | undefined): Snapshot<T> & DataState {
  const snapshot = useSyncExternalStore(observer.subscribe, observer.getSnapshot, observer.getServerSnapshot);
  if (suspends && typeof window !== 'undefined') {
    if (snapshot.isLoading) throw observer.getSettled();
    if (snapshot.error !== undefined) throw snapshot.error;
  }
  return { ...snapshot, retry: observer.retry };
}
