import { getIdentity } from './key-identity.ts';
import { createObserver, type Observer, type StartObserving } from './observer.ts';

const observersByStore = new WeakMap<object, Map<string, Observer<never>>>();

/**
 * Returns the one observer of a part of a store, however many components show it. `part`: what it is, and its key, range or path; deeply
 * equal parts are the same.
 */
export function getSharedObserver<T>(
  store: object,
  part: readonly unknown[],
  initial: T,
  start: StartObserving<T>,
): Observer<T> {
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
