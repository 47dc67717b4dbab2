import type { RemoteSubscribeOptions } from '../../client/remote.ts';
import type { Key } from '../../protocol/key.ts';
import type { SubscribeOptions } from '../../protocol/options.ts';
import type { ChangeOrReset } from '../../protocol/wire.ts';
import type { OnError } from './observer.ts';

/** The method of a cache or an index by which it is followed. */
export interface FollowedStore {
  subscribe(listener: (change: ChangeOrReset<Key>) => void, options?: RemoteSubscribeOptions<Key>): () => void;
}

/** Receives a change: an item was set to `value`, or no longer exists. */
export type ValueChangeListener = (key: Key, value: unknown, exists: boolean) => void;

/**
 * Follows entries of a store with their values. Calls `onReset`, which reads, at the beginning, after missed changes, when everything was deleted,
 * and for a value that isn't sent. Returns an unsubscribe function.
 */
export function followValues(
  store: FollowedStore,
  options: SubscribeOptions,
  fail: OnError,
  onChange: ValueChangeListener,
  onReset: () => void,
): () => void {
  let unsubscribe: (() => void) | undefined;
  try {
    unsubscribe = store.subscribe(
      ({ kind, key, value, error }) => {
        if (key === undefined || error !== undefined) onReset();
        else onChange(key, value, kind === 'set');
      },
      { ...options, values: true, onError: fail },
    );
  } catch {
    // An invalid key or range: the read reports it.
  }
  onReset();
  return () => unsubscribe?.();
}
