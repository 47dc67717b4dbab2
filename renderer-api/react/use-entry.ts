import { useMemo } from 'react';
import type { Key } from '../../protocol/key.ts';
import type { SetOptions } from '../../protocol/options.ts';
import { deleteEntry, type EntryStore, observeEntry, setEntry } from '../bindings/index.ts';
import { type DataState, parseOptions, type SuspenseOptions, useObserver } from './use-observer.ts';

/** A value, or a function that computes it from the one that is shown. */
export type NextValue<V> = V | ((shown: V | undefined) => V);

/** The functions that write an entry. */
export interface EntryActions<V> {
  /**
   * Sets the value. All components of this page show it at once; if it is refused, they show the stored value again and the promise rejects.
   * `options` are those of `set` of a cache; an index takes none.
   */
  readonly set: (value: NextValue<V>, ...options: readonly [SetOptions?]) => Promise<void>;
  /** Deletes the entry, which components show at once as with `set`. Resolves with whether the entry existed. */
  readonly delete: () => Promise<boolean>;
}

/** The value of a key and a function that sets it, as a pair like that of `useState`, and by name. */
export type EntryResult<V> = readonly [value: V | undefined, set: EntryActions<V>['set']] &
  EntryActions<V> &
  DataState & {
    /** Undefined while the key is missing, and while it is loading. */
    readonly value: V | undefined;
  };

/**
 * Returns the value of a key of a cache or an index, and follows its changes from any window and process. Keys are compared deeply, so an array
 * may be created in each render. All components that show a key share one read and one subscription.
 */
export function useEntry<K extends Key, V>(
  store: EntryStore<K, V>,
  key: NoInfer<K>,
  options?: SuspenseOptions,
): EntryResult<V> {
  const { suspense } = parseOptions('useEntry', options);
  const observer = observeEntry<K, V>(store, key);
  const state = useObserver(observer, suspense);
  // The observer stands for both dependencies: another store or key has another observer.
  const actions = useMemo<EntryActions<V>>(
    () => ({
      set: (next, ...options) =>
        setEntry<K, V>(store, key, resolveNext(next, observer.getSnapshot().value), ...options),
      delete: () => deleteEntry<K, V>(store, key),
    }),
    [observer],
  );
  return Object.assign([state.value, actions.set] as const, state, actions);
}

/** Returns the value to set. A function can't be a value, so it always computes one. */
export const resolveNext = <V>(next: NextValue<V>, shown: V | undefined): V =>
  typeof next === 'function' ? (next as (shown: V | undefined) => V)(shown) : next;
