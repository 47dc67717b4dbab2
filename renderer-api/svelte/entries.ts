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
import { copyKey } from '../bindings/key-copy.ts';
import {
  createLive,
  createWritableLive,
  getValue,
  type Live,
  type ValueOrGetter,
  type WritableLive,
} from './live-data.ts';

/** An entry of a cache or an index. */
export interface LiveEntry<V> extends WritableLive<V | undefined> {
  /** Sets the value, or deletes the entry if it is `undefined`; see `useEntry`. Resolves when that is on disk. */
  set(value: V | undefined, ...options: readonly [SetOptions?]): Promise<void>;
  /** Deletes the entry. Resolves with whether there was one. */
  delete(): Promise<boolean>;
}

/**
 * Returns the value of a key in a cache or an index as reactive state, and follows it in all windows and processes; `undefined` if there is
 * none, and while it is loading. A key that depends on state is given as a function: `useEntry(app.users, () => id)`; while it is
 * `undefined`, so is the value.
 *
 * Assigning to `value` sets it, assigning `undefined` deletes it: every component of the page shows it at once, and the stored value again
 * if the write fails, with the reason in `error`. Values are replaced as a whole; changing a part of one doesn't store it.
 *
 * The components that show the same entry read it once, and follow it as long as one of them shows it.
 */
export function useEntry<K extends Key, V>(
  store: EntryStore<K, V>,
  key: ValueOrGetter<NoInfer<K> | undefined>,
): LiveEntry<V> {
  // The store refuses to write with a key that is undefined.
  const getKey = () => copyKey(getValue(key)) as K;
  return createWritableLive(
    () => {
      const present: K | undefined = getKey();
      return present === undefined ? undefined : observeEntry(store, present);
    },
    async (value: V | undefined, ...options: readonly [SetOptions?]) => {
      if (value === undefined) await deleteEntry(store, getKey());
      else await setEntry(store, getKey(), value, ...options);
    },
    (track) => ({ delete: () => track(deleteEntry(store, getKey())) }),
  );
}

/**
 * Returns the entries of a range of a cache or an index as reactive state, in its order, each with its key; without a range, all of them.
 * Changes of all windows and processes are applied to the entries that were read, at most once for each frame. A range that depends on state
 * is given as a function. An entry that hasn't changed stays the same object. For thousands of them show only those in view.
 */
export const useEntries = <K extends Key, V>(
  store: EntryStore<K, V>,
  range?: ValueOrGetter<Range<NoInfer<K>> | undefined>,
): Live<readonly EntryRow<K, V>[]> => createLive(() => observeEntries(store, copyKey(getValue(range))));
