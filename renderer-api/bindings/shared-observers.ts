import { DiskCacheError } from '../index.ts';
import { getIdentity } from './key-identity.ts';
import { createObserver, type Observer, type StartObserving } from './observer.ts';

const observersByStore = new WeakMap<object, Map<string, Observer<never>>>();

/**
 * Returns the observer of a part of a store, the same one for all components. `part` is the kind of data and its key, range or path; deeply equal
 * parts are the same part.
 *
 * @throws {DiskCacheError} `BAD_OPTION` for what is not a store.
 */
export function getSharedObserver<T>(
  store: object,
  part: readonly unknown[],
  initial: T,
  start: StartObserving<T>,
): Observer<T> {
  if (Object(store) !== store) throw new DiskCacheError('BAD_OPTION', `Not a store: ${String(store)}`);
  const observers = observersByStore.get(store) ?? new Map<string, Observer<T>>();
  observersByStore.set(store, observers as Map<string, Observer<never>>);
  const name = getIdentity(part);
  const shared = observers.get(name) as Observer<T> | undefined;
  if (shared !== undefined) return shared;
  const created: Observer<T> = createObserver(initial, start, () => {
    if (observers.get(name) === created) observers.delete(name);
  });
  observers.set(name, created as Observer<never>);
  return created;
}
