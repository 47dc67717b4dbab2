import { type MaybeRefOrGetter, type Ref, toValue } from 'vue';
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
import { type LiveRef, toLiveRef, toWritableRef } from './live-ref.ts';

/** The methods that write an entry. */
export interface EntryMethods<V> {
  /** Sets the value, or deletes the entry if it is `undefined`; see `useEntry`. Resolves when that is stored. */
  set(value: V | undefined, ...options: readonly [SetOptions?]): Promise<void>;
  /** Deletes the entry. Resolves with whether it existed. */
  delete(): Promise<boolean>;
}

/**
 * Returns a ref of the value of a key in a cache or an index, and follows its changes from any window and process. It is `undefined` if the key
 * is missing, and while it is loading. The key may be a ref or a getter; while it is `undefined`, so is the value.
 *
 * Assigning a value to the ref sets it, assigning `undefined` deletes it. Every component of the page shows it at once, and the stored value again
 * if the write fails, with the reason in `error`. Assign whole values: changing a part of one stores nothing.
 *
 * The components that show the same entry share one read and one subscription. Works in any effect scope; outside of one it follows the entry
 * until the page ends.
 */
export function useEntry<K extends Key, V>(
  store: EntryStore<K, V>,
  key: MaybeRefOrGetter<NoInfer<K> | undefined>,
): LiveRef<Ref<V | undefined>, EntryMethods<V>> {
  // The store refuses to write with a key that is undefined.
  const getKey = () => copyKey(toValue(key)) as K;
  return toWritableRef<V | undefined, EntryMethods<V>>(
    () => {
      const present: K | undefined = getKey();
      return present === undefined ? undefined : observeEntry(store, present);
    },
    (track) => ({
      set: (value, ...options) =>
        track(
          value === undefined
            ? deleteEntry(store, getKey()).then(() => {})
            : setEntry(store, getKey(), value, ...options),
        ),
      delete: () => track(deleteEntry(store, getKey())),
    }),
  );
}

/**
 * Returns a ref of the entries of a range of a cache or an index, in its order, each with its key; without a range, all of them. Changes from any
 * window and process are applied to the entries that were read, at most once per frame. The range may be a ref or a getter. An unchanged entry
 * stays the same object. Of thousands of entries, render only those in view.
 */
export function useEntries<K extends Key, V>(
  store: EntryStore<K, V>,
  range?: MaybeRefOrGetter<Range<NoInfer<K>> | undefined>,
): LiveRef<Readonly<Ref<readonly EntryRow<K, V>[]>>> {
  return toLiveRef(() => observeEntries(store, copyKey(toValue(range))));
}
