import type { Key } from '../../protocol/key.ts';
import type { Range, SetOptions } from '../../protocol/options.ts';
import {
  deleteEntry,
  type EntryRow,
  type EntryStore,
  observeEntries,
  observeEntry,
  setEntry,
} from '../bindings/index.ts';
import {
  createLive,
  createWritableLive,
  getKey,
  type Live,
  type ValueOrGetter,
  type WritableLive,
} from './live-data.ts';

/** An entry of a cache or an index. */
export interface LiveEntry<V> extends WritableLive<V | undefined> {
  /** Sets the value, or deletes the entry if it is `undefined`; see `useEntry`. Resolves when that is stored. */
  set(value: V | undefined, ...options: readonly [SetOptions?]): Promise<void>;
  /** Deletes the entry. Resolves with whether it existed. */
  delete(): Promise<boolean>;
}

/**
 * Returns the value of a key in a cache or an index as reactive state, and follows its changes from any window and process. It is `undefined`
 * if the key is missing, and while it is loading. Pass a key that depends on state as a function: `useEntry(app.users, () => id)`. While the key
 * is `undefined`, so is the value.
 *
 * Assigning to `value` sets it, assigning `undefined` deletes it. Every component of the page shows it at once, and the stored value again if the
 * write fails, with the reason in `error`. Assign whole values: changing a part of one stores nothing.
 *
 * The components that show the same entry share one read and one subscription, which ends after the last of them is gone.
 */
export function useEntry<K extends Key, V>(
  store: EntryStore<K, V>,
  key: ValueOrGetter<NoInfer<K> | undefined>,
): LiveEntry<V> {
  // The store refuses to write with a key that is undefined.
  const getPresent = () => getKey(key) as K;
  return createWritableLive(
    () => {
      const present: K | undefined = getPresent();
      return present === undefined ? undefined : observeEntry(store, present);
    },
    async (value: V | undefined, ...options: readonly [SetOptions?]) => {
      if (value === undefined) await deleteEntry(store, getPresent());
      else await setEntry(store, getPresent(), value, ...options);
    },
    (track) => ({ delete: () => track(deleteEntry(store, getPresent())) }),
  );
}

/**
 * Returns the entries of a range of a cache or an index as reactive state, in its order, each with its key; without a range, all of them.
 * Changes from any window and process are applied to the entries that were read, at most once per frame. Pass a range that depends on state as a
 * function. An unchanged entry stays the same object. Of thousands of entries, render only those in view.
 */
export const useEntries = <K extends Key, V>(
  store: EntryStore<K, V>,
  range?: ValueOrGetter<Range<NoInfer<K>> | undefined>,
): Live<readonly EntryRow<K, V>[]> => createLive(() => observeEntries(store, getKey(range)));
