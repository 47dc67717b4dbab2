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

/** How a component writes the entry that it shows. */
export interface EntryMethods<V> {
  /** Sets the value, or deletes the entry if it is `undefined`; see `useEntry`. Resolves when that is on disk. */
  set(value: V | undefined, ...options: readonly [SetOptions?]): Promise<void>;
  /** Deletes the entry. Resolves with whether there was one. */
  delete(): Promise<boolean>;
}

/**
 * Returns a ref of the value of a key in a cache or an index, and follows it in all windows and processes; `undefined` if there is none, and
 * while it is loading. The key may be a ref or a getter; while it is `undefined`, so is the value.
 *
 * Assigning a value to the ref sets it, assigning `undefined` deletes it: every component of the page shows it at once, and the stored value
 * again if the write fails, with the reason in `error`. Values are replaced as a whole; changing a part of one doesn't store it.
 *
 * The components that show the same entry read it once. Works in any effect scope; outside one it follows the entry until the page ends.
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
 * Returns a ref of the entries of a range of a cache or an index, in its order, each with its key; without a range, all of them. Changes of
 * all windows and processes are applied to the entries that were read, at most once for each frame. The range may be a ref or a getter.
 * An entry that hasn't changed stays the same object. For thousands of them show only those in view.
 */
export function useEntries<K extends Key, V>(
  store: EntryStore<K, V>,
  range?: MaybeRefOrGetter<Range<NoInfer<K>> | undefined>,
): LiveRef<Readonly<Ref<readonly EntryRow<K, V>[]>>> {
  return toLiveRef(() => observeEntries(store, copyKey(toValue(range))));
}
