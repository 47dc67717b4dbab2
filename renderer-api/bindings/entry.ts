import type { RemoteCache, RemoteIndex } from '../../client/remote.ts';
import type { Key } from '../../protocol/key.ts';
import type { SetOptions } from '../../protocol/options.ts';
import { createReader } from './follow-by-reading.ts';
import type { Observer } from './observer.ts';
import { getSharedObserver } from './shared-observers.ts';
import { followValues } from './value-changes.ts';

/** A cache or an index. */
export type EntryStore<K extends Key, V> = RemoteCache<K, V> | RemoteIndex<K, V>;

/** Returns the observer of the value of a key; undefined while there is none. */
export const observeEntry = <K extends Key, V>(store: EntryStore<K, V>, key: K): Observer<V | undefined> =>
  getSharedObserver<V | undefined>(store, ['entry', key], undefined, (show, fail) => {
    // What arrives while a read is under way may be newer than its result; if it is older, a newer one follows.
    let changed: { readonly value: V | undefined } | undefined;
    const read = createReader(
      () => {
        changed = undefined;
        return store.get(key);
      },
      (value) => show(() => (changed ?? { value }).value, true),
      fail,
    );
    const onChange = (_: Key, value: unknown): void => {
      changed = { value: value as V | undefined };
      show(() => value as V | undefined);
    };
    return followValues(store, { key }, fail, onChange, read);
  });

/**
 * Sets a value, shown at once by all components of this page. Rejects, and shows the value of the store again, if it was refused. An index
 * takes no options, not even undefined ones.
 */
export const setEntry = <K extends Key, V>(
  store: EntryStore<K, V>,
  key: K,
  value: V,
  ...options: readonly [SetOptions?]
): Promise<void> =>
  observeEntry(store, key).write(
    value,
    () => (store as RemoteCache<K, V>).set(key, value, ...options),
    () => store.get(key),
  );

/** Deletes an item; otherwise like `setEntry`. Resolves with whether there was one. */
export const deleteEntry = <K extends Key, V>(store: EntryStore<K, V>, key: K): Promise<boolean> =>
  observeEntry(store, key).write(
    undefined,
    () => store.delete(key),
    () => store.get(key),
  );
