import { useSyncExternalStore } from 'react';
import { parseHookOptions } from '../bindings/hook-options.ts';
import type { Observer, Snapshot } from '../bindings/index.ts';
import { DiskCacheError } from '../index.ts';

/** How a hook waits and fails. */
export interface SuspenseOptions {
  /**
   * With true the component suspends until the first read, so that the nearest `Suspense` shows its fallback, and an error is thrown to the
   * nearest error boundary. With false, the default of all hooks but `useSetting`, the result has `isLoading` and `error`.
   */
  readonly suspense?: boolean;
}

/**
 * Returns the options of a hook. `names` are its own options, beside `suspense`.
 *
 * @throws {DiskCacheError} `BAD_OPTION` for an unknown option, a `suspense` that is not a flag, and for what is not an object.
 */
export function parseOptions<T extends SuspenseOptions>(
  hook: string,
  options: T | undefined,
  ...names: readonly (keyof T & string)[]
): Partial<T> {
  const parsed = parseHookOptions(hook, options, ...names, 'suspense');
  if (parsed.suspense === undefined || typeof parsed.suspense === 'boolean') return parsed;
  throw new DiskCacheError('BAD_OPTION', `${hook}: suspense has to be true or false`);
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
