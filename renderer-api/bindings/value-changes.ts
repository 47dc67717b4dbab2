import type { RemoteSubscribeOptions } from '../../client/remote.ts';
import type { Key } from '../../protocol/key.ts';
import type { SubscribeOptions } from '../../protocol/options.ts';
import type { ChangeOrReset } from '../../protocol/wire.ts';
import type { OnError } from './observer.ts';

/** What is used of a cache or an index to follow it. */
export interface FollowedStore {
  subscribe(listener: (change: ChangeOrReset<Key>) => void, options?: RemoteSubscribeOptions<Key>): () => void;
}

/** Receives a change: an item was set to `value`, or no longer exists. */
export type ValueChangeListener = (key: Key, value: unknown, exists: boolean) => void;

/**
 * Follows items of a store with their values, and begins with `onReset`, which is called again when changes were lost, when everything was deleted, and for a value that can't be sent:
 * read again. Returns an unsubscribe function.
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
    // The read says what is wrong with the key or the range.
  }
  onReset();
  return () => unsubscribe?.();
}
