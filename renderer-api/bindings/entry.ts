import type { RemoteCache, RemoteIndex } from '../../client/remote.ts';
import type { Key } from '../../protocol/key.ts';
import type { SetOptions } from '../../protocol/options.ts';
import { diskCache } from '../index.ts';
import { ignoreDisconnected } from './failures.ts';
import { followKey } from './key-followers.ts';
import type { Observer } from './observer.ts';
import { getSharedObserver } from './shared-observers.ts';

/** A cache or an index. */
export type EntryStore<K extends Key, V> = RemoteCache<K, V> | RemoteIndex<K, V>;

/** Returns the observer of the value of a key; undefined while there is none. */
export const observeEntry = <K extends Key, V>(store: EntryStore<K, V>, key: K): Observer<V | undefined> =>
  getSharedObserver<V | undefined>(store, ['entry', key], undefined, ({ show, showNow, fail }) => {
    // What arrives while a read is under way may be newer than its result; if it is older, a newer one follows.
    let changed: { readonly value: V | undefined } | undefined;
    const read = (): void => {
      changed = undefined;
      store.get(key).then((value) => showNow(changed === undefined ? value : changed.value), ignoreDisconnected(fail));
    };
    if (!isKey(key)) {
      // The store tells what is wrong with it.
      read();
      return () => {};
    }
    return followKey(store, key, {
      read,
      change(value) {
        changed = { value: value as V | undefined };
        show(() => value as V | undefined);
      },
      fail,
    });
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

function isKey(key: Key): boolean {
  try {
    diskCache.url('any', key);
    return true;
  } catch {
    return false;
  }
}
