import type { RemoteCache, RemoteIndex } from '../../client/remote.ts';
import type { Key } from '../../protocol/key.ts';
import type { SetOptions } from '../../protocol/options.ts';
import { createReader } from './follow-by-reading.ts';
import type { Observer } from './observer.ts';
import { getSharedObserver } from './shared-observers.ts';
import { followValues } from './value-changes.ts';

/** A cache or an index. */
export type EntryStore<K extends Key, V> = RemoteCache<K, V> | RemoteIndex<K, V>;

/** An entry: the key and the value. It is the same object until its value changes. */
export type EntryRow<K, V> = readonly [key: K, value: V];

/** Returns the observer of the value of a key; its value is undefined while the key is missing. */
export const observeEntry = <K extends Key, V>(store: EntryStore<K, V>, key: K): Observer<V | undefined> =>
  getSharedObserver<V | undefined>(store, ['entry', key], undefined, (show, fail) => {
    // A value that arrives during a read may be newer than its result. If it is older, a newer one follows.
    let hasChanged = false;
    const read = createReader(
      () => {
        hasChanged = false;
        return store.get(key);
      },
      (value) => hasChanged || show(() => value, true),
      fail,
    );
    const onChange = (_: Key, value: unknown): void => {
      hasChanged = true;
      show(() => value as V | undefined);
    };
    return followValues(store, { key }, fail, onChange, read);
  });

/**
 * Sets a value, which all components of this page show at once. If it is refused, they show the stored value again, and the promise rejects. An
 * index takes no options, not even `undefined`.
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

/** Deletes an entry; otherwise like `setEntry`. Resolves with whether the entry existed. */
export const deleteEntry = <K extends Key, V>(store: EntryStore<K, V>, key: K): Promise<boolean> =>
  observeEntry(store, key).write(
    undefined,
    () => store.delete(key),
    () => store.get(key),
  );
