import { useSyncExternalStore } from 'react';
import type { Observer, Snapshot } from '../bindings/index.ts';

/** How a hook waits and fails. */
export interface SuspenseOptions {
  /**
   * With true the component suspends until the first read, so that the nearest `Suspense` shows its fallback, and an error is thrown to the
   * nearest error boundary. With false, the default of all hooks but `useSetting`, the result has `isLoading` and `error`.
   */
  readonly suspense?: boolean;
}

/** The state of the data that a hook returns. */
export interface DataState {
  /** Why the data can't be read, a `DiskCacheError`; undefined if it can. Data that was read before is still returned. */
  readonly error: unknown;
  /** Whether the first read has neither succeeded nor failed yet. */
  readonly isLoading: boolean;
  /** Reads again after an error. */
  readonly retry: () => void;
}

/** Returns the snapshot of an observer. The component renders again when it changes. */
export function useObserver<T>(observer: Observer<T>, suspends: boolean | undefined): Snapshot<T> & DataState {
  const snapshot = useSyncExternalStore(observer.subscribe, observer.getSnapshot, observer.getServerSnapshot);
  if (suspends && typeof window !== 'undefined') {
    if (snapshot.isLoading) throw observer.getSettled();
    if (snapshot.error !== undefined) throw snapshot.error;
  }
  return { ...snapshot, retry: observer.retry };
}
